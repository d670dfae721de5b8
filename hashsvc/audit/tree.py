"""
A hash tree over the log's entries. It proves that an entry is in the log without showing others.

A leaf is the digest of an entry's fields together with a secret *blind* of 256 bits. A proof
reveals only the blinds of the entries that it shows, so that nobody can test a guess about another
entry. Nodes are made as in RFC 9162, section 2.1. Only the roots of the tree's full parts are kept,
the largest part first: the *peaks*. They are enough to add new entries.
"""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass

HASH_BYTES = 32


class Blinder:
    """Derives each entry's blind from a secret; nobody can compute it without the secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, body: bytes) -> bytes:
        """Return the blind of an entry, given the bytes that its digest covers."""
        return hmac.digest(self._secret, body, "sha256")


@dataclass(frozen=True, slots=True)
class _Part:
    """A full part of the tree: its height, its root, and the watched entries in it."""

    height: int
    root: bytes
    watched: tuple[int, ...] = ()


class Tree:
    """
    The tree over a log, to which each new entry adds a leaf.

    Args:
        peaks: The peaks over the first `seq` entries, if the tree continues after these.

        watched: Numbers of the entries for which `path` will be called.
    """

    def __init__(
        self, peaks: Sequence[bytes] = (), seq: int = 0, *, watched: Collection[int] = ()
    ) -> None:
        heights = _heights(seq)
        assert len(peaks) == len(heights)
        self.seq = seq
        self._parts = [_Part(*each) for each in zip(heights, peaks, strict=True)]
        self._watched = frozenset(watched)
        self._paths: dict[int, list[bytes]] = {each: [] for each in self._watched}

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the full parts, the largest first: one for each 1 in `seq` in binary."""
        return tuple(each.root for each in self._parts)

    def add(self, leaf: bytes) -> None:
        """Add the next entry's leaf."""
        self.seq += 1
        new = _Part(0, leaf, (self.seq,) if self.seq in self._watched else ())
        while self._parts and self._parts[-1].height == new.height:
            left = self._parts.pop()
            for each in left.watched:
                self._paths[each].append(new.root)
            for each in new.watched:
                self._paths[each].append(left.root)
            root = _node_of(left.root, new.root)
            new = _Part(new.height + 1, root, left.watched + new.watched)
        self._parts.append(new)

    def path(self, seq: int) -> tuple[bytes, ...]:
        """Return the path of a watched entry: the sibling nodes from its leaf up to its peak."""
        return tuple(self._paths[seq])


def leaf_of(body: bytes, blind: bytes) -> bytes:
    """Return the leaf of an entry."""
    return hashlib.sha256(b"\x00" + blind + body).digest()


def leads(
    seq: int, leaf: bytes, path: Sequence[bytes], *, peaks: Sequence[bytes], count: int
) -> bool:
    """
    Return whether a path leads from an entry to one of the peaks of a log.

    Args:
        seq: The entry's number, from 1 on; the path is valid for this place only.

        peaks: The peaks of the log's tree.

        count: How many entries the log has.
    """
    heights = _heights(count)
    if not 1 <= seq <= count or len(heights) != len(peaks):
        return False
    place, first = seq - 1, 0
    for peak, height in zip(peaks, heights, strict=True):
        if place < first + 2**height:
            return len(path) == height and _root_of(place, leaf, path) == peak
        first += 2**height
    raise AssertionError("The parts together cover all entries.")


def _root_of(place: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    root = leaf
    for level, beside in enumerate(path):
        is_right = place >> level & 1
        root = _node_of(beside, root) if is_right else _node_of(root, beside)
    return root


def _node_of(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _heights(count: int) -> list[int]:
    return [each for each in reversed(range(count.bit_length())) if count >> each & 1]
