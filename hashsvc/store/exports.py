"""Bulk exports: requests, which a second administrator must approve, and the exported codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import rows, signatures
from hashsvc.store.ids import ContentId, ExportId, KeyId
from hashsvc.store.tables import bulk_export, content, pending_content

PAGE = 500
"""Contents whose codes an export reads at a time."""


@dataclass(frozen=True, slots=True)
class Export:
    """One request; `approved_by` is None until it is approved, `taken_by` until it is taken."""

    id: ExportId
    requested_by: KeyId
    requested_at: datetime
    expires_at: datetime
    approved_by: KeyId | None
    approved_at: datetime | None
    taken_by: KeyId | None
    taken_at: datetime | None


def add(
    connection: Connection, export_id: ExportId, *, by: KeyId, now: datetime, expires_at: datetime
) -> None:
    """Store a new request."""
    connection.execute(
        insert(bulk_export).values(
            id=export_id, requested_by=by, requested_at=now, expires_at=expires_at
        )
    )


def live(connection: Connection, export_id: ExportId, now: datetime) -> Export:
    """
    Return a request that is neither expired nor taken.

    Raises:
        UnknownRowError: If no such request has this id.
    """
    query = select(bulk_export).where(
        bulk_export.c.id == export_id,
        bulk_export.c.taken_at.is_(None),
        bulk_export.c.expires_at > now,
    )
    return rows.as_one(Export, connection.execute(query))


def approve(connection: Connection, export_id: ExportId, *, by: KeyId, now: datetime) -> bool:
    """Approve a request; return False if it was approved before."""
    query = (
        update(bulk_export)
        .where(bulk_export.c.id == export_id, bulk_export.c.approved_at.is_(None))
        .values(approved_by=by, approved_at=now)
    )
    return rows.changed_one(connection.execute(query))


def take(connection: Connection, export_id: ExportId, *, by: KeyId, now: datetime) -> bool:
    """Mark an approved request as taken; return False if it was taken before."""
    query = (
        update(bulk_export)
        .where(
            bulk_export.c.id == export_id,
            bulk_export.c.approved_at.is_not(None),
            bulk_export.c.taken_at.is_(None),
        )
        .values(taken_by=by, taken_at=now)
    )
    return rows.changed_one(connection.execute(query))


def codes(connection: Connection, algorithm: str) -> Iterator[bytes]:
    """Yield every code of one algorithm, of all contents that are not pending."""
    last = ContentId(0)
    while content_ids := _searched(connection, last):
        for each in signatures.codes_of(connection, content_ids):
            if each.group.algorithm == algorithm:
                yield from each.group
        last = content_ids[-1]


def _searched(connection: Connection, after: ContentId) -> list[ContentId]:
    query = (
        select(content.c.id)
        .outerjoin(pending_content, pending_content.c.content_id == content.c.id)
        .where(content.c.id > after, pending_content.c.content_id.is_(None))
        .order_by(content.c.id)
        .limit(PAGE)
    )
    return list(connection.execute(query).scalars())
