"""How many of some codes are near any of a group's, for many groups at once; exact."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes, checked
from index.intrinsics import kernel, ones

_BITS = 256
_Words = NDArray[np.uint64]
Counts = NDArray[np.int64]


def count_near(codes: Codes, others: Codes, ends: NDArray[np.int64], *, threshold: int) -> Counts:
    """
    Return for each group how many codes have one in it within `threshold` bits, inclusive.

    Args:
        codes: Shape (n, 32): codes of 256 bits.

        others: Shape (m, 32), group by group.

        ends: For each group the place in `others` behind its last one; shape (k,), ascending.

    Returns:
        Shape (k,), `int64`.

    Raises:
        CodeWidthError: If codes are of another width.
    """
    counts: Counts = _count_near(
        checked(codes, _BITS).view(np.uint64),
        checked(others, _BITS).view(np.uint64),
        ends.astype(np.int64),
        threshold,
    )
    return counts


@kernel
def _least(a: int, b: int, c: int, d: int, others: _Words) -> int:
    """Return the distance from a code of four words to the nearest of others, in four rows."""
    one, two, three, four = others[0], others[1], others[2], others[3]
    best = np.uint64(_BITS)
    for j in range(len(one)):
        away = ones(a ^ one[j]) + ones(b ^ two[j]) + ones(c ^ three[j]) + ones(d ^ four[j])
        best = min(best, away)
    return int(best)


@njit(cache=True, nogil=True)
def _count_near(
    codes: _Words, others: _Words, ends: NDArray[np.int64], threshold: int
) -> NDArray[np.int64]:
    counts = np.zeros(len(ends), dtype=np.int64)
    start = 0
    for group in range(len(ends)):
        size = ends[group] - start
        # Words of the same place side by side, so that several codes are compared at a time.
        turned = np.empty((4, size), dtype=np.uint64)
        for j in range(size):
            for word in range(4):
                turned[word, j] = others[start + j, word]
        for i in range(len(codes)):
            least = _least(codes[i, 0], codes[i, 1], codes[i, 2], codes[i, 3], turned)
            counts[group] += least <= threshold
        start = ends[group]
    return counts
