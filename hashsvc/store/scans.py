"""Scans and their items; `leases` has the functions by which workers take and end items."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.errors import UnknownRowError
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    ItemId,
    KeyId,
    MatchId,
    OrganisationId,
    ScanId,
    WatchId,
)
from hashsvc.store.tables import WAITING, case, content, match, scan, scan_item, sighting

Rules = Mapping[str, Sequence[int]]
"""Line numbers by the rule that the lines break."""


@dataclass(frozen=True, slots=True)
class Scan:
    """
    A batch of reported URLs.

    Attributes:
        duplicates: How many lines of the batch repeated an earlier URL.

        invalid: Lines of the batch that were not valid URLs.

        watch_id: The watch that started the scan; None if somebody reported the URLs.

        via: Name of the proxy that the URLs are fetched through; None for the settings' default.
    """

    id: ScanId
    key_id: KeyId
    created_at: datetime
    cancelled_at: datetime | None
    organisation_id: OrganisationId
    duplicates: int = 0
    invalid: Rules = field(default_factory=dict)
    watch_id: WatchId | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """
    One reported URL of a scan.

    Attributes:
        due_at: When the item may be taken; for a leased item, when the lease ends.

        attempts: How often the item was taken.

        reason: Why the item failed, in the service's own words; None if it has not failed.

        host_digest: Digest of the URL's host, equal for all items of one host.

        attempts_before: Attempts that do not count towards the limit: those before somebody asked
            for a retry, and those after which the worker gave the item back.

    `images` and the numbers from `icons_left_out` on are described at `Tally`. The latter are None
    if the item was not looked at, or was by a version that did not count them.
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
    host_digest: bytes | None
    attempts_before: int
    icons_left_out: int | None = None
    images_over_limit: int | None = None
    frames_not_followed: int | None = None
    parts_not_read: int | None = None
    pictures_left_out: int | None = None

    @property
    def images_seen(self) -> int | None:
        """Number of all images at the URL; None if it is not known."""
        if self.icons_left_out is None or self.images_over_limit is None:
            return None
        return self.images + self.images_failed + self.icons_left_out + self.images_over_limit


@dataclass(frozen=True, slots=True)
class Seen:
    """A match whose image was at an item's URL; `is_new` if this scan found it first."""

    item_id: ItemId
    match_id: MatchId
    tier: str
    state: str
    found_at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True, repr=False)
class Repeatable:
    """
    An Idempotency-Key and the batch sent with it; only their digests are stored.

    Attributes:
        name: The Idempotency-Key with its owner.

        batch: The batch that was sent with the key.
    """

    name: str
    batch: str


def add(
    connection: Connection,
    scan_id: ScanId,
    key_id: KeyId,
    urls: Sequence[str] | Mapping[str, str],
    now: datetime,
    organisation_id: OrganisationId = DEFAULT_ORGANISATION,
    *,
    duplicates: int = 0,
    invalid: Rules | None = None,
    repeatable: Repeatable | None = None,
    watch_id: WatchId | None = None,
    via: str | None = None,
) -> None:
    """
    Store a scan with one queued item for each URL.

    Args:
        urls: The URLs, or a mapping from each URL to its host. With the hosts, workers can tell
            which items share a host.
    """
    key = data_keys.records(connection)
    values = {
        "id": scan_id,
        "key_id": key_id,
        "created_at": now,
        "organisation_id": organisation_id,
        "duplicates": duplicates,
        "invalid": json.dumps(invalid) if invalid else None,
        "watch_id": watch_id,
        "via": via,
    }
    if repeatable is not None:
        values["repeat_digest"] = key.digest(repeatable.name)
        values["batch_digest"] = key.digest(repeatable.batch)
    connection.execute(insert(scan).values(**values))
    if urls:
        hosts = urls if isinstance(urls, Mapping) else {}
        digests = {host: key.digest(f"host {host}") for host in set(hosts.values())}
        context = _context(scan_id)
        connection.execute(
            insert(scan_item),
            [
                {
                    "scan_id": scan_id,
                    "url": key.seal_text(url, context=context),
                    "state": "queued",
                    "due_at": now,
                    "host_digest": digests.get(hosts.get(url, "")),
                }
                for url in urls
            ],
        )


def repeated(
    connection: Connection, repeatable: Repeatable, *, since: datetime
) -> tuple[Scan, bool] | None:
    """
    Return the scan made with an Idempotency-Key, and whether its batch was the same.

    A scan made before `since` loses its Idempotency-Key, so the result for that key is then None.
    """
    key = data_keys.records(connection)
    digest = key.digest(repeatable.name)
    connection.execute(
        update(scan)
        .where(scan.c.repeat_digest == digest, scan.c.created_at < since)
        .values(repeat_digest=None, batch_digest=None)
    )
    query = select(scan.c.id, scan.c.batch_digest).where(scan.c.repeat_digest == digest)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return by_id(connection, row.id), row.batch_digest == key.digest(repeatable.batch)


