"""The codes for measuring searchers are as the benchmark describes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.matching import photographed
from benchmarks.matching.__main__ import main
from benchmarks.matching.generated import BLOCK, skewed_codes, uniform_codes
from benchmarks.matching.queries import flipped, make_queries
from benchmarks.matching.skew import skew_of
from index import distances
from tests.conftest import generated_photo, jpeg

COUNT = 2000


@pytest.mark.parametrize("make", [uniform_codes, skewed_codes])
@pytest.mark.parametrize("bits", [64, 256])
def test_generated_codes_depend_on_the_seed_alone(make: Any, bits: int) -> None:
    codes = make(2 * BLOCK + 10, bits, seed=4)
    assert codes.shape == (2 * BLOCK + 10, bits // 8)
    assert np.array_equal(codes[: BLOCK + 1], make(BLOCK + 1, bits, seed=4))
    others = (
        codes[BLOCK : BLOCK + 100],
        make(100, bits, seed=5),
        make(100, bits, seed=4, stream="fresh"),
    )
    for other in others:
        assert not (codes[:100] == other).all(axis=1).any()


@pytest.mark.parametrize(
    ("make", "bits", "short", "long", "count"),
    [
        (uniform_codes, 256, (0.9, 1.1), (0.6, 1.6), (250, 256)),
        (skewed_codes, 256, (10, 12), (24, 31), (146, 154)),
        (skewed_codes, 64, (5, 6), (22, 29), (34, 39)),
    ],
)
def test_generated_codes_have_the_stated_statistics(
    make: Any, bits: int, short: Any, long: Any, count: Any
) -> None:
    skew = skew_of(make(30_000, bits, seed=6))
    for value, (low, high) in (
        (np.mean(skew.collisions[16]), short),
        (np.mean(skew.collisions[23]), long),
        (skew.bits_that_count, count),
    ):
        assert low < value < high


def test_collisions_are_of_different_photographs_only() -> None:
    codes = uniform_codes(400, 256, seed=7)
    twice = np.concatenate((codes, codes))
    origins = np.tile(np.arange(400), 2)
    # 400 of 319,600 pairs are alike in each chunk.
    rate = 400 / 319_600 * 2**16
    assert np.mean(skew_of(twice).collisions[16]) == pytest.approx(rate, rel=0.2)
    assert np.mean(skew_of(twice, origins).collisions[16]) < 5


@pytest.mark.parametrize(("bits", "most"), [(256, 40), (64, 10)])
def test_a_quarter_of_the_queries_are_near_a_stored_code(bits: int, most: int) -> None:
    stored = uniform_codes(COUNT, bits, seed=8)
    fresh = uniform_codes(300, bits, seed=9)
    queries = make_queries(stored, fresh, seed=1)
    nearest = [int(distances(query, stored).min()) for query in queries]
    drawn = [int(distances(query, fresh).min()) == 0 for query in queries]
    assert len(queries) == 1000
    assert sum(drawn) == 750
    near = [away for away, other in zip(nearest, drawn, strict=True) if not other]
    assert min(near) <= 1
    assert most - 1 <= max(near) <= most
    assert np.array_equal(queries, make_queries(stored, fresh, seed=1))
    assert not np.array_equal(queries, make_queries(stored, fresh, seed=2))


def test_flipped_flips_the_given_number_of_bits() -> None:
    codes = uniform_codes(50, 256, seed=10)
    counts = np.arange(50)
    away = np.bitwise_count(flipped(codes, counts, np.random.default_rng(1)) ^ codes).sum(axis=1)
    assert np.array_equal(away, counts)


def test_photographed_codes_are_hashed_as_far_as_time_allows(folder: Path) -> None:
    real = photographed.photographed(folder, most=1, seconds=0, seed=1)
    # The second of the three photographs is used for queries, but not stored.
    assert set(real.origins.tolist()) <= {0, 2}
    assert not (real.stored[:, None] == real.fresh[None, :9]).all(axis=2).any()
    count = 2 * len(real.stored)
    codes, about = real.extended(count, seed=1)
    assert np.array_equal(codes[: len(real.stored)], real.stored)
    assert "50.0% of the stored codes are these" in about
    away = [int(distances(code, real.stored).min()) for code in codes[len(real.stored) :]]
    assert 40 < np.median(away) < 60
    fewer, about = real.extended(10, seed=1)
    assert np.array_equal(fewer, real.stored[:10])
    assert "100.0%" in about


def test_altered_photographs_are_hashed_when_the_photographs_are_used_up(folder: Path) -> None:
    once = photographed.photographed(folder, most=1, seconds=0, seed=1)
    more = photographed.photographed(folder, most=4 * len(once.stored), seconds=60, seed=1)
    assert len(more.stored) >= 4 * len(once.stored)
    assert np.array_equal(more.stored[: len(once.stored)], once.stored)
    assert len(np.unique(more.stored, axis=0)) > 3 * len(once.stored)
    assert "of 3 photographs" in more.about


def test_one_photograph_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.jpg").write_bytes(jpeg(generated_photo(1, (360, 270))))
    Image.new("RGB", (300, 300)).save(tmp_path / "plain.png")
    assert main(["--data", "photos", "--photos", str(tmp_path), "--n", str(COUNT)]) == 2
    assert "two photographs are needed" in capsys.readouterr().err
