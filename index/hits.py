"""What a search returns."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hits:
    """
    The codes near each of several queries: nearest first, then by id; ties are complete.

    Attributes:
        offsets: Query `i` has the entries from `offsets[i]` to `offsets[i + 1]`; shape (n + 1,).

        ids: Of the codes found.

        owners: Of the codes found; the id itself where none was given.

        distances: In bits.
    """

    offsets: Ids
    ids: Ids
    owners: Ids
    distances: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.offsets) - 1

    def __getitem__(self, query: int) -> tuple[Ids, NDArray[np.int32]]:
        """Return one query's ids and distances."""
        part = slice(self.offsets[query], self.offsets[query + 1])
        return self.ids[part], self.distances[part]

    @classmethod
    def sorted(cls, counts: Ids, ids: Ids, owners: Ids, distances: NDArray[np.int32]) -> Self:
        """
        Return the entries, given query after query in any order within each, in the right order.

        Args:
            counts: Entries of each query.
        """
        queries = np.repeat(np.arange(len(counts)), counts)
        order = np.lexsort((ids, distances, queries))
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return cls(offsets, ids[order], owners[order], distances[order])
