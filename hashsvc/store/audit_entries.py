"""Rows of the audit log; only hashsvc.audit writes them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, column, insert, select, table, update

from hashsvc.store import rows
from hashsvc.store.tables import audit_entry

# The highest number ever given is kept outside the log, so that deleting the last entries leaves a
# trace. SQLite's AUTOINCREMENT keeps that number; on PostgreSQL a table of one row keeps it (see
# the first migration).
_sequence = table("sqlite_sequence", column("name"), column("seq"))
_length = table("audit_length", column("seq", BigInteger))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which id, and the digest that chains this entry to the previous one."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    digest: bytes


def wait_for_turn(connection: Connection) -> None:
    """
    Wait until no other transaction adds entries, and keep others from adding until this one ends.

    On SQLite this does nothing: only one transaction writes at a time anyway.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(_length.c.seq).with_for_update())


def last(connection: Connection) -> AuditEntry | None:
    """Return the newest entry; None if the log is empty."""
    query = select(audit_entry).order_by(audit_entry.c.seq.desc()).limit(1)
    found = rows.as_list(AuditEntry, connection.execute(query))
    return found[0] if found else None


def highest_ever(connection: Connection) -> int:
    """Return the highest entry number ever stored, even if that entry has been deleted."""
    if connection.dialect.name == "sqlite":
        query = select(_sequence.c.seq).where(_sequence.c.name == audit_entry.name)
    else:
        query = select(_length.c.seq)
    return connection.execute(query).scalar_one_or_none() or 0


def add(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Store one or more entries."""
    connection.execute(insert(audit_entry).values([asdict(each) for each in entries]))
    if connection.dialect.name != "sqlite":
        connection.execute(update(_length).values(seq=entries[-1].seq))


def page(connection: Connection, *, after: int, limit: int) -> list[AuditEntry]:
    """Return at most `limit` entries with a number above `after`, in order."""
    query = (
        select(audit_entry)
        .where(audit_entry.c.seq > after)
        .order_by(audit_entry.c.seq)
        .limit(limit)
    )
    return rows.as_list(AuditEntry, connection.execute(query))
