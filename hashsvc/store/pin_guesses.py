"""Counts of wrong PINs, by the digest of a case number, whether or not a case has that number."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from hashsvc.store import rows
from hashsvc.store.tables import pin_guess


@dataclass(frozen=True, slots=True)
class Guesses:
    """
    How often a PIN was wrong for a number.

    Attributes:
        wait_until: No PIN is checked before then; None if there is no wait.
    """

    number_sha256: bytes
    wrong: int
    last_at: datetime
    wait_until: datetime | None


def digest_of(number: str) -> bytes:
    """Return a number's digest; only this is kept, because people may type a secret by mistake."""
    return hashlib.sha256(number.encode()).digest()


def of(connection: Connection, number: str) -> Guesses | None:
    """Return the count of wrong PINs for a number; None if there were none."""
    query = select(pin_guess).where(pin_guess.c.number_sha256 == digest_of(number))
    # On PostgreSQL this lock makes two simultaneous guesses count as two. On SQLite only one
    # transaction writes at a time anyway.
    found = rows.as_list(Guesses, connection.execute(query.with_for_update()))
    return found[0] if found else None


def put(
    connection: Connection, number: str, *, wrong: int, now: datetime, wait_until: datetime | None
) -> None:
    """Store the count of wrong PINs for a number, replacing the earlier one."""
    digest, values = digest_of(number), {"wrong": wrong, "last_at": now, "wait_until": wait_until}
    changed = connection.execute(
        update(pin_guess).where(pin_guess.c.number_sha256 == digest).values(**values)
    )
    if not rows.changed_one(changed):
        connection.execute(insert(pin_guess).values(number_sha256=digest, **values))


def forget(connection: Connection, number: str) -> None:
    """Delete the count of wrong PINs for a number."""
    connection.execute(delete(pin_guess).where(pin_guess.c.number_sha256 == digest_of(number)))


def forget_before(connection: Connection, moment: datetime) -> None:
    """Delete the counts for all numbers whose last wrong PIN was before this moment."""
    connection.execute(delete(pin_guess).where(pin_guess.c.last_at < moment))
