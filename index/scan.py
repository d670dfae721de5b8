"""A search that looks at every code, in Numba: no tables, no copy of the codes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.intrinsics import int64, ones, prefetch
from index.tables import Places, Words

_BLOCK = 1024
"""Codes that are compared with every query before the next are read: 32 kB of 256-bit ones."""

_LINES_AHEAD = 16

SCAN_NS = 1.4
"""What a code of 256 bits costs, from the caches, on the machine of `effort.KEY_NS`."""


def scan(
    codes: Codes, queries: Codes, *, threshold: int
) -> tuple[Places, Places, NDArray[np.int32]]:
    """
    Return the places within `threshold` of each query: counts, places, distances.

    Args:
        codes: Shape (n, bits // 8), C-contiguous, bits a multiple of 64; so are the queries.
    """
    found, places, distances = _scan(
        codes.view(np.uint64).reshape(-1), queries.view(np.uint64), threshold
    )
    counts = np.bincount(found, minlength=len(queries)).astype(np.int64)
    if len(queries) > 1:
        order = np.argsort(found, kind="stable")
        places, distances = places[order], distances[order]
    return counts, places, distances


@njit(cache=True, nogil=True)
def _scan(words: Words, queries: Words, threshold: int) -> tuple[Places, Places, NDArray[np.int32]]:
    width = queries.shape[1]
    count = len(words) // width
    room = 4 * _BLOCK
    found, places = np.empty(room, np.int64), np.empty(room, np.int64)
    distances = np.empty(room, np.int32)
    hits = 0
    for begin in range(0, count, _BLOCK):
        end = min(begin + _BLOCK, count)
        for query in range(len(queries)):
            if hits + _BLOCK > room:
                room *= 2
                more_found, more_places = np.empty(room, np.int64), np.empty(room, np.int64)
                more_distances = np.empty(room, np.int32)
                more_found[:hits], more_places[:hits] = found[:hits], places[:hits]
                more_distances[:hits] = distances[:hits]
                found, places, distances = more_found, more_places, more_distances
            after = _compare_block(
                words, queries[query], begin, end, threshold, places, distances, hits
            )
            found[hits:after] = query
            hits = after
    return found[:hits], places[:hits], distances[:hits]


@njit(cache=True, nogil=True)
def _compare_block(
    words: Words,
    query: Words,
    begin: int,
    end: int,
    threshold: int,
    places: Places,
    distances: NDArray[np.int32],
    hits: int,
) -> int:
    """Append the hits among some codes, and return how many there are in all."""
    width = len(query)
    for place in range(begin, end):
        at = place * width
        prefetch(words, at + 8 * _LINES_AHEAD)
        distance = ones(words[at] ^ query[0])
        if width == 4:
            distance += ones(words[at + 1] ^ query[1]) + ones(words[at + 2] ^ query[2])
            distance += ones(words[at + 3] ^ query[3])
        else:
            for word in range(1, width):
                distance += ones(words[at + word] ^ query[word])
        # Written in any case, kept if near: a branch costs more where the guess is often wrong.
        places[hits] = place
        distances[hits] = distance
        hits += int64(int64(distance) <= threshold)
    return hits