def by_id(
    connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None = None
) -> Scan:
    """
    Return one scan.

    Args:
        organisation_id: The organisation that the scan must belong to; None accepts any.

    Raises:
        UnknownRowError: If no such scan has this id.
    """
    columns = [scan.c[name] for name in Scan.__slots__]
    query = select(*columns).where(scan.c.id == scan_id)
    if organisation_id is not None:
        query = query.where(scan.c.organisation_id == organisation_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownRowError("No such scan.")
    return Scan(**(dict(row) | {"invalid": json.loads(row["invalid"] or "{}")}))


def via_of(connection: Connection, scan_id: ScanId) -> str | None:
    """Return the name of a scan's proxy; None for the settings' default. The scan must exist."""
    via: str | None = connection.execute(
        select(scan.c.via).where(scan.c.id == scan_id)
    ).scalar_one()
    return via


def progress(connection: Connection, scan_id: ScanId) -> dict[str, int]:
    """Return how many items of a scan are in each state; states without items are left out."""
    query = (
        select(scan_item.c.state, func.count())
        .where(scan_item.c.scan_id == scan_id)
        .group_by(scan_item.c.state)
    )
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def items_of(connection: Connection, scan_id: ScanId, *, after: ItemId, limit: int) -> list[Item]:
    """Return at most `limit` of a scan's items whose ids are above `after`, in order of id."""
    query = (
        select(scan_item)
        .where(scan_item.c.scan_id == scan_id, scan_item.c.id > after)
        .order_by(scan_item.c.id)
        .limit(limit)
    )
    return opened(connection, rows.as_list(Item, connection.execute(query)))


def seen_by(
    connection: Connection,
    scan_id: ScanId,
    organisation_id: OrganisationId | None = None,
    *,
    since: datetime | None = None,
) -> list[Seen]:
    """
    Return the matches whose images a scan's items saw.

    Args:
        organisation_id: Return only matches of this organisation's cases; None for all.

        since: Return only matches seen by an item that finished at or after this time; None for
            all.
    """
    query = (
        select(
            sighting.c.item_id,
            sighting.c.match_id,
            match.c.tier,
            match.c.state,
            match.c.found_at,
            (match.c.scan_id == scan_id).label("is_new"),
        )
        .join(scan_item, scan_item.c.id == sighting.c.item_id)
        .join(match, match.c.id == sighting.c.match_id)
        .where(scan_item.c.scan_id == scan_id)
        .order_by(sighting.c.item_id, sighting.c.match_id)
    )
    if since is not None:
        query = query.where(scan_item.c.finished_at >= since)
    if organisation_id is not None:
        query = (
            query.join(content, content.c.id == match.c.content_id)
            .join(case, case.c.id == content.c.case_id)
            .where(case.c.organisation_id == organisation_id)
        )
    found = [dict(row) for row in connection.execute(query).mappings()]
    return [Seen(**(row | {"is_new": bool(row["is_new"])})) for row in found]


def opened(connection: Connection, items: list[Item]) -> list[Item]:
    """Return stored items with their URLs unsealed."""
    if not items:
        return []
    key = data_keys.records(connection)
    return [
        replace(each, url=key.open_text(each.url, context=_context(each.scan_id))) for each in items
    ]


def _context(scan_id: ScanId) -> str:
    return f"url of scan {scan_id}"


def cancel(connection: Connection, scan_id: ScanId, now: datetime) -> int:
    """Cancel a scan's items that have not begun, and return how many."""
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


def resume(connection: Connection, scan_id: ScanId, now: datetime) -> int:
    """Queue a scan's cancelled items again, and return how many."""
    connection.execute(update(scan).where(scan.c.id == scan_id).values(cancelled_at=None))
    return _queue_again(connection, scan_id, now, "cancelled")


def retry(connection: Connection, scan_id: ScanId, now: datetime) -> int:
    """Queue a scan's failed and dead items again, and return how many."""
    return _queue_again(connection, scan_id, now, "dead", "failed")


def _queue_again(connection: Connection, scan_id: ScanId, now: datetime, *states: str) -> int:
    # Do not reset the number of attempts: it tells one lease of an item from a later one.
    changed = connection.execute(
        update(scan_item)
        .where(scan_item.c.scan_id == scan_id, scan_item.c.state.in_(states))
        .values(
            state="queued",
            due_at=now,
            reason=None,
            finished_at=None,
            attempts_before=scan_item.c.attempts,
        )
    )
    return changed.rowcount


def count_waiting(connection: Connection) -> int:
    """Return how many items, over all scans, are queued, leased or failed."""
    query = select(func.count()).select_from(scan_item).where(WAITING)
    return connection.execute(query).scalar_one()


def finished_before(connection: Connection, moment: datetime) -> list[ScanId]:
    """Return the scans that were made before this moment and have no items left to do."""
    waiting = select(scan_item.c.scan_id).where(WAITING)
    query = select(scan.c.id).where(scan.c.created_at < moment, scan.c.id.not_in(waiting))
    return list(connection.execute(query).scalars())


def delete_scan(connection: Connection, scan_id: ScanId) -> bool:
    """Delete a scan with its items, but not its matches; return False if there is no such scan."""
    return rows.changed_one(connection.execute(delete(scan).where(scan.c.id == scan_id)))
