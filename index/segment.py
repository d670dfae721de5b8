"""What searches the codes of one part, and which engine that is."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.flat import FaissSegment, Found
from index.mih import MihSegment

Engine = Literal["auto", "faiss"]
"""Of sealed parts: multi-index hashing, or everything on FAISS's brute force."""


class SegmentPlan(NamedTuple):
    """
    How sealed parts are built.

    Attributes:
        steadiest: All bits, those first that near copies have most likely in common; empty when
            nothing is known of them.
    """

    engine: Engine = "auto"
    steadiest: tuple[int, ...] = ()


# Formats of a segment in a file. Whoever changes the tables of multi-index hashing gives them
# another number: a file of any other format is built anew from its codes.
_FLAT, _MIH = "flat", "mih1"
_WORD_BYTES = 8


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


def seal(codes: Codes, plan: SegmentPlan) -> Segment:
    """
    Return a segment of codes that never change.

    Args:
        codes: C-contiguous; nobody may write to them any more.

        plan: What searches it, and how. Codes that are no whole words are always searched by FAISS.
    """
    if plan.engine == "faiss" or codes.shape[1] % _WORD_BYTES:
        return FaissSegment(codes)
    return MihSegment(codes, plan.steadiest)


def as_stored(segment: Segment) -> tuple[dict[str, str], Mapping[str, NDArray[np.generic]]]:
    """Return what a file says of a segment, and the arrays to be kept with it."""
    return {"engine": _format_of(segment)}, segment.arrays()


def from_stored(
    fields: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]], plan: SegmentPlan
) -> tuple[Segment, bool]:
    """
    Return the segment of a file, built anew if the file's is of another engine or an older format.

    Returns:
        The segment; whether the file holds it as it is.

    Raises:
        KeyError, ValueError: If the arrays are not those of a segment.
    """
    if fields["engine"] == _MIH and plan.engine == "auto":
        return MihSegment.from_arrays(arrays, plan.steadiest), True
    segment = seal(np.asarray(arrays["codes"], dtype=np.uint8), plan)
    return segment, fields["engine"] == _format_of(segment)


def _format_of(segment: Segment) -> str:
    return _MIH if isinstance(segment, MihSegment) else _FLAT
