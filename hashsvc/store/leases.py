"""The work list as workers see it: items are taken for a time, and ended by who holds them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from hashsvc.store import rows, scans
from hashsvc.store.ids import ItemId, MatchId, ScanId
from hashsvc.store.scans import Item
from hashsvc.store.tables import WAITING, scan_item, sighting


def is_due(connection: Connection, *, now: datetime, avoiding: Collection[bytes] = ()) -> bool:
    """Tell whether there is an item to take."""
    query = select(scan_item.c.id).where(_due(now, avoiding)).limit(1)
    return connection.execute(query).first() is not None


def take(
    connection: Connection,
    *,
    now: datetime,
    until: datetime,
    avoiding: Collection[bytes] = (),
    passing_over: Collection[ScanId] = (),
) -> Item | None:
    """
    Take the item that has waited longest, or one whose lease ran out; None when none is due.

    Each taking counts as an attempt, so that an item that kills its worker is not taken forever.

    Args:
        until: When the lease ends.

        avoiding: Digests of hosts of which no more is wanted at present.

        passing_over: Scans whose turn it is not.
    """
    due = (
        select(scan_item.c.id)
        .where(_due(now, avoiding), scan_item.c.scan_id.not_in(passing_over))
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
    taken = scans.opened(connection, rows.as_list(Item, connection.execute(query)))
    return taken[0] if taken else None


def _due(now: datetime, avoiding: Collection[bytes]) -> ColumnElement[bool]:
    rules: list[ColumnElement[bool]] = [WAITING, scan_item.c.due_at <= now]  # type: ignore[list-item]
    if avoiding:
        rules.append(
            or_(scan_item.c.host_digest.is_(None), scan_item.c.host_digest.not_in(avoiding))
        )
    return and_(*rules)


def _held(item: Item) -> ColumnElement[bool]:
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
        .where(_held(item))
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
    connection: Connection,
    item: Item,
    *,
    reason: str,
    retry_at: datetime | None,
    now: datetime,
    images: int = 0,
    images_failed: int = 0,
) -> bool:
    """Mark a leased item failed until `retry_at`, or dead when that is None."""
    state = "dead" if retry_at is None else "failed"
    query = (
        update(scan_item)
        .where(_held(item))
        .values(
            state=state,
            reason=reason,
            due_at=retry_at or now,
            images=images,
            images_failed=images_failed,
            finished_at=now if retry_at is None else None,
        )
    )
    return rows.changed_one(connection.execute(query))


def give_back(connection: Connection, item: Item, *, now: datetime) -> bool:
    """Put a leased item back into the list, as if it had not been tried this time."""
    query = (
        update(scan_item)
        .where(_held(item))
        .values(state="queued", due_at=now, attempts_before=item.attempts_before + 1)
    )
    return rows.changed_one(connection.execute(query))


def note_sighting(connection: Connection, item_id: ItemId, match_id: MatchId) -> None:
    """Remember that a match's image was there when an item was looked at."""
    values = {"item_id": item_id, "match_id": match_id}
    connection.execute(rows.insert_once(connection, sighting).values(**values))
