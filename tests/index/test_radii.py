"""Radii grow bit by bit, each time by the cheapest step, while the budget lasts."""

import math

import numpy as np
import pytest

from index.intrinsics import int64
from index.radii import CODE_NS, KEY_NS, choose_radii_within, density_of
from index.tables import MAX_FLIPS, build, coarse_bits, flips_of, keys_of
from tests.index.made import MakeCodes, near, skewed, uniform

THRESHOLD = 60
WIDTH = 20


def step_ns(codes_near: list[float], radius: int) -> float:
    """Return what raising a radius by one, to `radius`, costs; codes_near counts codes by flips."""
    if radius > MAX_FLIPS:
        return math.inf
    last_bits = coarse_bits()
    within = np.cumsum([math.comb(last_bits, ones) for ones in range(radius + 1)]) / 2**last_bits
    compared = codes_near[radius] * within[0]
    compared += sum(
        codes_near[count] * (within[radius - count] - within[radius - count - 1])
        for count in range(radius)
    )
    return float(math.comb(WIDTH, radius) * KEY_NS + compared * CODE_NS)


def greedy(steps: list[list[float]], budget_ns: float) -> list[int]:
    radii = [-1] * len(steps)
    for _ in range(THRESHOLD + 1):
        costs = [each[radius + 1] for each, radius in zip(steps, radii, strict=True)]
        cheapest = int(np.argmin(costs))
        budget_ns -= costs[cheapest]
        if budget_ns < 0:
            break
        radii[cheapest] += 1
    return radii


@pytest.mark.parametrize("make", [uniform, skewed])
@pytest.mark.parametrize("budget_ns", [1.0, 30.0, 400.0, 1_150.0, 2_500.0, 15_000.0, 200_000.0])
def test_each_step_is_the_cheapest_one(make: MakeCodes, budget_ns: float) -> None:
    rng = np.random.default_rng(1)
    codes = make(60_000, 20, rng)
    tables = build(codes, chunks := 160 // WIDTH)
    flips = flips_of(tables)
    density = density_of(tables, flips)
    keys, radii = np.empty(chunks, np.int64), np.empty(chunks, np.int64)
    flips_to_zero = np.array(
        [int(each).bit_count() for each in range(1 << (WIDTH - coarse_bits()))]
    )
    for number in range(60):
        code = near(codes[number], number % 30, rng)
        keys_of(tables, code, keys)
        choose_radii_within(
            density, flips, keys, int64(THRESHOLD + 1), budget_ns, np.empty(chunks), radii
        )
        steps = []
        for chunk, key in enumerate(keys.tolist()):
            begin, coarse_key = tables.coarse_at[chunk], key >> coarse_bits()
            codes_of_key = np.diff(tables.coarse[begin : begin + len(flips_to_zero) + 1]).astype(
                np.int64
            )
            flipped = flips_to_zero[np.arange(len(flips_to_zero)) ^ coarse_key]
            around = [float(codes_of_key[flipped == count].sum()) for count in range(3)]
            # Beyond two flips, extrapolate the number of codes from the number of coarse keys.
            for count in range(3, MAX_FLIPS + 1):
                width = WIDTH - coarse_bits()
                around.append(around[-1] * math.comb(width, count) / math.comb(width, count - 1))
            steps.append([step_ns(around, radius) for radius in range(MAX_FLIPS + 2)])
        assert radii.tolist() == greedy(steps, budget_ns)
