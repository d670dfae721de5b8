"""`count_near` gives for each group what brute force gives for that group alone."""

import numpy as np
import pytest

from index import CodeWidthError, count_near, nearest


@pytest.mark.parametrize("away", [-1, 0, 1])
def test_the_threshold_is_inclusive(away: int) -> None:
    code = np.zeros((1, 32), np.uint8)
    bits = np.zeros(256, np.uint8)
    bits[: 68 + away] = 1
    other = np.packbits(bits)[None]
    assert count_near(code, other, np.array([1]), threshold=68).tolist() == [int(away <= 0)]


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_brute_force_over_groups_of_any_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 40, 30)
    codes = rng.integers(0, 256, (17, 32), dtype=np.uint8)
    others = rng.integers(0, 256, (int(sizes.sum()), 32), dtype=np.uint8)
    ends = np.cumsum(sizes)
    counts = count_near(codes, others, ends, threshold=112)
    groups = np.split(others, ends[:-1])
    expected = [int((nearest(codes, each) <= 112).sum()) if len(each) else 0 for each in groups]
    assert counts.tolist() == expected
    assert 0 < sum(expected) < 17 * 30


def test_nothing_is_near_nothing() -> None:
    none = np.empty((0, 32), np.uint8)
    some = np.zeros((3, 32), np.uint8)
    assert count_near(none, some, np.array([1, 3]), threshold=9).tolist() == [0, 0]
    assert count_near(some, none, np.array([0, 0]), threshold=9).tolist() == [0, 0]
    assert count_near(some, none, np.empty(0, np.int64), threshold=9).tolist() == []


@pytest.mark.parametrize("width", [8, 31, 33])
def test_codes_of_another_width_are_refused(width: int) -> None:
    right, wrong = np.zeros((1, 32), np.uint8), np.zeros((1, width), np.uint8)
    for codes, others in ((wrong, right), (right, wrong)):
        with pytest.raises(CodeWidthError):
            count_near(codes, others, np.array([1]), threshold=0)
