"""
Parts: the pieces an index consists of.

A part holds a segment, which searches codes, and the id, the owner and the live flag of each code.
`Part` is a tail or a full tail that still waits to be sealed; `SealedPart` is sorted by id and
built for fast searches. `Tail` lets a part grow.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.flat import FaissSegment
from index.hits import Ids, Positions
from index.lookup import find_ids, find_owners, find_values
from index.segment import Segment, SegmentPlan, seal

_NO_POSITIONS = np.empty(0, dtype=np.int64)
_NO_ORDER = np.empty(0, dtype=np.uint32)


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class Part:
    """
    Codes in the order in which they were added, so few that a lookup can scan all ids.

    Every array is indexed by the position of a code. Only two things change in a part: a flag in
    `alive` may go from True to False, never back, and `dead` then grows. A search reads `alive`
    last, so it never returns a code that was removed before the search began.

    Attributes:
        segment: Searches the codes.

        ids: At most one live code has a given id; tombstones may have the same id.

        owners: The very same array as `ids` if each code is its own owner.

        alive: False for a tombstone.

        lowest, highest: The range of the ids.

        order: In a sealed part, the positions sorted by owner; empty if `owners` already ascends.

        dead: Number of tombstones.
    """

    segment: Segment
    ids: Ids
    owners: Ids
    alive: NDArray[np.bool_]
    lowest: int
    highest: int
    order: NDArray[np.uint32] = field(default_factory=lambda: _NO_ORDER)
    dead: int = 0

    def __len__(self) -> int:
        """Return the number of codes, including tombstones."""
        return len(self.ids)

    @property
    def live(self) -> int:
        """Number of codes that are not tombstones."""
        return len(self.ids) - self.dead

    @property
    def nbytes(self) -> int:
        """Memory in bytes, including the segment."""
        owners = 0 if self.owners is self.ids else self.owners.nbytes
        own = self.ids.nbytes + owners + self.order.nbytes + self.alive.nbytes
        return self.segment.nbytes + own

    def positions_of(self, ids: Ids) -> Positions:
        """
        Return the positions of the live codes with these ids.

        Args:
            ids: Ascending and distinct; ids that are not in this part are ignored.
        """
        if len(ids) == 0 or ids[-1] < self.lowest or ids[0] > self.highest:
            return _NO_POSITIONS
        return self._live_only(self._find_ids(ids))

    def positions_of_owners(self, owners: Ids) -> Positions:
        """
        Return the positions of the live codes of these owners.

        Args:
            owners: Ascending and distinct; owners that are not in this part are ignored.
        """
        if self.owners is self.ids:
            return self.positions_of(owners)
        return self._live_only(self._find_owners(owners))

    def bury(self, positions: Positions) -> None:
        """Turn live codes into tombstones; the caller holds the index's lock."""
        self.alive[positions] = False
        self.dead += len(positions)

    def _live_only(self, positions: Positions) -> Positions:
        return positions[self.alive[positions]] if len(positions) else positions

    def _find_ids(self, ids: Ids) -> Positions:
        return _scan(self.ids, ids)

    def _find_owners(self, owners: Ids) -> Positions:
        return _scan(self.owners, owners)


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class SealedPart(Part):
    """Any number of codes, sorted by id; each id occurs once."""

    @classmethod
    def of(cls, ids: Ids, owners: Ids, codes: Codes, plan: SegmentPlan) -> Self:
        """
        Build a part, in the caller's thread, from codes that are given in any order.

        Args:
            ids: Distinct, at least one. An array that is already in order is kept, not copied.
        """
        if not is_ascending(ids):
            by_id = np.argsort(ids)
            ids, owners, codes = ids[by_id], owners[by_id], np.take(codes, by_id, axis=0)
        order = _NO_ORDER
        if owners is ids or np.array_equal(owners, ids):
            owners = ids
        elif not np.all(owners[1:] >= owners[:-1]):
            order = np.argsort(owners).astype(np.uint32)
        return cls.from_segment(seal(codes, plan), ids, owners, order)

    @classmethod
    def from_segment(
        cls, segment: Segment, ids: Ids, owners: Ids, order: NDArray[np.uint32]
    ) -> Self:
        """Return a part around a segment that is already built; all its codes are live."""
        return cls(
            segment=segment,
            ids=ids,
            owners=owners,
            order=order,
            alive=np.ones(len(ids), dtype=np.bool_),
            lowest=int(ids[0]),
            highest=int(ids[-1]),
        )

    def _find_ids(self, ids: Ids) -> Positions:
        found: Positions = find_ids(self.ids, ids)
        return found

    def _find_owners(self, owners: Ids) -> Positions:
        found: Positions = find_owners(self.owners, self.order, owners)
        return found


class Tail:
    """
    The growing end of an index: arrays with spare capacity, and the part that is filled so far.

    New codes are written after the last one. `part` is then replaced by a new part with all codes;
    a search that is running goes on with the part that it began with. The index's lock allows one
    writer at a time.

    Args:
        bits: Width of the codes.

        capacity: Largest number of codes.
    """

    def __init__(self, bits: int, capacity: int) -> None:
        self._codes = np.empty((capacity, bits // 8), dtype=np.uint8)
        self._ids = np.empty(capacity, dtype=np.int64)
        self._owners = np.empty(capacity, dtype=np.int64)
        self._alive = np.zeros(capacity, dtype=np.bool_)
        least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        self.part = self._part_of_first(0, lowest=most, highest=least, dead=0)

    @property
    def free(self) -> int:
        """Number of codes that can still be appended."""
        return len(self._ids) - len(self.part)

    @property
    def spare_bytes(self) -> int:
        """Memory in bytes that holds no code yet."""
        code_bytes = sum(
            each.nbytes for each in (self._codes, self._ids, self._owners, self._alive)
        ) // len(self._ids)
        return self.free * code_bytes

    def append(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """Append at least one code, and no more than `free` codes."""
        old = self.part
        start, end = len(old), len(old) + len(ids)
        self._codes[start:end] = codes
        self._ids[start:end] = ids
        self._owners[start:end] = owners
        self._alive[start:end] = True
        first, last = (ids[0], ids[0]) if len(ids) == 1 else (ids.min(), ids.max())
        self.part = self._part_of_first(
            end,
            lowest=min(old.lowest, int(first)),
            highest=max(old.highest, int(last)),
            dead=old.dead,
        )

    def _part_of_first(self, count: int, *, lowest: int, highest: int, dead: int) -> Part:
        return Part(
            segment=FaissSegment(self._codes[:count]),
            ids=self._ids[:count],
            owners=self._owners[:count],
            alive=self._alive[:count],
            lowest=lowest,
            highest=highest,
            dead=dead,
        )


def is_ascending(ids: Ids) -> bool:
    """Return whether the ids are sorted and distinct."""
    return bool(np.all(ids[1:] > ids[:-1]))


def _scan(values: Ids, wanted: Ids) -> Positions:
    if len(wanted) == 1:
        return np.flatnonzero(values == wanted[0])
    found: Positions = find_values(values, wanted)
    return found
