"""Watches: scans that are repeated on a schedule until the watch ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import rows
from hashsvc.store.ids import KeyId, OrganisationId, ScanId, WatchId
from hashsvc.store.tables import watch


@dataclass(frozen=True, slots=True)
class Watch:
    """
    One watch.

    Attributes:
        scan_id: The latest scan of the watched URLs; at first the scan that somebody submitted.

        due_at: When the next scan begins; None once the watch has ended.

        ends_at: When the watch ends by itself.
    """

    id: WatchId
    key_id: KeyId
    organisation_id: OrganisationId
    scan_id: ScanId
    every_h: int
    created_at: datetime
    due_at: datetime | None
    ends_at: datetime


def add(connection: Connection, new: Watch) -> None:
    """Store a new watch."""
    values = {name: getattr(new, name) for name in Watch.__slots__}
    connection.execute(insert(watch).values(**values))


def by_id(
    connection: Connection, watch_id: WatchId, organisation_id: OrganisationId | None = None
) -> Watch:
    """
    Return one watch.

    Args:
        organisation_id: The organisation that the watch must belong to; None accepts any.

    Raises:
        UnknownRowError: If no such watch has this id.
    """
    query = select(watch).where(watch.c.id == watch_id)
    if organisation_id is not None:
        query = query.where(watch.c.organisation_id == organisation_id)
    return rows.as_one(Watch, connection.execute(query))


def search(
    connection: Connection, organisation_id: OrganisationId | None, *, limit: int
) -> list[Watch]:
    """Return at most `limit` watches, newest first, of one organisation if it is given."""
    query = select(watch).order_by(watch.c.created_at.desc(), watch.c.id).limit(limit)
    if organisation_id is not None:
        query = query.where(watch.c.organisation_id == organisation_id)
    return rows.as_list(Watch, connection.execute(query))


def end(connection: Connection, watch_id: WatchId) -> None:
    """End a watch; its scans and their matches stay."""
    connection.execute(update(watch).where(watch.c.id == watch_id).values(due_at=None))


def take_due(connection: Connection, now: datetime) -> Watch | None:
    """
    Return a watch that is due, and set when it is due next; return None if none is due.

    Scans that were missed while the service was down are not run later.
    """
    query = (
        select(watch)
        .where(watch.c.due_at <= now)
        .order_by(watch.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    due = Watch(**row)
    following = now + timedelta(hours=due.every_h)
    connection.execute(
        update(watch)
        .where(watch.c.id == due.id)
        .values(due_at=following if following <= due.ends_at else None)
    )
    return due


def go_on_from(connection: Connection, watch_id: WatchId, scan_id: ScanId) -> None:
    """Set the latest scan of a watch."""
    connection.execute(update(watch).where(watch.c.id == watch_id).values(scan_id=scan_id))
