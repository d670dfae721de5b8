"""Segments, which search the codes of one part, and the choice between the two engines."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.flat import FaissSegment, RangeResult
from index.mih import MihSegment

Engine = Literal["auto", "faiss"]
"""What searches sealed parts: "auto" is multi-index hashing, "faiss" is FAISS's brute force."""


class SegmentPlan(NamedTuple):
    """
    How sealed parts are built.

    Attributes:
        engine: What searches them.

        steadiest: All bits of a code, starting with those that near copies most often share; empty
            if nothing is known about them.
    """

    engine: Engine = "auto"
    steadiest: tuple[int, ...] = ()


# Formats of a segment in a file. A change to the tables of multi-index hashing needs a new name
# here: a file of any other format is rebuilt from its codes.
_FLAT, _MIH = "flat", "mih1"
_WORD_BYTES = 8


class Segment(Protocol):
    """Codes at positions 0, 1, 2 … that never change."""

    def __len__(self) -> int: ...

    @property
    def codes(self) -> Codes:
        """All codes, in order; not a copy."""

    @property
    def nbytes(self) -> int:
        """Memory in bytes, including the codes."""

    def search(self, codes: Codes, *, threshold: int) -> RangeResult:
        """
        Return the hits within `threshold` of each query: counts, positions, distances.

        The results of one query are in no particular order.
        """

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """
        Return the arrays that restore the segment without a rebuild; one of them is "codes".
        """


def seal(codes: Codes, plan: SegmentPlan) -> Segment:
    """
    Return a segment of codes that never change.

    Args:
        codes: C-contiguous; the caller must not write to them again.

        plan: The engine and its settings. FAISS always searches codes whose width is not a multiple
            of 64 bits.
    """
    if plan.engine == "faiss" or codes.shape[1] % _WORD_BYTES:
        return FaissSegment(codes)
    return MihSegment(codes, plan.steadiest)


def as_stored(segment: Segment) -> tuple[dict[str, str], Mapping[str, NDArray[np.generic]]]:
    """Return the fields that describe a segment in a file, and the arrays to store with them."""
    return {"engine": _format_of(segment)}, segment.arrays()


def from_stored(
    fields: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]], plan: SegmentPlan
) -> tuple[Segment, bool]:
    """
    Return the segment of a file; it is rebuilt if the file has another engine or an older format.

    Returns:
        The segment, and whether the file holds exactly this segment.

    Raises:
        KeyError, ValueError: If the arrays are not those of a segment.
    """
    if fields["engine"] == _MIH and plan.engine == "auto":
        return MihSegment.from_arrays(arrays, plan.steadiest), True
    segment = seal(np.asarray(arrays["codes"], dtype=np.uint8), plan)
    return segment, fields["engine"] == _format_of(segment)


def _format_of(segment: Segment) -> str:
    return _MIH if isinstance(segment, MihSegment) else _FLAT
