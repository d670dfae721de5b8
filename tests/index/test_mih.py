"""A sealed segment finds exactly what brute force finds, at any radius."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index import ExactSearch
from index.mih import FEWEST, MihSegment
from index.tables import MAX_FLIPS
from tests.index.made import KINDS, MakeCodes, clustered, near, repeated, skewed, uniform, zeros

COUNT = FEWEST + 1_000
RADII = (0, 1, 2, 15, 16, 30, 31, 32, 45, 46, 63, 64, 255, 256)


def answers(
    segment: MihSegment, queries: NDArray[np.uint8], threshold: int
) -> list[list[tuple[int, int]]]:
    """Return distance and position of all hits of each query, sorted."""
    counts, positions, distances = segment.search(queries, threshold=threshold)
    assert len(positions) == len(distances) == counts.sum()
    ends = np.cumsum(counts)
    pairs = list(zip(distances.tolist(), positions.tolist(), strict=True))
    return [sorted(pairs[end - count : end]) for end, count in zip(ends, counts, strict=True)]


def expected(
    codes: NDArray[np.uint8], queries: NDArray[np.uint8], threshold: int
) -> list[list[tuple[int, int]]]:
    oracle = ExactSearch(codes.shape[1] * 8, np.arange(len(codes)), codes)
    hits = oracle.search(queries, threshold=threshold)
    found = [hits[query] for query in range(len(queries))]
    return [sorted(zip(far.tolist(), ids.tolist(), strict=True)) for ids, far in found]


def with_flips(
    codes: NDArray[np.uint8], flips: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    return np.array([near(code, int(count), rng) for code, count in zip(codes, flips, strict=True)])


def near_and_far(codes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return queries: stored codes with 0 to 70 bits flipped, and three random codes."""
    bits = codes.shape[1] * 8
    flips = np.array([0, 1, 2, 15, 16, 17, 30, 31, 32, 33, 45, 46, 47, 60, 63, 64, 65, 70])
    chosen = codes[rng.integers(0, len(codes), len(flips))]
    return np.concatenate(
        (
            with_flips(chosen, np.minimum(flips, bits), rng),
            rng.integers(0, 256, (3, bits // 8), dtype=np.uint8),
        )
    )


@pytest.mark.parametrize("bits", [64, 128, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_brute_force(kind: MakeCodes, bits: int) -> None:
    rng = np.random.default_rng(1)
    codes = kind(COUNT, bits // 8, rng)
    segment = MihSegment(codes)
    queries = near_and_far(codes, rng)
    for radius in RADII:
        if radius <= bits:
            assert answers(segment, queries, radius) == expected(codes, queries, radius)


@pytest.mark.parametrize("count", [1, 2, 1_000, FEWEST - 1, FEWEST])
def test_it_equals_brute_force_at_any_size(count: int) -> None:
    rng = np.random.default_rng(count)
    codes = clustered(count, 32, rng)
    segment = MihSegment(codes)
    assert len(segment) == count
    queries = near_and_far(codes, rng)
    assert answers(segment, queries, 31) == expected(codes, queries, 31)


def test_no_queries_give_no_hits() -> None:
    segment = MihSegment(uniform(COUNT, 32, np.random.default_rng(1)))
    counts, positions, _ = segment.search(np.empty((0, 32), dtype=np.uint8), threshold=31)
    assert len(counts) == len(positions) == 0


@pytest.mark.parametrize("threshold", [0, 8, 31, 46])
def test_the_threshold_is_inclusive(threshold: int) -> None:
    rng = np.random.default_rng(threshold)
    codes = uniform(COUNT, 32, rng)
    segment = MihSegment(codes)
    for position in range(20):
        for flips, found in ((threshold - 1, True), (threshold, True), (threshold + 1, False)):
            if flips >= 0:
                query = with_flips(codes[position : position + 1], np.array([flips]), rng)
                near = answers(segment, query, threshold)[0]
                assert ((flips, position) in near) is found


def test_many_queries_at_once_are_answered_as_one_by_one() -> None:
    rng = np.random.default_rng(2)
    codes = skewed(COUNT, 32, rng)
    segment = MihSegment(codes)
    queries = np.concatenate([near_and_far(codes, rng) for _ in range(10)])
    together = answers(segment, queries, 31)
    assert together == [answers(segment, queries[i : i + 1], 31)[0] for i in range(len(queries))]
    assert together == expected(codes, queries, 31)


def test_a_code_stored_thousands_of_times_is_found_each_time() -> None:
    rng = np.random.default_rng(3)
    codes = uniform(60_000, 32, rng)
    codes[::10] = codes[0]
    segment = MihSegment(codes)
    query = with_flips(codes[:1], np.array([20]), rng)
    assert answers(segment, query, 31) == expected(codes, query, 31)
    assert len(answers(segment, query, 31)[0]) == 6_000


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), radius=st.integers(0, 80), bits=st.sampled_from([64, 256]))
def test_it_equals_the_oracle_for_any_codes(seed: int, radius: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    kind = KINDS[int(rng.integers(len(KINDS)))]
    codes = kind(FEWEST + int(rng.integers(0, 500)), bits // 8, rng)
    queries = near_and_far(codes, rng)[: int(rng.integers(1, 20))]
    radius = min(radius, bits)
    assert answers(MihSegment(codes), queries, radius) == expected(codes, queries, radius)


def test_its_arrays_are_enough_to_restore_it() -> None:
    rng = np.random.default_rng(4)
    codes = skewed(COUNT, 32, rng)
    built = MihSegment(codes)
    again = MihSegment.from_arrays({name: each.copy() for name, each in built.arrays().items()})
    queries = near_and_far(codes, rng)
    assert answers(again, queries, 31) == answers(built, queries, 31)
    assert np.array_equal(again.codes, codes)
    assert again.nbytes == built.nbytes


def test_it_is_built_the_same_way_each_time() -> None:
    codes = skewed(COUNT, 32, np.random.default_rng(5))
    first, second = MihSegment(codes).arrays(), MihSegment(codes.copy()).arrays()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_all_hits_within_a_budget_are_right() -> None:
    rng = np.random.default_rng(6)
    codes = uniform(50_000, 32, rng)
    segment = MihSegment(codes)
    flips = np.repeat([0, 10, 20, 40, 60], 40)
    queries = with_flips(codes[: len(flips)], flips, rng)
    right = expected(codes, queries, 64)
    all_right = {each for of_one in right for each in of_one}
    found = []
    for budget in (0.0, 2_000.0, 20_000.0, float("inf")):
        across = segment.search_within_budget(queries, threshold=64, budget_ns=budget, steady_ns=0)
        pairs = set(zip(across.distances.tolist(), across.positions.tolist(), strict=True))
        assert pairs <= all_right
        found.append(pairs)
    assert len(found[0]) < len(found[1]) < len(found[2]) < len(found[3])
    assert found[3] == all_right


def half_flipped(
    codes: NDArray[np.uint8], count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return copies with `count` random bits of the second half flipped."""
    bits = codes.shape[1] * 8
    ranks = rng.random((len(codes), bits // 2)).argsort(axis=1)
    flipped = ranks < count
    return codes ^ np.packbits(np.hstack((np.zeros_like(flipped), flipped)), axis=1)


@pytest.mark.parametrize("count", [50_000, 120_000])
def test_copies_that_keep_the_steadiest_bits_are_found_on_a_small_budget(count: int) -> None:
    rng = np.random.default_rng(11)
    codes = uniform(count, 32, rng)
    copies = half_flipped(codes[:300], 60, rng)
    # The caller says which bits are steady; here they are not the first ones.
    shuffled = rng.permutation(256)
    codes, copies = (np.packbits(np.unpackbits(each, axis=1)[:, shuffled], axis=1)
                     for each in (codes, copies))  # fmt: skip
    steadiest = tuple(np.argsort(shuffled).tolist())
    found = [
        set(MihSegment(codes, known).search_within_budget(
            copies, threshold=64, budget_ns=500, steady_ns=500
        ).positions.tolist())
        for known in (steadiest, ())
    ]  # fmt: skip
    assert found[0] == set(range(300))
    assert len(found[1]) < 200


@pytest.mark.parametrize("radius", [0, 20, 31])
def test_it_is_exact_with_known_steadiest_bits_too(radius: int) -> None:
    rng = np.random.default_rng(12)
    codes = skewed(COUNT, 32, rng)
    queries = near_and_far(codes, rng)
    segment = MihSegment(codes, tuple(rng.permutation(256).tolist()))
    assert answers(segment, queries, radius) == expected(codes, queries, radius)


def test_all_chunks_of_tables_built_without_steadiest_bits_are_searched() -> None:
    rng = np.random.default_rng(13)
    codes = uniform(COUNT, 32, rng)
    steadiest = tuple(rng.permutation(256).tolist())
    copies = with_flips(codes[:200], np.full(200, 40), rng)

    def search_within_budget(segment: MihSegment) -> list[int]:
        across = segment.search_within_budget(copies, threshold=64, budget_ns=3_000, steady_ns=0)
        return sorted(across.positions.tolist())

    old = MihSegment(codes)
    again = MihSegment.from_arrays(old.arrays(), steadiest)
    assert search_within_budget(again) == search_within_budget(old) != []
    known = MihSegment(codes, steadiest)
    assert search_within_budget(known) == []
    assert search_within_budget(MihSegment.from_arrays(known.arrays(), steadiest)) == []


def test_threads_search_one_segment_at_once() -> None:
    rng = np.random.default_rng(7)
    codes = uniform(COUNT, 32, rng)
    segment = MihSegment(codes)
    queries = near_and_far(codes, rng)
    right = expected(codes, queries, 31)
    wrong: list[bool] = []

    def look() -> None:
        wrong.extend(answers(segment, queries, 31) != right for _ in range(30))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == [False] * 120


@pytest.mark.soak
@pytest.mark.parametrize("kind", [uniform, skewed, repeated, zeros])
def test_it_equals_the_oracle_at_a_million(kind: MakeCodes) -> None:
    rng = np.random.default_rng(8)
    codes = kind(1_000_000, 32, rng)
    segment = MihSegment(codes)
    queries = near_and_far(codes, rng)
    for radius in (0, 31, 46, 64):
        assert answers(segment, queries, radius) == expected(codes, queries, radius)


def test_no_radius_exceeds_the_largest_number_of_flips() -> None:
    """If a threshold needs more than MAX_FLIPS flips in a chunk, the segment scans all codes."""
    codes = np.zeros((COUNT, 32), dtype=np.uint8)
    codes[:, :16] = np.random.default_rng(9).integers(0, 256, (COUNT, 16), dtype=np.uint8)
    segment = MihSegment(codes)
    query = np.full((1, 32), 255, dtype=np.uint8)
    chunks = len(segment.arrays()["bits_at"]) - 1
    most = chunks * (MAX_FLIPS + 1) - 1
    for radius in (most, most + 1, 200):
        assert answers(segment, query, radius) == expected(codes, query, radius)
