"""
Excerpts: some entries of the log, each with a proof of its place in the log.

The proof is a path in the tree, from the entry's leaf to a peak that a signed checkpoint names. It
shows other entries only as blinded digests. An excerpt can be checked without the log.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection

from hashsvc.audit import log
from hashsvc.audit.chain import Chain, body_of, broken
from hashsvc.audit.checkpoints import Checkpoint, PublicKey, SigningKey, moment
from hashsvc.audit.errors import BadProofError, MalformedError
from hashsvc.audit.tree import HASH_BYTES, leads, leaf_of
from hashsvc.store import audit_entries


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry, its blind, and the path from its leaf up to its peak."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    blind: bytes
    path: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {
            "seq": self.seq,
            "at": moment(self.at),
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "blind": self.blind.hex(),
            "path": [each.hex() for each in self.path],
        }

    @classmethod
    def parse(cls, values: Any) -> Self:
        """
        Return the entry from JSON values.

        Raises:
            MalformedError: If the values are not an entry with its proof.
        """
        try:
            made = cls(
                seq=int(values["seq"]),
                at=datetime.fromisoformat(values["at"]),
                actor=str(values["actor"]),
                action=str(values["action"]),
                subject=str(values["subject"]),
                blind=bytes.fromhex(values["blind"]),
                path=tuple(bytes.fromhex(each) for each in values["path"]),
            )
            moment(made.at)
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedError("This is not an entry with its proof.") from error
        return made


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some entries, in order, and the checkpoint that proves them."""

    checkpoint: Checkpoint
    entries: tuple[ProvenEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the excerpt as JSON values."""
        return {
            "checkpoint": self.checkpoint.as_json(),
            "entries": [each.as_json() for each in self.entries],
        }

    @classmethod
    def parse(cls, values: Any) -> Self:
        """
        Return the excerpt from JSON values.

        Raises:
            MalformedError: If the values are not an excerpt.
        """
        try:
            entries = tuple(ProvenEntry.parse(each) for each in values["entries"])
            return cls(Checkpoint.parse(values["checkpoint"]), entries)
        except (KeyError, TypeError) as error:
            raise MalformedError("This is not an excerpt of an audit log.") from error

    def check(self, key: PublicKey) -> None:
        """
        Check that each entry was in the log at its place when the checkpoint was signed.

        Raises:
            BadSignatureError: If the checkpoint was signed by another key, or altered.

            BadProofError: If an entry's proof is wrong, or the entries are out of order.
        """
        key.check(self.checkpoint)
        if self.checkpoint.peaks is None:
            raise BadProofError(
                "The checkpoint is older than the tree, and cannot prove a single entry."
            )
        before = 0
        for each in self.entries:
            if each.seq <= before:
                raise BadProofError(f"Entry {each.seq} is out of order.")
            before = each.seq
            leaf = leaf_of(
                body_of(each.seq, each.at, each.actor, each.action, each.subject), each.blind
            )
            if len(each.blind) != HASH_BYTES or not leads(
                each.seq, leaf, each.path, peaks=self.checkpoint.peaks, count=self.checkpoint.seq
            ):
                raise BadProofError(f"Entry {each.seq} was not in the log that was signed.")


def prove(
    connection: Connection,
    seqs: Collection[int],
    *,
    checkpoint: Checkpoint,
    key: SigningKey,
    earlier: Iterable[Checkpoint] = (),
) -> Excerpt:
    """
    Return the entries with these numbers and their proofs.

    This reads the log up to the checkpoint, and checks it on the way.

    Args:
        checkpoint: A checkpoint with a tree that this key signed, and that covers all the entries.

        earlier: Earlier checkpoints, whose signatures are not checked here. Reading begins after
            the last of them that covers none of the entries, instead of at the log's beginning.

    Raises:
        BrokenChainError: If the log is not what was signed, or has no such entry.
    """
    key.public().check(checkpoint)
    assert checkpoint.peaks is not None
    first = min(seqs, default=checkpoint.seq + 1)
    older = [
        each for each in earlier if each.seq < min(first, checkpoint.seq) and each.peaks is not None
    ]
    after = max(older, key=lambda each: each.seq, default=None)
    chain, blinder = Chain([checkpoint], after=after, watched=seqs), key.blinder()
    log.follow(connection, chain, blinder, until=checkpoint.seq)
    chain.end()
    assert chain.tree is not None
    found = []
    for seq in sorted(set(seqs)):
        entries = audit_entries.page(connection, after=seq - 1, limit=1)
        if seq > checkpoint.seq or not entries or entries[0].seq != seq:
            raise broken(seq, "it is missing, or was not signed yet")
        entry = entries[0]
        found.append(
            ProvenEntry(
                seq=seq,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                blind=log.blind_of(entry, blinder),
                path=chain.tree.path(seq),
            )
        )
    return Excerpt(checkpoint, tuple(found))
