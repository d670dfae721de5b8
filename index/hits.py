"""Hits: what a search returns."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hits:
    """
    The codes near each of several queries: nearest first, then by id, with all ties.

    Attributes:
        offsets: Query `i` has the entries from `offsets[i]` to `offsets[i + 1]`; shape (n + 1,).

        ids: Ids of the codes found.

        owners: Owners of the codes found; the id itself if the code was added without an owner.

        distances: Distances in bits.
    """

    offsets: Ids
    ids: Ids
    owners: Ids
    distances: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.offsets) - 1

    def __getitem__(self, query: int) -> tuple[Ids, NDArray[np.int32]]:
        """Return one query's ids and distances."""
        selected = slice(self.offsets[query], self.offsets[query + 1])
        return self.ids[selected], self.distances[selected]

    def for_queries(self, first: int, last: int) -> Self:
        """Return the hits of the queries from `first` up to, but not including, `last`."""
        begin, end = self.offsets[first], self.offsets[last]
        return type(self)(
            self.offsets[first : last + 1] - begin,
            self.ids[begin:end],
            self.owners[begin:end],
            self.distances[begin:end],
        )

    def nearest(self, k: int) -> Self:
        """
        Return the `k` nearest hits of each query, and all ties with the last of them.

        Raises:
            ValueError: If `k` is below 1.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be 1 or more.")
        counts = np.diff(self.offsets)
        some = counts > 0
        last = self.offsets[:-1][some] + np.minimum(counts[some], k) - 1
        kept = self.distances <= np.repeat(self.distances[last], counts[some])
        queries = np.repeat(np.arange(len(counts)), counts)[kept]
        return type(self)(
            _offsets(np.bincount(queries, minlength=len(counts))),
            self.ids[kept],
            self.owners[kept],
            self.distances[kept],
        )

    @classmethod
    def sorted(cls, counts: Ids, ids: Ids, owners: Ids, distances: NDArray[np.int32]) -> Self:
        """
        Return hits from entries that come query by query, in any order within a query.

        Args:
            counts: Number of entries of each query.
        """
        queries = np.repeat(np.arange(len(counts)), counts)
        order = np.lexsort((ids, distances, queries))
        return cls(_offsets(counts), ids[order], owners[order], distances[order])

    @classmethod
    def gathered(cls, count: int, entries: list[tuple[Ids, Ids, Ids, NDArray[np.int32]]]) -> Self:
        """
        Return the hits of several parts, for the same queries, as one object.

        Args:
            count: Number of queries.

            entries: For each part: query numbers (ascending), ids, owners, distances.
        """
        if not entries:
            nothing = np.empty(0, dtype=np.int64)
            return cls(np.zeros(count + 1, np.int64), nothing, nothing, nothing.astype(np.int32))
        queries, ids, owners, distances = entries[0]
        if len(entries) > 1:
            queries = np.concatenate([each[0] for each in entries])
            ids = np.concatenate([each[1] for each in entries])
            owners = np.concatenate([each[2] for each in entries])
            distances = np.concatenate([each[3] for each in entries])
        order = np.lexsort((ids, distances, queries))
        counts = np.bincount(queries, minlength=count)
        return cls(_offsets(counts), ids[order], owners[order], distances[order])


def _offsets(counts: Ids) -> Ids:
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
