"""The index of a running service: added codes are found at once, removed ones never again."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np

from index.codes import Codes, checked
from index.errors import DuplicateIdError
from index.flat import FlatSegment
from index.hits import Hits, Ids
from index.manifest import SegmentFile, read_segment, write_segment

_NAME = "codes.hsx"
_FIRST_ROOM = 1024
# A rewrite without the removed codes pays off once they are this part of all.
_WORTH_A_REWRITE = 0.25


class LiveIndex:
    """
    Codes with ids and owners; safe to share between threads.

    Several codes may have one owner: the signals of one image have. A removed code becomes a
    tombstone, which no search returns, until a rewrite drops it from memory.

    Args:
        bits: Width of the codes, a multiple of 8.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.checkpoint = 0
        """The caller's: how far in the source's change feed the index has come."""
        self._lock = threading.Lock()
        self._clear()

    def __len__(self) -> int:
        """Number of live codes."""
        return len(self._place_of)

    def add(self, ids: Ids, codes: Codes, owners: Ids | None = None) -> None:
        """
        Add codes; the next search finds them.

        Args:
            ids: Shape (n,); new ones.

            codes: Shape (n, bits // 8).

            owners: Shape (n,); the ids themselves when left out.

        Raises:
            CodeWidthError: If the codes are of another width; nothing is added.

            DuplicateIdError: If an id is in the index or comes twice; nothing is added.
        """
        codes = checked(codes, self.bits)
        owners = ids if owners is None else owners
        new = [int(each) for each in ids]
        with self._lock:
            if len(set(new)) != len(new) or any(each in self._place_of for each in new):
                raise DuplicateIdError("Each id is added once.")
            start, end = len(self._segment), len(self._segment) + len(new)
            self._make_room(end)
            self._segment.append(codes)
            self._ids[start:end] = ids
            self._owners[start:end] = owners
            self._alive[start:end] = True
            for place, (each, owner) in enumerate(zip(new, owners, strict=True), start):
                self._place_of[each] = place
                self._ids_of.setdefault(int(owner), set()).add(each)

    def remove(self, ids: Iterable[int]) -> int:
        """Remove codes by id, and return how many there were; unknown ids are passed over."""
        with self._lock:
            return self._remove([int(each) for each in ids])

    def remove_owners(self, owners: Iterable[int]) -> int:
        """Remove all codes of these owners, and return how many there were."""
        with self._lock:
            theirs = [each for owner in owners for each in self._ids_of.get(int(owner), ())]
            return self._remove(theirs)

    def search(self, codes: Codes, *, threshold: int) -> Hits:
        """
        Return every live code within `threshold` bits, inclusive, of each query.

        Raises:
            CodeWidthError: If the queries are of another width.
        """
        codes = checked(codes, self.bits)
        with self._lock:
            counts, places, distances = self._segment.search(codes, threshold=threshold)
            alive = self._alive[places]
            ids, owners = self._ids[places], self._owners[places]
        queries = np.repeat(np.arange(len(codes)), counts)[alive]
        counts = np.bincount(queries, minlength=len(codes)).astype(np.int64)
        return Hits.sorted(counts, ids[alive], owners[alive], distances[alive])

    def save(self, directory: Path) -> None:
        """Write the live codes and the checkpoint; an older file stays good until the end."""
        with self._lock:
            places = np.flatnonzero(self._alive[: len(self._segment)])
            segment = SegmentFile(
                bits=self.bits,
                checkpoint=self.checkpoint,
                ids=self._ids[places],
                owners=self._owners[places],
                codes=self._segment.codes[places],
            )
        write_segment(directory / _NAME, segment)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """
        Return the index that was saved to a directory.

        Raises:
            SegmentError: If its file is missing, cut, altered, or of an unknown version.
        """
        segment = read_segment(directory / _NAME)
        index = cls(segment.bits)
        index.add(segment.ids, segment.codes, segment.owners)
        index.checkpoint = segment.checkpoint
        return index

    def _clear(self) -> None:
        self._segment = FlatSegment(self.bits)
        self._ids = np.empty(_FIRST_ROOM, dtype=np.int64)
        self._owners = np.empty(_FIRST_ROOM, dtype=np.int64)
        self._alive = np.zeros(_FIRST_ROOM, dtype=np.bool_)
        self._place_of: dict[int, int] = {}
        self._ids_of: dict[int, set[int]] = {}

    def _make_room(self, size: int) -> None:
        if size > len(self._ids):
            more = max(size, 2 * len(self._ids)) - len(self._ids)
            self._ids = np.concatenate((self._ids, np.empty(more, dtype=np.int64)))
            self._owners = np.concatenate((self._owners, np.empty(more, dtype=np.int64)))
            self._alive = np.concatenate((self._alive, np.zeros(more, dtype=np.bool_)))

    def _remove(self, ids: Iterable[int]) -> int:
        removed = 0
        for each in ids:
            place = self._place_of.pop(each, None)
            if place is None:
                continue
            self._alive[place] = False
            owner = int(self._owners[place])
            self._ids_of[owner].discard(each)
            if not self._ids_of[owner]:
                del self._ids_of[owner]
            removed += 1
        if len(self._segment) - len(self) > max(_FIRST_ROOM, _WORTH_A_REWRITE * len(self._segment)):
            self._rewrite()
        return removed

    def _rewrite(self) -> None:
        """Make the segment anew from the live codes, so that removed ones leave the memory."""
        places = np.flatnonzero(self._alive[: len(self._segment)])
        ids, owners = self._ids[places], self._owners[places]
        codes = self._segment.codes[places]
        self._clear()
        self._make_room(len(ids))
        self._segment.append(codes)
        self._ids[: len(ids)] = ids
        self._owners[: len(ids)] = owners
        self._alive[: len(ids)] = True
        for place, (each, owner) in enumerate(zip(ids.tolist(), owners.tolist(), strict=True)):
            self._place_of[each] = place
            self._ids_of.setdefault(owner, set()).add(each)
