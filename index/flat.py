"""A segment on FAISS's flat binary index: append, search all."""

import faiss
import numpy as np
from numpy.typing import NDArray

from index.codes import Codes

# Callers search from several threads already; FAISS's own only wait for one another.
faiss.omp_set_num_threads(1)


class FlatSegment:
    """
    Codes at positions 0, 1, 2 …, searched by brute force at the memory's speed.

    Not safe to change while it is searched; LiveIndex takes care of that.
    """

    def __init__(self, bits: int) -> None:
        self._faiss = faiss.IndexBinaryFlat(bits)

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    @property
    def codes(self) -> Codes:
        """A copy of all codes, in order."""
        flat = faiss.vector_to_array(self._faiss.xb)  # type: ignore[attr-defined]
        return np.asarray(flat, dtype=np.uint8).reshape(len(self), self._faiss.code_size)

    def append(self, codes: Codes) -> None:
        """Put codes at the end."""
        self._faiss.add(codes)

    def search(
        self, codes: Codes, *, threshold: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """
        Return the positions within `threshold` of each query: counts, positions, distances.

        Within a query they come in no order.
        """
        if len(self) == 0 or len(codes) == 0:
            nothing = np.empty(0, dtype=np.int64)
            return np.zeros(len(codes), dtype=np.int64), nothing, nothing.astype(np.int32)
        # FAISS keeps distance < radius (IndexBinary.h), hence + 1; it gives distances as floats.
        limits, found, positions = self._faiss.range_search(codes, threshold + 1)
        counts = np.diff(limits.astype(np.int64))
        return counts, positions.astype(np.int64), found.astype(np.int32)
