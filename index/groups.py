"""
For each of many groups of codes, counts how many of some given codes are near a code of the group.
"""

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
    Return, for each group, how many of `codes` are near at least one code of the group.

    The counts are exact.

    Args:
        codes: Shape (n, 32): codes of 256 bits.

        others: The codes of all groups, one group after another, shape (m, 32).

        ends: For each group the index in `others` after its last code; shape (k,), ascending.

        threshold: Largest distance in bits that counts as near, inclusive.

    Returns:
        Shape (k,), `int64`.

    Raises:
        CodeWidthError: If the codes are not 256 bits wide.
    """
    counts: Counts = _count_near(
        checked(codes, _BITS).view(np.uint64),
        checked(others, _BITS).view(np.uint64),
        ends.astype(np.int64),
        threshold,
    )
    return counts


@kernel
def _nearest_distance(a: int, b: int, c: int, d: int, others: _Words) -> int:
    """
    Return the distance from the code with the words a, b, c and d to the nearest of `others`.

    Args:
        others: Codes stored by column, shape (4, n).
    """
    one, two, three, four = others[0], others[1], others[2], others[3]
    best = np.uint64(_BITS)
    for j in range(len(one)):
        distance = ones(a ^ one[j]) + ones(b ^ two[j]) + ones(c ^ three[j]) + ones(d ^ four[j])
        best = min(best, distance)
    return int(best)


@njit(cache=True, nogil=True)
def _count_near(
    codes: _Words, others: _Words, ends: NDArray[np.int64], threshold: int
) -> NDArray[np.int64]:
    counts = np.zeros(len(ends), dtype=np.int64)
    start = 0
    for group in range(len(ends)):
        size = ends[group] - start
        # Store word 0 of all codes side by side, then word 1, and so on, so that one instruction
        # compares several codes.
        columns = np.empty((4, size), dtype=np.uint64)
        for j in range(size):
            for word in range(4):
                columns[word, j] = others[start + j, word]
        for i in range(len(codes)):
            nearest = _nearest_distance(codes[i, 0], codes[i, 1], codes[i, 2], codes[i, 3], columns)
            counts[group] += nearest <= threshold
        start = ends[group]
    return counts
