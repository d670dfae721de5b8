"""The hash chain of entries: following it, and finding the entry where it is broken."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime

from hashsvc.audit.checkpoints import Checkpoint, moment
from hashsvc.audit.errors import BrokenChainError
from hashsvc.audit.tree import Tree, leaf_of
from hashsvc.store.audit_entries import AuditEntry

START = bytes(32)
"""The digest that the first entry is chained to."""


class Chain:
    """
    Follows the entries of a log, and names the first one that breaks the chain.

    Args:
        checkpoints: Earlier checkpoints, which the log must agree with. Their signatures are not
            checked here.

        after: Begin after the last entry that this checkpoint covers, instead of at the log's first
            entry. Earlier entries are not checked.

        watched: Numbers of the entries for which `tree.path` will be called.

    Attributes:
        tree: The tree over the entries; None if the blind of any entry was not given.
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
        Check the next entry, and add it to the tree.

        Args:
            blind: The entry's blind (see `hashsvc.audit.tree`). Without it, `tree` is None from
                here on.

        Raises:
            BrokenChainError: If this is not the next entry, or it was altered.
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
        Check that the log may end here.

        Args:
            last: A checkpoint that must have been signed exactly here.

        Raises:
            BrokenChainError: If a checkpoint covers more entries than the log has, or `last` covers
            fewer.
        """
        if last is not None:
            if last.seq < self.seq:
                raise broken(last.seq + 1, "it was added after the signing")
            self._left = sorted([*self._left, last], key=lambda each: each.seq, reverse=True)
            self._compare()
        if self._left:
            longest = self._left[0]
            raise broken(
                self.seq + 1,
                f"it is missing; {longest.seq} entries were signed on {_day(longest)}",
            )

    def _compare(self) -> None:
        while self._left and self._left[-1].seq == self.seq:
            checkpoint = self._left.pop()
            peaks = checkpoint.peaks if self.tree is None else self.tree.peaks
            if checkpoint.digest != self.digest or checkpoint.peaks not in (None, peaks):
                # The chain itself is intact, so entries were rewritten after the signing.
                raise broken(
                    self._signed + 1,
                    f"it, or a later one up to {checkpoint.seq}, is not what was signed on "
                    f"{_day(checkpoint)}",
                )
            self._signed = self.seq


def digest_of(
    before: bytes, seq: int, at: datetime, actor: str, action: str, subject: str
) -> bytes:
    """Return the digest that chains an entry to the one with the digest `before`."""
    return hashlib.sha256(before + body_of(seq, at, actor, action, subject)).digest()


def body_of(seq: int, at: datetime, actor: str, action: str, subject: str) -> bytes:
    """Return an entry's fields as the bytes that its digest covers."""
    return json.dumps([seq, moment(at), actor, action, subject], separators=(",", ":")).encode()


def _day(checkpoint: Checkpoint) -> str:
    return checkpoint.at.date().isoformat()


def broken(seq: int, how: str) -> BrokenChainError:
    """Return the error that names an entry and says what is wrong with it."""
    return BrokenChainError(f"The audit log is broken at entry {seq}: {how}.")
