"""
Writes and checks the audit log.

    AuditError
    └── BrokenChainError     an entry was altered, removed or moved
"""

import hashlib
import json
from datetime import UTC, datetime

from sqlalchemy import Connection

from hashsvc.store import audit_entries
from hashsvc.store.audit_entries import Entry

_START = bytes(32)
_PAGE = 1000


class AuditError(Exception):
    """Base of every error raised by hashsvc.audit."""


class BrokenChainError(AuditError):
    """An entry was altered, removed or moved; the message names the first one that is wrong."""


def record(connection: Connection, *, actor: str, action: str, subject: str, now: datetime) -> None:
    """
    Add one entry, in the transaction of the deed, so that neither is there without the other.

    Args:
        actor: Id of the key, or the part of the service, that did it.

        action: What was done, as `thing.verb`.

        subject: Opaque id of what it was done to.
    """
    last = audit_entries.last(connection)
    # After a removed last entry the numbers go on with a gap, which stays to be found.
    seq = audit_entries.highest_ever(connection) + 1
    before = _START if last is None else last.digest
    digest = _digest(before, seq, now, actor, action, subject)
    audit_entries.add(connection, Entry(seq, now, actor, action, subject, digest))


def verify(connection: Connection) -> int:
    """
    Return how many entries there are, having checked the chain from the first to the last.

    Raises:
        BrokenChainError: At the first entry that does not follow from the one before.
    """
    before, seq = _START, 0
    while entries := audit_entries.page(connection, after=seq, limit=_PAGE):
        for entry in entries:
            seq += 1
            digest = _digest(before, seq, entry.at, entry.actor, entry.action, entry.subject)
            if entry.seq != seq or entry.digest != digest:
                raise BrokenChainError(f"The audit log is broken at entry {seq}.")
            before = digest
    if audit_entries.highest_ever(connection) > seq:
        raise BrokenChainError(f"The audit log is broken at entry {seq + 1}.")
    return seq


def _digest(before: bytes, seq: int, at: datetime, actor: str, action: str, subject: str) -> bytes:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    body = json.dumps([seq, moment, actor, action, subject], separators=(",", ":"))
    return hashlib.sha256(before + body.encode()).digest()
