"""Brute force on FAISS, for what is small or grows."""

from collections.abc import Mapping

import faiss
import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.hits import Positions

# Callers search from several threads already; FAISS's own only wait for one another.
faiss.omp_set_num_threads(1)

Found = tuple[Positions, Positions, NDArray[np.int32]]


class FaissSegment:
    """
    Codes in an array, searched by brute force at the memory's speed.

    It is the loop of FAISS's IndexBinaryFlat over memory that is not FAISS's own: rows may be
    written behind the last while a search runs, for the index of FAISS moves when it grows.

    Args:
        codes: C-contiguous; not copied.
    """

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> Codes:
        """All codes, in order; no copy."""
        return self._codes

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return self._codes.nbytes

    def search(self, codes: Codes, *, threshold: int) -> Found:
        """Return the positions within `threshold` of each query: counts, positions, distances."""
        # Callers search from several threads already; FAISS's own would only wait for one another,
        # for milliseconds where the processors are busy. OpenMP keeps the number for each thread
        # that calls, so setting it once would not do.
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
            # It gives distances as floats.
            faiss.rev_swig_ptr(found.distances, total).astype(np.int32),
        )

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """The codes."""
        return {"codes": self._codes}
