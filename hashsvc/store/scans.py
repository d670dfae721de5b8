"""The work list: scans, and their items with state, lease and attempts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.ids import DEFAULT_ORGANISATION, ItemId, KeyId, OrganisationId, ScanId
from hashsvc.store.tables import scan, scan_item


@dataclass(frozen=True, slots=True)
class Scan:
    """A batch of reported URLs."""

    id: ScanId
    key_id: KeyId
    created_at: datetime
    cancelled_at: datetime | None
    organisation_id: OrganisationId


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """
    One reported URL of a scan.

    Attributes:
        due_at: When it may be taken; for a leased item, when the lease ends.

        attempts: How often it was taken.

        reason: Why it failed, in the service's own words; None while it has not.
    """

    id: ItemId
    scan_id: ScanId
    url: str
    state: str
    attempts: int
    due_at: datetime
    reason: str | None
    images: int
    images_failed: int
    finished_at: datetime | None


def add(
    connection: Connection,
    scan_id: ScanId,
    key_id: KeyId,
    urls: Sequence[str],
    now: datetime,
    organisation_id: OrganisationId = DEFAULT_ORGANISATION,
) -> None:
    """Store a scan with one queued item for each URL."""
    connection.execute(
        insert(scan).values(
            id=scan_id, key_id=key_id, created_at=now, organisation_id=organisation_id
        )
    )
    if urls:
        key, place = data_keys.records(connection), _place(scan_id)
        sealed = [key.seal_text(url, place=place) for url in urls]
        connection.execute(
            insert(scan_item),
            [{"scan_id": scan_id, "url": url, "state": "queued", "due_at": now} for url in sealed],
        )


def by_id(
    connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None = None
) -> Scan:
    """
    Return one scan.

    Args:
        organisation_id: Whose it has to be; None stands for any.

    Raises:
        UnknownRowError: If there is none with this id.
    """
    query = select(scan).where(scan.c.id == scan_id)
    if organisation_id is not None:
        query = query.where(scan.c.organisation_id == organisation_id)
    return rows.as_one(Scan, connection.execute(query))


def progress(connection: Connection, scan_id: ScanId) -> dict[str, int]:
    """Return how many items of a scan are in each state; states without any are left out."""
    query = (
        select(scan_item.c.state, func.count())
        .where(scan_item.c.scan_id == scan_id)
        .group_by(scan_item.c.state)
    )
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def items_of(connection: Connection, scan_id: ScanId, *, after: ItemId, limit: int) -> list[Item]:
    """Return one page of a scan's items, by id."""
    query = (
        select(scan_item)
        .where(scan_item.c.scan_id == scan_id, scan_item.c.id > after)
        .order_by(scan_item.c.id)
        .limit(limit)
    )
    return _opened(connection, rows.as_list(Item, connection.execute(query)))


def lease(connection: Connection, *, now: datetime, until: datetime) -> Item | None:
    """
    Take the item that has waited longest, or one whose lease ran out; None when none is due.

    Each taking counts as an attempt, so that an item that kills its worker is not taken forever.
    """
    due = (
        select(scan_item.c.id)
        .where(scan_item.c.state.in_(("queued", "failed", "leased")), scan_item.c.due_at <= now)
        .order_by(scan_item.c.due_at, scan_item.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(scan_item)
        .where(scan_item.c.id == due.scalar_subquery())
        .values(state="leased", due_at=until, attempts=scan_item.c.attempts + 1)
        .returning(*scan_item.c)
    )
    taken = _opened(connection, rows.as_list(Item, connection.execute(query)))
    return taken[0] if taken else None


def _opened(connection: Connection, items: list[Item]) -> list[Item]:
    if not items:
        return []
    key = data_keys.records(connection)
    return [
        replace(each, url=key.open_text(each.url, place=_place(each.scan_id))) for each in items
    ]


def _place(scan_id: ScanId) -> str:
    return f"url of scan {scan_id}"


def _held(item: Item) -> object:
    # The attempt number tells this lease from a later one of the same item.
    return and_(
        scan_item.c.id == item.id,
        scan_item.c.state == "leased",
        scan_item.c.attempts == item.attempts,
    )


def finish(
    connection: Connection, item: Item, *, images: int, images_failed: int, now: datetime
) -> bool:
    """Mark a leased item done; False when the lease was lost in the meantime."""
    query = (
        update(scan_item)
        .where(_held(item))  # type: ignore[arg-type]
        .values(
            state="done",
            reason=None,
            images=images,
            images_failed=images_failed,
            finished_at=now,
        )
    )
    return rows.changed_one(connection.execute(query))


def fail(
    connection: Connection, item: Item, *, reason: str, retry_at: datetime | None, now: datetime
) -> bool:
    """Mark a leased item failed until `retry_at`, or dead when that is None."""
    state = "dead" if retry_at is None else "failed"
    query = (
        update(scan_item)
        .where(_held(item))  # type: ignore[arg-type]
        .values(
            state=state,
            reason=reason,
            due_at=retry_at or now,
            finished_at=now if retry_at is None else None,
        )
    )
    return rows.changed_one(connection.execute(query))


def cancel(connection: Connection, scan_id: ScanId, now: datetime) -> int:
    """Stop what has not begun, and return how many items that were."""
    connection.execute(
        update(scan)
        .where(scan.c.id == scan_id, scan.c.cancelled_at.is_(None))
        .values(cancelled_at=now)
    )
    changed = connection.execute(
        update(scan_item)
        .where(
            scan_item.c.scan_id == scan_id,
            or_(scan_item.c.state == "queued", scan_item.c.state == "failed"),
        )
        .values(state="cancelled", finished_at=now)
    )
    return changed.rowcount


def count_waiting(connection: Connection) -> int:
    """Return how many items are still to be done, in all scans."""
    query = select(func.count()).where(scan_item.c.state.in_(("queued", "failed", "leased")))
    return connection.execute(query).scalar_one()


def finished_before(connection: Connection, moment: datetime) -> list[ScanId]:
    """Return the scans that were submitted before a moment and have nothing left to do."""
    waiting = select(scan_item.c.scan_id).where(
        scan_item.c.state.in_(("queued", "failed", "leased"))
    )
    query = select(scan.c.id).where(scan.c.created_at < moment, scan.c.id.not_in(waiting))
    return list(connection.execute(query).scalars())


def delete_scan(connection: Connection, scan_id: ScanId) -> None:
    """Delete a scan with its items; the matches that were found by it stay."""
    connection.execute(delete(scan).where(scan.c.id == scan_id))
