"""The parts an index is made of: each a segment with the ids, owners and life of its codes."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.flat import FaissSegment
from index.hits import Ids, Positions
from index.lookup import places_among, places_of, places_of_owners
from index.segment import Segment, SegmentPlan, seal

_NOWHERE = np.empty(0, dtype=np.int64)
_ASCENDING = np.empty(0, dtype=np.uint32)


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class Member:
    """
    Codes in the order they came, few enough to look through their ids: a tail.

    All that has a position is an array by position. Nothing of it changes but `alive`, from True
    to False, and `dead` with it: a search looks at `alive` last, so that a code that was removed
    before it began is in no answer. A position never comes to life again.

    Attributes:
        segment: Searches the codes.

        ids: Of live codes there is one with an id; tombstones may have the same.

        owners: The same array as `ids` where each code is its own owner.

        alive: False for a tombstone.

        lowest, highest: Of the ids.

        order: In a sealed part the positions in ascending order of their owners, unless they are
            so already.

        dead: Number of tombstones.
    """

    segment: Segment
    ids: Ids
    owners: Ids
    alive: NDArray[np.bool_]
    lowest: int
    highest: int
    order: NDArray[np.uint32] = field(default_factory=lambda: _ASCENDING)
    dead: int = 0

    def __len__(self) -> int:
        """Number of codes, tombstones among them."""
        return len(self.ids)

    @property
    def live(self) -> int:
        """Number of codes that are no tombstones."""
        return len(self.ids) - self.dead

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        owners = 0 if self.owners is self.ids else self.owners.nbytes
        ours = self.ids.nbytes + owners + self.order.nbytes + self.alive.nbytes
        return self.segment.nbytes + ours

    def positions_of(self, ids: Ids) -> Positions:
        """
        Return where the live codes with these ids are.

        Args:
            ids: Ascending and distinct; those that are not here are passed over.
        """
        if len(ids) == 0 or ids[-1] < self.lowest or ids[0] > self.highest:
            return _NOWHERE
        return self._living(self._places(ids))

    def positions_of_owners(self, owners: Ids) -> Positions:
        """
        Return where the live codes of these owners are.

        Args:
            owners: Ascending and distinct; those that are not here are passed over.
        """
        if self.owners is self.ids:
            return self.positions_of(owners)
        return self._living(self._places_of_owners(owners))

    def bury(self, positions: Positions) -> None:
        """Make tombstones of live codes; whoever calls holds the index's lock."""
        self.alive[positions] = False
        self.dead += len(positions)

    def _living(self, places: Positions) -> Positions:
        return places[self.alive[places]] if len(places) else places

    def _places(self, ids: Ids) -> Positions:
        return _looked_through(self.ids, ids)

    def _places_of_owners(self, owners: Ids) -> Positions:
        return _looked_through(self.owners, owners)


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class SealedPart(Member):
    """Codes in the order of their ids, each there once, however many."""

    @classmethod
    def of(cls, ids: Ids, owners: Ids, codes: Codes, plan: SegmentPlan) -> Self:
        """
        Return a part of codes in any order, built in the caller's time.

        Args:
            ids: Distinct, at least one. None of the arrays is copied where it is in order already.
        """
        if not ascends(ids):
            by_id = np.argsort(ids)
            ids, owners, codes = ids[by_id], owners[by_id], np.take(codes, by_id, axis=0)
        order = _ASCENDING
        if owners is ids or np.array_equal(owners, ids):
            owners = ids
        elif not np.all(owners[1:] >= owners[:-1]):
            order = np.argsort(owners).astype(np.uint32)
        return cls.from_segment(seal(codes, plan), ids, owners, order)

    @classmethod
    def from_segment(
        cls, segment: Segment, ids: Ids, owners: Ids, order: NDArray[np.uint32]
    ) -> Self:
        """Return a part of what is built already; all its codes live."""
        return cls(
            segment=segment,
            ids=ids,
            owners=owners,
            order=order,
            alive=np.ones(len(ids), dtype=np.bool_),
            lowest=int(ids[0]),
            highest=int(ids[-1]),
        )

    def _places(self, ids: Ids) -> Positions:
        found: Positions = places_of(self.ids, ids)
        return found

    def _places_of_owners(self, owners: Ids) -> Positions:
        found: Positions = places_of_owners(self.owners, self.order, owners)
        return found


class Tail:
    """
    The growing end of an index: room for some codes, and the part that the present ones are.

    Codes are written behind the last and then belong to a new part, which has them all; a search
    goes on in the part it began with. The lock of the index keeps writers apart.

    Args:
        bits: Width of the codes.

        room: How many codes there is room for.
    """

    def __init__(self, bits: int, room: int) -> None:
        self._codes = np.empty((room, bits // 8), dtype=np.uint8)
        self._ids = np.empty(room, dtype=np.int64)
        self._owners = np.empty(room, dtype=np.int64)
        self._alive = np.zeros(room, dtype=np.bool_)
        least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        self.part = self._part(0, lowest=most, highest=least, dead=0)

    @property
    def room(self) -> int:
        """How many codes may still be appended."""
        return len(self._ids) - len(self.part)

    @property
    def spare_bytes(self) -> int:
        """Memory that no code takes yet."""
        a_code = sum(
            each.nbytes for each in (self._codes, self._ids, self._owners, self._alive)
        ) // len(self._ids)
        return self.room * a_code

    def append(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """Add at least one code, of those there is room for."""
        old = self.part
        start, end = len(old), len(old) + len(ids)
        self._codes[start:end] = codes
        self._ids[start:end] = ids
        self._owners[start:end] = owners
        self._alive[start:end] = True
        first, last = (ids[0], ids[0]) if len(ids) == 1 else (ids.min(), ids.max())
        self.part = self._part(
            end,
            lowest=min(old.lowest, int(first)),
            highest=max(old.highest, int(last)),
            dead=old.dead,
        )

    def _part(self, count: int, *, lowest: int, highest: int, dead: int) -> Member:
        return Member(
            segment=FaissSegment(self._codes[:count]),
            ids=self._ids[:count],
            owners=self._owners[:count],
            alive=self._alive[:count],
            lowest=lowest,
            highest=highest,
            dead=dead,
        )


def ascends(ids: Ids) -> bool:
    """Tell whether ids are in order, each there once."""
    return bool(np.all(ids[1:] > ids[:-1]))


def _looked_through(values: Ids, wanted: Ids) -> Positions:
    if len(wanted) == 1:
        return np.flatnonzero(values == wanted[0])
    found: Positions = places_among(values, wanted)
    return found
