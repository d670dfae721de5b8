"""Recording entries in the audit log, and checking its chain."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from hashsvc.audit.chain import START, Chain, body_of, broken, digest_of
from hashsvc.audit.checkpoints import Checkpoint
from hashsvc.audit.tree import Blinder
from hashsvc.store import audit_entries
from hashsvc.store.audit_entries import AuditEntry

PAGE = 1000
"""How many entries are read from the database at a time."""


def record(connection: Connection, *, actor: str, action: str, subject: str, now: datetime) -> int:
    """
    Add one entry, and return its number.

    Call this in the transaction of the recorded action, so that neither is stored without the
    other.

    Args:
        actor: Id of the key that acted, or the name of the part of the service.

        action: What was done, as `thing.verb`.

        subject: Opaque id of the thing that was acted on, or the number of things if there were
            many.
    """
    (seq,) = record_all(connection, [(action, subject)], actor=actor, now=now)
    return seq


def record_all(
    connection: Connection, deeds: Sequence[tuple[str, str]], *, actor: str, now: datetime
) -> list[int]:
    """Add an entry for each deed, given as (action, subject), and return the entries' numbers."""
    audit_entries.wait_for_turn(connection)
    last = audit_entries.last(connection)
    # Count on from the highest number ever given, so that a gap remains if somebody deleted the
    # last entries.
    seq = audit_entries.highest_ever(connection)
    digest = START if last is None else last.digest
    added = []
    for action, subject in deeds:
        seq += 1
        digest = digest_of(digest, seq, now, actor, action, subject)
        added.append(AuditEntry(seq, now, actor, action, subject, digest))
    audit_entries.add(connection, added)
    return [each.seq for each in added]


def verify(
    connection: Connection,
    checkpoints: Iterable[Checkpoint] = (),
    blinder: Blinder | None = None,
) -> int:
    """
    Return how many entries the log has, after checking the chain from the first to the last.

    Args:
        checkpoints: Earlier checkpoints, which the log must agree with.

        blinder: The blinder of the key that signed them; without it their trees are not compared.

    Raises:
        BrokenChainError: At the first entry that breaks the chain, or is not what was signed.
    """
    chain = Chain(checkpoints)
    follow(connection, chain, blinder)
    chain.end()
    if audit_entries.highest_ever(connection) > chain.seq:
        raise broken(chain.seq + 1, "it is missing")
    return chain.seq


def verify_since(connection: Connection, last: Checkpoint, blinder: Blinder) -> Chain:
    """
    Return the chain at the log's end, after checking the last checkpoint and all later entries.

    Raises:
        BrokenChainError: If the log is not what was signed, or a later entry breaks the chain.
    """
    chain = Chain([last], after=last)
    signed = audit_entries.page(connection, after=last.seq - 1, limit=1) if last.seq else []
    if last.seq and [(each.seq, each.digest) for each in signed] != [(last.seq, last.digest)]:
        raise broken(last.seq, f"it is not what was signed on {last.at.date().isoformat()}")
    follow(connection, chain, blinder)
    return chain


def follow(
    connection: Connection,
    chain: Chain,
    blinder: Blinder | None = None,
    *,
    until: int | None = None,
) -> None:
    """
    Let a chain follow the stored entries to the last one, or to the one with the number `until`.

    Raises:
        BrokenChainError: At the first entry that breaks the chain.
    """
    while until is None or chain.seq < until:
        limit = PAGE if until is None else min(PAGE, until - chain.seq)
        entries = audit_entries.page(connection, after=chain.seq, limit=limit)
        if not entries:
            return
        for entry in entries:
            chain.follow(entry, blind_of(entry, blinder) if blinder else None)


def blind_of(entry: AuditEntry, blinder: Blinder) -> bytes:
    """Return an entry's blind in the tree."""
    return blinder.of(body_of(entry.seq, entry.at, entry.actor, entry.action, entry.subject))
