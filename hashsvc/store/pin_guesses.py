"""Wrong PINs, by the digest of the number they were tried for, whether a case has it or not."""

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
        wait_until: No PIN is looked at before then; None: at once.
    """

    number_sha256: bytes
    wrong: int
    last_at: datetime
    wait_until: datetime | None


def name_of(number: str) -> bytes:
    """Return what a number is known by here: what was mistyped is nobody's business."""
    return hashlib.sha256(number.encode()).digest()


def of(connection: Connection, number: str) -> Guesses | None:
    """Return the wrong PINs for a number; None when there were none."""
    query = select(pin_guess).where(pin_guess.c.number_sha256 == name_of(number))
    # Elsewhere than on SQLite, where one writes at a time, two at once are counted as two.
    found = rows.as_list(Guesses, connection.execute(query.with_for_update()))
    return found[0] if found else None


def put(
    connection: Connection, number: str, *, wrong: int, now: datetime, wait_until: datetime | None
) -> None:
    """Store the wrong PINs for a number, in place of what was stored before."""
    name, values = name_of(number), {"wrong": wrong, "last_at": now, "wait_until": wait_until}
    changed = connection.execute(
        update(pin_guess).where(pin_guess.c.number_sha256 == name).values(**values)
    )
    if not rows.changed_one(changed):
        connection.execute(insert(pin_guess).values(number_sha256=name, **values))


def forget(connection: Connection, number: str) -> None:
    """Forget the wrong PINs for a number."""
    connection.execute(delete(pin_guess).where(pin_guess.c.number_sha256 == name_of(number)))


def forget_before(connection: Connection, moment: datetime) -> None:
    """Forget the wrong PINs for all numbers that none was tried for since."""
    connection.execute(delete(pin_guess).where(pin_guess.c.last_at < moment))
