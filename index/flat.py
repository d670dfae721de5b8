"""Brute force with FAISS, for small or growing sets of codes."""

from collections.abc import Mapping

import faiss
import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.hits import Positions

# Callers already search from several threads; FAISS's own threads would only wait for one another.
faiss.omp_set_num_threads(1)

RangeResult = tuple[Positions, Positions, NDArray[np.int32]]
"""The number of hits of each query, then the positions and distances of all hits, in that order."""


class FaissSegment:
    """
    Codes in an array, searched by brute force at the speed of memory.

    The class calls the loop inside FAISS's IndexBinaryFlat on our own memory, so that new rows can
    be written after the last one while a search runs. FAISS's own index moves its memory when it
    grows.

    Args:
        codes: C-contiguous; not copied.
    """

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> Codes:
        """All codes, in order; not a copy."""
        return self._codes

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        return self._codes.nbytes

    def search(self, codes: Codes, *, threshold: int) -> RangeResult:
        """Return the hits within `threshold` of each query: counts, positions, distances."""
        # Callers already search from several threads. FAISS's own threads would only wait for one
        # another, for milliseconds on a busy machine. OpenMP keeps this setting per calling thread,
        # so setting it once is not enough.
        faiss.omp_set_num_threads(1)
        found = faiss.RangeSearchResult(len(codes))
        faiss.hamming_range_search(  # type: ignore[attr-defined]
            faiss.swig_ptr(codes),
            faiss.swig_ptr(self._codes),
            len(codes),
            len(self._codes),
            # FAISS keeps distance < radius (utils/hamming.cpp), hence + 1.
            threshold + 1,
            self._codes.shape[1],
            found,
        )
        limits = faiss.rev_swig_ptr(found.lims, len(codes) + 1).astype(np.int64)
        total = int(limits[-1])
        return (
            np.diff(limits),
            faiss.rev_swig_ptr(found.labels, total).astype(np.int64),
            # FAISS returns distances as floats.
            faiss.rev_swig_ptr(found.distances, total).astype(np.int32),
        )

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """Return the codes; there is no other array to store."""
        return {"codes": self._codes}
