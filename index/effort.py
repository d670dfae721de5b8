"""
How far each chunk of a query is probed: by an estimate of what that costs.

The estimate comes from counts of codes by the first bits of their keys, so that a key in a crowd,
as real codes have them, is probed less far than one that few codes are near to.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.intrinsics import int64, kernel
from index.tables import MOST_FLIPS, Flips, Numbers, Places, Tables, coarse_bits

KEY_NS, CODE_NS = 4.5, 18.0
"""What it takes to probe a key, and to look at a code that was found: medians over 10^6 to 10^8
codes on a two-core x86-64 machine. What counts is their ratio to each other and to a scan's."""

_COARSE_BITS = coarse_bits()
_COUNTED = 2
_NEVER = 1e300


class Crowds(NamedTuple):
    """
    How many codes have keys near those that begin with the same bits, a line.

    Attributes:
        codes: Of each line, how many are on it, and on all those at one flip, at two.

        steps: Of each line, the nanoseconds that it takes to probe keys at no flip, at one, at two.

        lines_at: Where the lines of each chunk begin.
    """

    codes: Numbers
    steps: NDArray[np.float32]
    lines_at: Places


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


@njit(cache=True, nogil=True)
def crowds_of(tables: Tables, flips: Flips) -> Crowds:
    """Return how crowded it is around each line of some tables."""
    codes = np.zeros((len(tables.coarse), _COUNTED + 1), dtype=np.uint32)
    steps = np.zeros(codes.shape, dtype=np.float32)
    crowds = Crowds(codes, steps, tables.coarse_at)
    for chunk in range(len(tables.coarse_at) - 1):
        begin, ends = tables.coarse_at[chunk], flips.coarse_at[chunk]
        for line in range(tables.coarse_at[chunk + 1] - 1 - begin):
            for count in range(_COUNTED + 1):
                for flip in range(ends[count], ends[count + 1]):
                    other = begin + (line ^ int64(flips.coarse[flip]))
                    codes[begin + line, count] += tables.coarse[other + 1] - tables.coarse[other]
            for count in range(_COUNTED + 1):
                first_key = line << _COARSE_BITS
                steps[begin + line, count] = _step_ns(crowds, flips, chunk, first_key, count)
    return crowds


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
    crowds: Crowds,
    flips: Flips,
    keys: Places,
    wanted: int,
    room: Effort,
    radii: Places,
) -> float:
    """
    Choose the radius of each chunk (−1: not probed), and return the nanoseconds the search takes.

    Args:
        keys: The query's, shape (chunks,).

        wanted: What the radii, each plus one, sum to.

        radii: Where they are put, shape (chunks,).
    """
    chunks = len(keys)
    most = MOST_FLIPS + 1
    costs, cheapest = room.costs, room.cheapest
    for total in range(1, wanted + 1):
        cheapest[0, total] = _NEVER
    cheapest[0, 0] = 0.0
    for chunk in range(chunks):
        _estimate(crowds, flips, chunk, keys[chunk], room.near, costs[chunk])
        for total in range(wanted + 1):
            least = cheapest[chunk, total] + costs[chunk, 0]
            for part in range(1, min(most, total) + 1):
                least = min(least, cheapest[chunk, total - part] + costs[chunk, part])
            cheapest[chunk + 1, total] = least
    left = wanted
    cost: float = cheapest[chunks, left]
    for chunk in range(chunks - 1, -1, -1):
        for part in range(min(most, left) + 1):
            if cheapest[chunk, left - part] + costs[chunk, part] == cheapest[chunk + 1, left]:
                radii[chunk] = part - 1
                left -= part
                break
    return cost


