"""How entries follow from one another, and where they stop doing so."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime

from hashsvc.audit.checkpoints import Checkpoint, moment
from hashsvc.audit.errors import BrokenChainError
from hashsvc.audit.tree import Tree, leaf_of
from hashsvc.store.audit_entries import AuditEntry

START = bytes(32)
"""What the first entry follows."""


class Chain:
    """
    Reads entries from the first one on, and says which one does not follow.

    Args:
        checkpoints: Signed before; their signatures are taken for good.

        after: Where to begin instead; what was before is taken for good.

        watched: Numbers of entries whose paths in the tree will be asked for.

    Attributes:
        tree: The tree over the entries; None when a blind was not known of all of them.
    """

    def __init__(
        self,
        checkpoints: Iterable[Checkpoint] = (),
        *,
        after: Checkpoint | None = None,
        watched: Collection[int] = (),
    ) -> None:
        self.seq = after.seq if after else 0
        self.digest = after.digest if after else START
        self.tree: Tree | None = None
        if after is None:
            self.tree = Tree(watched=watched)
        elif after.peaks is not None:
            self.tree = Tree(after.peaks, after.seq, watched=watched)
        self._left = sorted(checkpoints, key=lambda each: each.seq, reverse=True)
        self._signed = self.seq
        self._compare()

    def follow(self, entry: AuditEntry, blind: bytes | None = None) -> None:
        """
        Take the next entry.

        Args:
            blind: By which it is in the tree; without it there is no tree from here on.

        Raises:
            BrokenChainError: If it is not the next one, or not what it was.
        """
        expected = self.seq + 1
        if entry.seq > expected:
            raise broken(expected, "it is missing")
        if entry.seq < expected:
            raise broken(expected, f"entry {entry.seq} is in its place")
        body = body_of(entry.seq, entry.at, entry.actor, entry.action, entry.subject)
        digest = hashlib.sha256(self.digest + body).digest()
        if digest != entry.digest:
            raise broken(expected, "it was altered")
        if self.tree is not None and blind is not None:
            self.tree.add(leaf_of(body, blind))
        else:
            self.tree = None
        self.seq, self.digest = expected, digest
        self._compare()

    def end(self, last: Checkpoint | None = None) -> None:
        """
        Take note that there are no more entries.

        Args:
            last: A checkpoint that was signed just here.

        Raises:
            BrokenChainError: If there were more when a checkpoint was signed, or fewer.
        """
        if last is not None:
            if last.seq < self.seq:
                raise broken(last.seq + 1, "it was added after the signing")
            self._left = sorted([*self._left, last], key=lambda each: each.seq, reverse=True)
            self._compare()
        if self._left:
            cut = self._left[0]
            raise broken(
                self.seq + 1, f"it is missing; {cut.seq} entries were signed on {_day(cut)}"
            )

    def _compare(self) -> None:
        while self._left and self._left[-1].seq == self.seq:
            checkpoint = self._left.pop()
            peaks = checkpoint.peaks if self.tree is None else self.tree.peaks
            if checkpoint.digest != self.digest or checkpoint.peaks not in (None, peaks):
                # All entries follow from one another: they were written anew since then.
                raise broken(
                    self._signed + 1,
                    f"it, or one up to {checkpoint.seq}, is not what was signed on "
                    f"{_day(checkpoint)}",
                )
            self._signed = self.seq


def digest_of(
    before: bytes, seq: int, at: datetime, actor: str, action: str, subject: str
) -> bytes:
    """Return the digest that chains an entry to the one with the digest `before`."""
    return hashlib.sha256(before + body_of(seq, at, actor, action, subject)).digest()


def body_of(seq: int, at: datetime, actor: str, action: str, subject: str) -> bytes:
    """Return an entry's words as they are digested."""
    return json.dumps([seq, moment(at), actor, action, subject], separators=(",", ":")).encode()


def _day(checkpoint: Checkpoint) -> str:
    return checkpoint.at.date().isoformat()


def broken(seq: int, how: str) -> BrokenChainError:
    """Return the error that names an entry and what is wrong with it."""
    return BrokenChainError(f"The audit log is broken at entry {seq}: {how}.")
