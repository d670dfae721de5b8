"""
Chooses how far to probe each chunk of a query, by estimating what each choice costs.

The estimate uses the number of codes whose keys begin with the same bits. Keys of real codes crowd
together, so a key with many codes near it is probed less far than a key with few.

In this module, a chunk's radius is the largest number of key bits that a probe flips; it is −1 if
the chunk is not probed. A step raises one chunk's radius by one. A coarse key is a key without its
last bits.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.intrinsics import int64, kernel
from index.tables import MAX_FLIPS, Flips, Int64s, Tables, Uint32s, coarse_bits

KEY_NS, CODE_NS = 4.5, 18.0
"""
Nanoseconds to probe one key, and to compare one code that was found: medians over 10^6 to 10^8
codes on a two-core x86-64 machine. Only their ratios to each other and to `scan.SCAN_NS` matter.
"""

_COARSE_BITS = coarse_bits()
_COUNTED_FLIPS = 2
_UNREACHABLE = 1e300


class KeyDensity(NamedTuple):
    """
    How many codes have a key near each coarse key.

    Attributes:
        codes: For each coarse key: how many codes have this coarse key, how many have one that is
            one flip away, and how many have one that is two flips away.

        steps: For each coarse key: the nanoseconds of the steps to radius 0, 1 and 2.

        coarse_at: Where the coarse keys of each chunk begin.
    """

    codes: Uint32s
    steps: NDArray[np.float32]
    coarse_at: Int64s


class RadiusBuffers(NamedTuple):
    """
    Buffers for `choose_radii`.

    Attributes:
        costs: For each chunk: the cost of not probing it, and of radius 0, 1, …; shape
            (chunks, MAX_FLIPS + 2).

        cheapest: At [c, s]: the least cost of exactly s steps in the first c chunks; shape
            (chunks + 1, …).

        near: Number of codes at 0, 1, … flips from a coarse key; shape (MAX_FLIPS + 1,).
    """

    costs: NDArray[np.float64]
    cheapest: NDArray[np.float64]
    near: NDArray[np.float64]


@njit(cache=True, nogil=True)
def density_of(tables: Tables, flips: Flips) -> KeyDensity:
    """Return how many codes are near each coarse key of the tables."""
    codes = np.zeros((len(tables.coarse), _COUNTED_FLIPS + 1), dtype=np.uint32)
    steps = np.zeros(codes.shape, dtype=np.float32)
    density = KeyDensity(codes, steps, tables.coarse_at)
    for chunk in range(len(tables.coarse_at) - 1):
        begin, coarse_ends = tables.coarse_at[chunk], flips.coarse_at[chunk]
        for coarse_key in range(tables.coarse_at[chunk + 1] - 1 - begin):
            for count in range(_COUNTED_FLIPS + 1):
                for flip in range(coarse_ends[count], coarse_ends[count + 1]):
                    other = begin + (coarse_key ^ int64(flips.coarse[flip]))
                    codes[begin + coarse_key, count] += (
                        tables.coarse[other + 1] - tables.coarse[other]
                    )
            for count in range(_COUNTED_FLIPS + 1):
                first_key = coarse_key << _COARSE_BITS
                steps[begin + coarse_key, count] = _step_ns(density, flips, chunk, first_key, count)
    return density


def min_ns(flips: Flips, total_radii: int) -> float:
    """
    Return the least time, in ns, that probing with this many steps can take for any query.

    The result is infinity if the chunks have fewer steps than that in all.

    Args:
        total_radii: Required number of steps: the sum over all chunks of radius + 1.
    """
    # Each step of a chunk adds more keys than the chunk's step before it. So the cheapest steps of
    # all never include a step without the chunk's steps before it.
    steps = np.sort(np.diff(flips.keys_at, axis=1), axis=None)
    return float(steps[:total_radii].sum() * KEY_NS) if total_radii <= len(steps) else float("inf")


@kernel
def choose_radii(
    density: KeyDensity,
    flips: Flips,
    keys: Int64s,
    total_radii: int,
    buffers: RadiusBuffers,
    radii: Int64s,
) -> float:
    """
    Choose the radius of each chunk (−1: not probed), and return the estimated nanoseconds.

    Args:
        keys: The query's keys, shape (chunks,).

        total_radii: Required number of steps: the sum over all chunks of radius + 1.

        radii: Receives the radii, shape (chunks,).
    """
    chunks = len(keys)
    most = MAX_FLIPS + 1
    costs, cheapest = buffers.costs, buffers.cheapest
    for total in range(1, total_radii + 1):
        cheapest[0, total] = _UNREACHABLE
    cheapest[0, 0] = 0.0
    for chunk in range(chunks):
        _estimate(density, flips, chunk, keys[chunk], buffers.near, costs[chunk])
        for total in range(total_radii + 1):
            least = cheapest[chunk, total] + costs[chunk, 0]
            for share in range(1, min(most, total) + 1):
                least = min(least, cheapest[chunk, total - share] + costs[chunk, share])
            cheapest[chunk + 1, total] = least
    remaining = total_radii
    cost: float = cheapest[chunks, remaining]
    for chunk in range(chunks - 1, -1, -1):
        for share in range(min(most, remaining) + 1):
            if (
                cheapest[chunk, remaining - share] + costs[chunk, share]
                == cheapest[chunk + 1, remaining]
            ):
                radii[chunk] = share - 1
                remaining -= share
                break
    return cost


@kernel
def choose_radii_within(
    density: KeyDensity,
    flips: Flips,
    keys: Int64s,
    total_radii: int,
    budget_ns: float,
    costs: NDArray[np.float64],
    radii: Int64s,
) -> None:
    """
    Choose the radius of each chunk within a budget: take the cheapest next step each time.

    This takes a tenth of the time of `choose_radii`. It gives the same radii if each step of a
    chunk costs more than the step before, which is nearly always the case.

    Args:
        total_radii: Largest number of steps: the sum over all chunks of radius + 1.

        costs: Buffer for the cost of each chunk's next step, shape (chunks,).
    """
    remaining, radius = budget_ns, int64(-1)
    while True:
        all_ns, dearest_ns, two_more_ns = 0.0, 0.0, _UNREACHABLE
        for chunk in range(len(keys)):
            costs[chunk] = _next_ns(density, flips, chunk, keys[chunk], radius + 1, remaining)
            all_ns += costs[chunk]
            dearest_ns = max(dearest_ns, costs[chunk])
            two_more_ns = min(two_more_ns, _keys_ns(flips, chunk, radius + 2))
        # If the dearest next step costs no more than any chunk's step after next, all next steps
        # come first. So take them all at once.
        if all_ns > remaining or dearest_ns > two_more_ns or total_radii < len(keys):
            break
        remaining, total_radii, radius = remaining - all_ns, total_radii - len(keys), radius + 1
    for chunk in range(len(keys)):
        radii[chunk] = radius
    for _ in range(total_radii):
        cheapest = int64(0)
        for chunk in range(1, len(keys)):
            if costs[chunk] < costs[cheapest]:
                cheapest = chunk
        remaining -= costs[cheapest]
        if remaining < 0:
            break
        radii[cheapest] += 1
        costs[cheapest] = _next_ns(
            density, flips, cheapest, keys[cheapest], radii[cheapest] + 1, remaining
        )


@kernel
def _keys_ns(flips: Flips, chunk: int, radius: int) -> float:
    """Return the nanoseconds to probe all keys at exactly this many flips."""
    if radius > MAX_FLIPS:
        return _UNREACHABLE
    return float((flips.keys_at[chunk, radius + 1] - flips.keys_at[chunk, radius]) * KEY_NS)


@kernel
def _next_ns(
    density: KeyDensity, flips: Flips, chunk: int, key: int, radius: int, limit_ns: float
) -> float:
    """
    Estimate how many nanoseconds more a radius costs than the radius before it.

    If the keys alone cost more than `limit_ns`, the result is just some number above `limit_ns`.
    """
    if radius <= _COUNTED_FLIPS:
        return float(density.steps[density.coarse_at[chunk] + (key >> _COARSE_BITS), radius])
    if radius > MAX_FLIPS or _keys_ns(flips, chunk, radius) > limit_ns:
        return _UNREACHABLE
    return _step_ns(density, flips, chunk, key, radius)


@kernel
def _step_ns(density: KeyDensity, flips: Flips, chunk: int, key: int, radius: int) -> float:
    codes = _codes_near(density, flips, chunk, key, radius) * flips.ball[0]
    for count in range(radius):
        more = flips.ball[radius - count] - flips.ball[radius - count - 1]
        codes += _codes_near(density, flips, chunk, key, count) * more
    return float(_keys_ns(flips, chunk, radius) + codes * CODE_NS)


@kernel
def _codes_near(density: KeyDensity, flips: Flips, chunk: int, key: int, count: int) -> float:
    """Return how many codes have a coarse key that is this many flips from that of `key`."""
    coarse_key = density.coarse_at[chunk] + (key >> _COARSE_BITS)
    if count <= _COUNTED_FLIPS:
        return float(density.codes[coarse_key, count])
    coarse_ends, codes = flips.coarse_at[chunk], float(density.codes[coarse_key, _COUNTED_FLIPS])
    # Counting the codes at more flips would cost more than it saves. So assume that coarse keys at
    # each further flip have as many codes, on average, as those at one flip less.
    for flip_count in range(_COUNTED_FLIPS + 1, count + 1):
        masks = coarse_ends[flip_count] - coarse_ends[flip_count - 1]
        further = coarse_ends[flip_count + 1] - coarse_ends[flip_count]
        codes *= further / masks if masks > 0 else 0.0
    return codes


@kernel
def _estimate(
    density: KeyDensity,
    flips: Flips,
    chunk: int,
    key: int,
    near: NDArray[np.float64],
    costs: NDArray[np.float64],
) -> None:
    """Estimate the nanoseconds of not probing a chunk, and of radius 0, 1, …"""
    for count in range(MAX_FLIPS + 1):
        near[count] = _codes_near(density, flips, chunk, key, count)
    costs[0] = 0.0
    for radius in range(MAX_FLIPS + 1):
        codes = 0.0
        for count in range(radius + 1):
            codes += near[count] * flips.ball[radius - count]
        keys = flips.keys_at[chunk, radius + 1] - flips.keys_at[chunk, 0]
        costs[radius + 1] = keys * KEY_NS + codes * CODE_NS