@kernel
def choose_within(
    crowds: Crowds,
    flips: Flips,
    keys: Places,
    wanted: int,
    budget_ns: float,
    costs: NDArray[np.float64],
    radii: Places,
) -> None:
    """
    Choose the radius of each chunk within a budget: bit after bit, what costs least.

    It is what `choose_radii` would choose where each bit of a chunk costs more than the one before,
    as they nearly always do, in a tenth of the time.

    Args:
        wanted: What the radii, each plus one, sum to at most.

        costs: Room for what the next bit of each chunk costs, shape (chunks,).
    """
    left, radius = budget_ns, int64(-1)
    while True:
        whole, dearest, further = 0.0, 0.0, _NEVER
        for chunk in range(len(keys)):
            costs[chunk] = _next_ns(crowds, flips, chunk, keys[chunk], radius + 1, left)
            whole += costs[chunk]
            dearest = max(dearest, costs[chunk])
            further = min(further, _keys_ns(flips, chunk, radius + 2))
        # As long as no bit more of a chunk costs more than two, all come before any has its second.
        if whole > left or dearest > further or wanted < len(keys):
            break
        left, wanted, radius = left - whole, wanted - len(keys), radius + 1
    for chunk in range(len(keys)):
        radii[chunk] = radius
    for _ in range(wanted):
        cheapest = int64(0)
        for chunk in range(1, len(keys)):
            if costs[chunk] < costs[cheapest]:
                cheapest = chunk
        left -= costs[cheapest]
        if left < 0:
            break
        radii[cheapest] += 1
        costs[cheapest] = _next_ns(
            crowds, flips, cheapest, keys[cheapest], radii[cheapest] + 1, left
        )


@kernel
def _keys_ns(flips: Flips, chunk: int, radius: int) -> float:
    """Return what it takes to probe all keys at a radius."""
    if radius > MOST_FLIPS:
        return _NEVER
    return float((flips.keys_at[chunk, radius + 1] - flips.keys_at[chunk, radius]) * KEY_NS)


@kernel
def _next_ns(
    crowds: Crowds, flips: Flips, chunk: int, key: int, radius: int, most_ns: float
) -> float:
    """Estimate what a radius costs more than the one before; never mind what, if above a most."""
    if radius <= _COUNTED:
        return float(crowds.steps[crowds.lines_at[chunk] + (key >> _COARSE_BITS), radius])
    if radius > MOST_FLIPS or _keys_ns(flips, chunk, radius) > most_ns:
        return _NEVER
    return _step_ns(crowds, flips, chunk, key, radius)


@kernel
def _step_ns(crowds: Crowds, flips: Flips, chunk: int, key: int, radius: int) -> float:
    codes = _near(crowds, flips, chunk, key, radius) * flips.ball[0]
    for count in range(radius):
        more = flips.ball[radius - count] - flips.ball[radius - count - 1]
        codes += _near(crowds, flips, chunk, key, count) * more
    return float(_keys_ns(flips, chunk, radius) + codes * CODE_NS)


@kernel
def _near(crowds: Crowds, flips: Flips, chunk: int, key: int, count: int) -> float:
    """Return how many codes there are at so many flips of the first bits of a key."""
    line = crowds.lines_at[chunk] + (key >> _COARSE_BITS)
    if count <= _COUNTED:
        return float(crowds.codes[line, count])
    ends, codes = flips.coarse_at[chunk], float(crowds.codes[line, _COUNTED])
    # To count further would cost more than it saves: there are as many times more as lines.
    for further in range(_COUNTED + 1, count + 1):
        lines = ends[further] - ends[further - 1]
        codes *= (ends[further + 1] - ends[further]) / lines if lines > 0 else 0.0
    return codes


@kernel
def _estimate(
    crowds: Crowds,
    flips: Flips,
    chunk: int,
    key: int,
    near: NDArray[np.float64],
    costs: NDArray[np.float64],
) -> None:
    """Estimate the nanoseconds to probe a chunk not at all, to 0 bits, to 1 bit, …"""
    for count in range(MOST_FLIPS + 1):
        near[count] = _near(crowds, flips, chunk, key, count)
    costs[0] = 0.0
    for radius in range(MOST_FLIPS + 1):
        codes = 0.0
        for count in range(radius + 1):
            codes += near[count] * flips.ball[radius - count]
        keys = flips.keys_at[chunk, radius + 1] - flips.keys_at[chunk, 0]
        costs[radius + 1] = keys * KEY_NS + codes * CODE_NS
