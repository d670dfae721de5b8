"""Requests for a new PIN, which a second analyst must approve."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from hashsvc.store import rows
from hashsvc.store.ids import CaseId, KeyId, ResetId
from hashsvc.store.tables import pin_reset


@dataclass(frozen=True, slots=True)
class Reset:
    """One request; `approved_by` and `approved_at` are None until it is approved."""

    id: ResetId
    case_id: CaseId
    requested_by: KeyId
    requested_at: datetime
    expires_at: datetime
    approved_by: KeyId | None
    approved_at: datetime | None


def add(
    connection: Connection,
    reset_id: ResetId,
    case_id: CaseId,
    *,
    by: KeyId,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a new request, replacing requests for the same case that wait for approval."""
    connection.execute(
        delete(pin_reset).where(pin_reset.c.case_id == case_id, pin_reset.c.approved_at.is_(None))
    )
    connection.execute(
        insert(pin_reset).values(
            id=reset_id, case_id=case_id, requested_by=by, requested_at=now, expires_at=expires_at
        )
    )


def waiting(connection: Connection, reset_id: ResetId, case_id: CaseId, now: datetime) -> Reset:
    """
    Return a request for this case that is neither expired nor approved.

    Raises:
        UnknownRowError: If no such request has this id.
    """
    query = select(pin_reset).where(
        pin_reset.c.id == reset_id,
        pin_reset.c.case_id == case_id,
        pin_reset.c.approved_at.is_(None),
        pin_reset.c.expires_at > now,
    )
    return rows.as_one(Reset, connection.execute(query))


def approve(connection: Connection, reset_id: ResetId, *, by: KeyId, now: datetime) -> bool:
    """Approve a request; return False if it was approved before."""
    query = (
        update(pin_reset)
        .where(pin_reset.c.id == reset_id, pin_reset.c.approved_at.is_(None))
        .values(approved_by=by, approved_at=now)
    )
    return rows.changed_one(connection.execute(query))
