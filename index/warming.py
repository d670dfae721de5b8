"""Compiles everything a search needs, so that no search waits for it."""

import numpy as np

from index.groups import count_near
from index.live import LiveIndex
from index.mih import FEWEST

_WIDTHS = (64, 256)
_MANY = 40


def warm_up() -> None:
    """
    Run all compiled code once.

    The first call after an installation takes some seconds. Later calls take a fraction of a
    second, because compiled code is kept beside the source, or in NUMBA_CACHE_DIR.
    """
    for bits in _WIDTHS:
        codes = np.random.default_rng(1).integers(0, 256, (3 * FEWEST, bits // 8), dtype=np.uint8)
        numbers = np.arange(len(codes))
        index = LiveIndex(bits)
        index.add(numbers, codes, numbers // 2)
        for queries in (codes[:1], codes[:_MANY]):
            index.search(queries, threshold=8)
            index.vote(queries, threshold=8, min_votes=1)
        index.remove(numbers[:1])
        index.remove_owners(numbers[1:2])
    count_near(codes[:1], codes[:2], np.array([2]), threshold=8)
