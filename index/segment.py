"""What searches the codes of one part, and which engine that is."""

from collections.abc import Mapping
from typing import Literal, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.hits import Positions
from index.mih import MihSegment

Engine = Literal["auto", "faiss"]
"""Of sealed parts: multi-index hashing, or everything on FAISS's brute force."""

# Formats of a segment in a file. Whoever changes the tables of multi-index hashing gives them
# another number: a file of any other format is built anew from its codes.
_FLAT, _MIH = "flat", "mih1"
_WORD_BYTES = 8

Found = tuple[Positions, Positions, NDArray[np.int32]]


class Segment(Protocol):
    """Codes at positions 0, 1, 2 … that never change."""

    def __len__(self) -> int: ...

    @property
    def codes(self) -> Codes:
        """All codes, in order; no copy."""

    @property
    def nbytes(self) -> int:
        """Memory taken, with the codes."""

    def search(self, codes: Codes, *, threshold: int) -> Found:
        """
        Return the positions within `threshold` of each query: counts, positions, distances.

        Within a query they come in no order.
        """

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """All that is needed to have the segment again without building it; has "codes"."""


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


def seal(codes: Codes, engine: Engine) -> Segment:
    """
    Return a segment of codes that never change.

    Args:
        codes: C-contiguous; nobody may write to them any more.

        engine: What searches it. Codes that are not whole words are always searched by FAISS.
    """
    if engine == "faiss" or codes.shape[1] % _WORD_BYTES:
        return FaissSegment(codes)
    return MihSegment(codes)


def as_stored(segment: Segment) -> tuple[dict[str, str], Mapping[str, NDArray[np.generic]]]:
    """Return what a file says of a segment, and the arrays to be kept with it."""
    return {"engine": _format_of(segment)}, segment.arrays()


def from_stored(
    fields: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]], engine: Engine
) -> tuple[Segment, bool]:
    """
    Return the segment of a file, built anew if the file's is of another engine or an older format.

    Returns:
        The segment; whether the file holds it as it is.

    Raises:
        KeyError, ValueError: If the arrays are not those of a segment.
    """
    if fields["engine"] == _MIH and engine == "auto":
        return MihSegment.from_arrays(arrays), True
    segment = seal(np.asarray(arrays["codes"], dtype=np.uint8), engine)
    return segment, fields["engine"] == _format_of(segment)


def _format_of(segment: Segment) -> str:
    return _MIH if isinstance(segment, MihSegment) else _FLAT
