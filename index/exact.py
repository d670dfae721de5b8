"""Brute force in NumPy, the oracle for all other searchers: slow, short and correct."""

import numpy as np

from index.codes import Codes, checked, distances
from index.hits import Hits, Ids


class ExactSearch:
    """
    Searches a fixed set of codes by comparing each query with every code.

    Args:
        bits: Width of the codes.

        ids: Shape (n,).

        codes: Shape (n, bits // 8).

    Raises:
        CodeWidthError: If the codes have another width.
    """

    def __init__(self, bits: int, ids: Ids, codes: Codes) -> None:
        self._bits = bits
        self._ids = ids
        self._codes = checked(codes, bits)

    def search(self, codes: Codes, *, threshold: int) -> Hits:
        """
        Return every code within `threshold` bits, inclusive, of each query.

        Raises:
            CodeWidthError: If the queries have another width.
        """
        counts, ids, found = [], [], []
        for query in checked(codes, self._bits):
            distance_to_all = distances(query, self._codes)
            near = np.flatnonzero(distance_to_all <= threshold)
            counts.append(len(near))
            ids.append(self._ids[near])
            found.append(distance_to_all[near])
        all_ids = np.concatenate([np.empty(0, np.int64), *ids])
        return Hits.sorted(
            np.array(counts, dtype=np.int64),
            all_ids,
            all_ids,
            np.concatenate([np.empty(0, np.int32), *found]),
        )
