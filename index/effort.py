"""
How far each chunk of a query is probed: by an estimate of what that costs.

The estimate comes from counts of codes by the first bits of their keys, so that a key in a crowd,
as real codes have them, is probed less far than one that few codes are near to.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.machine import int64, kernel
from index.tables import MOST_FLIPS, Flips, Places, Tables, coarse_bits

KEY_NS, CODE_NS = 4.5, 18.0
"""What it takes to probe a key, and to look at a code that was found: medians over 10^6 to 10^8
codes on a two-core x86-64 machine. What counts is their ratio to each other and to a scan's."""

_COARSE_BITS = coarse_bits()
_COUNTED = 2
_NEVER = 1e300


class Effort(NamedTuple):
    """
    Room for the choice.

    Attributes:
        costs: Of each chunk, not probed and probed to 0 bits and on: (chunks, MOST_FLIPS + 2).

        cheapest: [c, s]: of the first c chunks, with what is wanted of them s: (chunks + 1, …).

        near: Codes at 0, 1, … flips of the first bits of a key: (MOST_FLIPS + 1,).
    """

    costs: NDArray[np.float64]
    cheapest: NDArray[np.float64]
    near: NDArray[np.float64]


def least_ns(flips: Flips, wanted: int) -> float:
    """
    Return what it takes to probe the keys that any query has to, infinity if there are too few.

    Args:
        wanted: What the radii, each plus one, sum to.
    """
    # A chunk's keys at 0, 1, … flips: a bit more costs more than the one before.
    steps = np.sort(np.diff(flips.keys_at, axis=1), axis=None)
    return float(steps[:wanted].sum() * KEY_NS) if wanted <= len(steps) else float("inf")


@kernel
def choose_radii(
    tables: Tables,
    flips: Flips,
    keys: Places,
    wanted: int,
    budget_ns: float,
    room: Effort,
    radii: Places,
) -> float:
    """
    Choose the radius of each chunk (−1: not probed), and return the nanoseconds the search takes.

    Args:
        keys: The query's, shape (chunks,).

        wanted: What the radii, each plus one, sum to; less if the budget does not allow it.

        radii: Where they are put, shape (chunks,).
    """
    chunks = len(keys)
    most = MOST_FLIPS + 1
    costs, cheapest = room.costs, room.cheapest
    for total in range(1, wanted + 1):
        cheapest[0, total] = _NEVER
    cheapest[0, 0] = 0.0
    for chunk in range(chunks):
        _estimate(tables, flips, chunk, keys[chunk], room.near, costs[chunk])
        for total in range(wanted + 1):
            least = cheapest[chunk, total] + costs[chunk, 0]
            for part in range(1, min(most, total) + 1):
                least = min(least, cheapest[chunk, total - part] + costs[chunk, part])
            cheapest[chunk + 1, total] = least
    left = wanted
    while left > 0 and cheapest[chunks, left] > budget_ns:
        left -= 1
    cost: float = cheapest[chunks, left]
    for chunk in range(chunks - 1, -1, -1):
        for part in range(min(most, left) + 1):
            if cheapest[chunk, left - part] + costs[chunk, part] == cheapest[chunk + 1, left]:
                radii[chunk] = part - 1
                left -= part
                break
    return cost


@kernel
def _estimate(
    tables: Tables,
    flips: Flips,
    chunk: int,
    key: int,
    near: NDArray[np.float64],
    costs: NDArray[np.float64],
) -> None:
    """Estimate the nanoseconds to probe a chunk not at all, to 0 bits, to 1 bit, …"""
    begin, line = tables.coarse_at[chunk], key >> _COARSE_BITS
    ends = flips.coarse_at[chunk]
    for count in range(MOST_FLIPS + 1):
        near[count] = 0.0
    for count in range(_COUNTED + 1):
        for flip in range(ends[count], ends[count + 1]):
            other = begin + (line ^ int64(flips.coarse[flip]))
            near[count] += int64(tables.coarse[other + 1]) - int64(tables.coarse[other])
    # To count further would cost more than it saves: there are as many times more as lines.
    for count in range(_COUNTED + 1, MOST_FLIPS + 1):
        lines = ends[count] - ends[count - 1]
        if lines > 0:
            near[count] = near[count - 1] * (ends[count + 1] - ends[count]) / lines
    costs[0] = 0.0
    for radius in range(MOST_FLIPS + 1):
        codes = 0.0
        for count in range(radius + 1):
            codes += near[count] * flips.ball[radius - count]
        keys = flips.keys_at[chunk, radius + 1] - flips.keys_at[chunk, 0]
        costs[radius + 1] = keys * KEY_NS + codes * CODE_NS
