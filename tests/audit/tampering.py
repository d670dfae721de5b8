"""What an attacker with the database could do to the audit log."""

from sqlalchemy import text

from hashsvc.audit.chain import digest_of
from hashsvc.store import Database, audit_entries


def rewrite_log(database: Database, first: int, actor: str = "nobody") -> None:
    """Alter the actor of an entry, and chain that entry and all later ones again."""
    with database.write() as connection:
        entries = audit_entries.page(connection, after=0, limit=100)
        before = bytes(32)
        for entry in entries:
            name = actor if entry.seq == first else entry.actor
            before = digest_of(before, entry.seq, entry.at, name, entry.action, entry.subject)
            connection.execute(
                text("UPDATE audit_entry SET actor = :actor, digest = :digest WHERE seq = :seq"),
                {"actor": name, "digest": before, "seq": entry.seq},
            )


def cut_off(database: Database, first: int) -> None:
    """Remove an entry and all later ones, and every trace of them."""
    with database.write() as connection:
        for statement in (
            "DELETE FROM audit_entry WHERE seq >= :first",
            "UPDATE sqlite_sequence SET seq = :first - 1 WHERE name = 'audit_entry'",
        ):
            connection.execute(text(statement), {"first": first})
