"""A search that compares every code, in Numba: no tables, no copy of the codes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.intrinsics import int64, ones, prefetch
from index.tables import Int64s, Words

_BLOCK = 1024
"""How many codes are compared with every query before more are read: 32 kB of 256-bit codes."""

_LINES_AHEAD = 16

SCAN_NS = 1.4
"""
Nanoseconds to compare one code of 256 bits that is in a cache. `radii.KEY_NS` was measured on the
same machine.
"""


def scan(
    codes: Codes, queries: Codes, *, threshold: int
) -> tuple[Int64s, Int64s, NDArray[np.int32]]:
    """
    Return the hits within `threshold` of each query: counts, positions, distances.

    Args:
        codes: Shape (n, bits // 8), C-contiguous, bits a multiple of 64; the same holds for
            `queries`.
    """
    query_numbers, positions, distances = _scan(
        codes.view(np.uint64).reshape(-1), queries.view(np.uint64), threshold
    )
    counts = np.bincount(query_numbers, minlength=len(queries)).astype(np.int64)
    if len(queries) > 1:
        order = np.argsort(query_numbers, kind="stable")
        positions, distances = positions[order], distances[order]
    return counts, positions, distances


@njit(cache=True, nogil=True)
def _scan(words: Words, queries: Words, threshold: int) -> tuple[Int64s, Int64s, NDArray[np.int32]]:
    width = queries.shape[1]
    code_count = len(words) // width
    capacity = 4 * _BLOCK
    query_numbers, positions = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    distances = np.empty(capacity, np.int32)
    count = 0
    for begin in range(0, code_count, _BLOCK):
        end = min(begin + _BLOCK, code_count)
        for query in range(len(queries)):
            if count + _BLOCK > capacity:
                capacity *= 2
                more_queries, more_positions = (
                    np.empty(capacity, np.int64),
                    np.empty(capacity, np.int64),
                )
                more_distances = np.empty(capacity, np.int32)
                more_queries[:count], more_positions[:count] = (
                    query_numbers[:count],
                    positions[:count],
                )
                more_distances[:count] = distances[:count]
                query_numbers, positions, distances = more_queries, more_positions, more_distances
            after = _compare_block(
                words, queries[query], begin, end, threshold, positions, distances, count
            )
            query_numbers[count:after] = query
            count = after
    return query_numbers[:count], positions[:count], distances[:count]


@njit(cache=True, nogil=True)
def _compare_block(
    words: Words,
    query: Words,
    begin: int,
    end: int,
    threshold: int,
    positions: Int64s,
    distances: NDArray[np.int32],
    count: int,
) -> int:
    """Append the hits among the codes of one block, and return the new number of hits."""
    width = len(query)
    for position in range(begin, end):
        at = position * width
        prefetch(words, at + 8 * _LINES_AHEAD)
        distance = ones(words[at] ^ query[0])
        if width == 4:
            distance += ones(words[at + 1] ^ query[1]) + ones(words[at + 2] ^ query[2])
            distance += ones(words[at + 3] ^ query[3])
        else:
            for word in range(1, width):
                distance += ones(words[at + word] ^ query[word])
        # Write always, but count only near codes: a branch that is often mispredicted costs more.
        positions[count] = position
        distances[count] = distance
        count += int64(int64(distance) <= threshold)
    return count
