"""Reads the audit log of a test's database."""

from sqlalchemy import select

from hashsvc import audit
from hashsvc.store import Database
from hashsvc.store.tables import audit_entry


def audit_entries(database: Database) -> list[tuple[str, str, str]]:
    """Return actor, action and subject of every audit entry, in order, after verifying the log."""
    with database.read() as connection:
        audit.verify(connection)
        columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
        rows = connection.execute(select(*columns).order_by(audit_entry.c.seq))
        return [(str(actor), str(action), str(subject)) for actor, action, subject in rows]
