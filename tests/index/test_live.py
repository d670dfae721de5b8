"""A LiveIndex finds what brute force finds, whatever was added and removed before."""

import threading
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import CodeWidthError, DuplicateIdError, Engine, ExactSearch, Hits, LiveIndex, part_set
from index.codes import Codes
from index.part import Part, SealedPart
from index.part_set import PartSet
from tests.index.made import KINDS, MakeCodes, clustered, near, uniform, wait_for_merges

ENGINES: list[Engine] = ["auto", "faiss"]


@pytest.fixture
def small_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make tails of 64 codes, so that few codes make many parts."""
    monkeypatch.setattr(part_set, "TAIL_CODES", 64)


def same(ours: Hits, right: Hits) -> bool:
    """Return whether two results are equal except for owners, which the oracle does not know."""
    pairs = (
        (ours.offsets, right.offsets),
        (ours.ids, right.ids),
        (ours.distances, right.distances),
    )
    return all(mine.tolist() == theirs.tolist() for mine, theirs in pairs)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize("threshold", [0, 1, 8, 31, 40])
def test_the_threshold_is_inclusive(bits: int, threshold: int, engine: Engine) -> None:
    rng = np.random.default_rng(threshold)
    query = rng.integers(0, 256, bits // 8, dtype=np.uint8)
    away = [each for each in (threshold - 1, threshold, threshold + 1) if each >= 0]
    index = LiveIndex(bits, engine=engine)
    index.add(np.array(away), np.stack([near(query, each, rng) for each in away]))
    for _ in ("in the tail", "in a sealed part"):
        hits = index.search(query[None], threshold=threshold)
        assert hits.distances.tolist() == [each for each in away if each <= threshold]
        assert hits.ids.tolist() == hits.distances.tolist()
        seal_tail(index)


def seal_tail(index: LiveIndex) -> None:
    """Seal the present codes by filling the tail with codes that are removed again."""
    count = part_set.TAIL_CODES
    index.add(np.arange(-count, 0), np.zeros((count, index.bits // 8), dtype=np.uint8))
    index.remove(range(-count, 0))
    index.settle()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_it_equals_brute_force(
    kind: MakeCodes, count: int, engine: Engine, small_tail: None
) -> None:
    rng = np.random.default_rng(count)
    codes = kind(count, 32, rng)
    ids = rng.permutation(10 * count + 1)[:count].astype(np.int64)
    index = LiveIndex(256, engine=engine)
    for some in np.array_split(np.arange(count), max(1, count // 30)):
        index.add(ids[some], codes[some])
    gone = rng.random(count) < 0.15
    index.remove(ids[gone])
    oracle = ExactSearch(256, ids[~gone], codes[~gone])
    queries = np.concatenate([uniform(2, 32, rng), np.zeros((1, 32), np.uint8), codes[:4]])
    for threshold in (0, 1, 7, 31, 40, 64):
        around = [
            near(code, max(0, threshold + more), rng) for code in codes[-2:] for more in (-1, 0, 1)
        ]
        asked = np.array([*queries, *around], dtype=np.uint8)
        assert same(
            index.search(asked, threshold=threshold), oracle.search(asked, threshold=threshold)
        )


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_brute_force_with_many_codes(kind: MakeCodes, engine: Engine) -> None:
    rng = np.random.default_rng(5)
    # Each query finds a third of the repeated codes, so use fewer of those.
    count = 300_000 if kind is uniform or kind is KINDS[1] else 60_000
    codes = kind(count, 32, rng)
    ids = np.arange(count)
    index = LiveIndex(256, engine=engine)
    index.add(ids[: count // 2], codes[: count // 2])
    for some in np.array_split(np.arange(count // 2, count), 100):
        index.add(ids[some], codes[some])
    gone = rng.random(count) < 0.1
    index.remove(ids[gone])
    oracle = ExactSearch(256, ids[~gone], codes[~gone])
    for threshold in (0, 15, 31, 40, 64):
        chosen = rng.integers(0, count, 6)
        asked = np.stack([near(codes[each], int(rng.integers(0, 70)), rng) for each in chosen])
        assert same(
            index.search(asked, threshold=threshold), oracle.search(asked, threshold=threshold)
        )
    index.close()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 60), k=st.integers(1, 9))
def test_the_nearest_include_all_ties(seed: int, count: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    codes = (clustered(count, 8, rng) & 1).astype(np.uint8)
    index = LiveIndex(64)
    index.add(np.arange(count), codes)
    queries = np.vstack([codes[:2], np.zeros((1, 8), np.uint8)])
    ours = index.nearest(queries, k, threshold=5)
    for number, query in enumerate(queries):
        every = sorted(
            (int(away), each)
            for each, away in enumerate(np.bitwise_count(codes ^ query).sum(axis=1))
            if away <= 5
        )
        last = every[min(k, len(every)) - 1][0] if every else 0
        right = [each for each in every if each[0] <= last]
        ids, away = ours[number]
        assert list(zip(away.tolist(), ids.tolist(), strict=True)) == right
        assert len(right) >= min(k, len(every))


def test_k_must_be_1_or_more() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        LiveIndex(64).nearest(np.zeros((1, 8), np.uint8), 0, threshold=5)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_addition_is_found_and_a_removal_is_not(engine: Engine, small_tail: None) -> None:
    rng = np.random.default_rng(1)
    codes = uniform(600, 32, rng)
    index = LiveIndex(256, engine=engine)
    for number, code in enumerate(codes):
        index.add(np.array([number]), code[None], np.array([number % 7]))
        assert index.search(code[None], threshold=0).ids.tolist() == [number]
        assert index.search(code[None], threshold=0).owners.tolist() == [number % 7]
        if number % 3 == 0:
            assert index.remove([number]) == 1
            assert index.search(code[None], threshold=0).ids.tolist() == []
    left = [each for each in range(600) if each % 3 and each % 7 == 2]
    assert index.remove_owners([2, 99]) == len(left)
    assert index.remove_owners([2]) == 0
    hits = index.search(codes, threshold=0)
    assert hits.ids.tolist() == [each for each in range(600) if each % 3 and each % 7 != 2]
    assert len(index) == len(hits.ids)


def test_an_id_is_added_once(small_tail: None) -> None:
    """If any part of the index has one of a batch's ids, nothing of the batch is added."""
    rng = np.random.default_rng(2)
    index = LiveIndex(64)
    index.add(np.arange(0, 400, 2), uniform(200, 8, rng))
    index.add(np.array([500, 502]), uniform(2, 8, rng))
    index.settle()
    for known in (0, 398, 500, 502):
        for many in (1, 3, 200):
            ids = np.append(np.arange(1001, 1000 + 2 * (many - 1), 2), known)
            with pytest.raises(DuplicateIdError):
                index.add(ids, np.zeros((len(ids), 8), dtype=np.uint8))
    with pytest.raises(DuplicateIdError):
        index.add(np.array([7, 7]), np.zeros((2, 8), dtype=np.uint8))
    assert len(index) == 202
    assert len(index.search(np.zeros((1, 8), np.uint8), threshold=0).ids) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_an_id_may_be_added_again_after_its_removal(engine: Engine, small_tail: None) -> None:
    index = LiveIndex(64, engine=engine)
    rng = np.random.default_rng(3)
    for turn in range(12):
        code = np.full((1, 8), turn, dtype=np.uint8)
        index.add(np.array([5]), code, np.array([turn]))
        hits = index.search(code, threshold=64)
        assert hits.ids.tolist().count(5) == 1
        assert hits.owners[hits.ids == 5].tolist() == [turn]
        index.add(np.arange(100 * turn + 100, 100 * turn + 140), uniform(40, 8, rng))
        if turn % 3 == 0:
            index.settle()
        assert (index.remove([5]) if turn % 2 else index.remove_owners([turn])) == 1


def test_a_removal_returns_the_number_of_codes(small_tail: None) -> None:
    index = LiveIndex(64)
    index.add(np.arange(200), np.zeros((200, 8), dtype=np.uint8))
    index.add(np.arange(200, 220), np.zeros((20, 8), dtype=np.uint8))
    assert index.remove([3, 3, 210, -1, 10**12]) == 2
    assert index.remove(iter([3, 210, 211])) == 1
    assert index.remove([]) == 0
    # Without owners, each code is its own owner.
    assert index.remove_owners({3, 4, 212}) == 2
    assert len(index) == 215


@pytest.mark.parametrize("codes", [np.zeros((1, 7), np.uint8), np.zeros((1, 8), np.int64),
                                   np.zeros(8, np.uint8)])  # fmt: skip
def test_codes_of_another_width_are_refused(codes: Codes) -> None:
    index = LiveIndex(64)
    with pytest.raises(CodeWidthError, match="64 bits"):
        index.search(codes, threshold=8)
    with pytest.raises(CodeWidthError):
        index.add(np.array([1]), codes)


def test_there_must_be_one_id_and_one_owner_for_each_code() -> None:
    index = LiveIndex(64)
    codes = np.zeros((2, 8), np.uint8)
    for ids, owners in (
        (np.array([1]), None),
        (np.array([1, 2]), np.array([1])),
        (np.array([[1, 2]]), None),
    ):
        with pytest.raises(ValueError, match="one id"):
            index.add(ids, codes, owners)
    assert len(index) == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [3, 300])
def test_the_caller_may_change_its_arrays_after_adding(
    count: int, engine: Engine, small_tail: None
) -> None:
    ids, codes = np.arange(count), np.zeros((count, 8), dtype=np.uint8)
    owners = ids + 1000
    index = LiveIndex(64, engine=engine)
    index.add(ids, codes, owners)
    for each in (ids, codes, owners):
        each[:] = 77
    hits = index.search(np.zeros((1, 8), np.uint8), threshold=0)
    assert hits.ids.tolist() == list(range(count))
    assert hits.owners.tolist() == list(range(1000, 1000 + count))


def test_parts_stay_few(small_tail: None) -> None:
    rng = np.random.default_rng(4)
    index = LiveIndex(64)
    for number in range(1500):
        index.add(np.arange(number * 10, number * 10 + 10), uniform(10, 8, rng))
    index.settle()
    sizes = sorted((len(part) for part in index.parts[:-1]), reverse=True)
    assert sum(sizes) >= 15_000 - 64
    for rank, size in enumerate(sizes):
        assert size > 2 * sum(sizes[rank + 1 :])
    assert len(sizes) <= 6


def test_merges_stay_few(monkeypatch: pytest.MonkeyPatch, small_tail: None) -> None:
    """A code moves to another part about once each time the index doubles, and not more often."""
    merged = PartSet.merged
    moved: list[int] = []

    def counted(self: PartSet, parts: Sequence[Part]) -> SealedPart | None:
        moved.extend(len(part) for part in parts)
        return merged(self, parts)

    monkeypatch.setattr(PartSet, "merged", counted)
    rng = np.random.default_rng(11)
    index = LiveIndex(64)
    index.close()
    for number in range(1024):
        index.add(np.arange(number * 64, number * 64 + 64), uniform(64, 8, rng))
        index.settle()
    assert sum(moved) < 10 * 64 * 1024


def test_a_large_batch_is_one_part_at_once() -> None:
    index = LiveIndex(64)
    index.add(np.arange(20_000), uniform(20_000, 8, np.random.default_rng(5)))
    assert [len(part) for part in index.parts] == [20_000]


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_follows_the_live_codes(engine: Engine) -> None:
    """
    Outside its segment, a code takes 21 bytes: id, owner, place in the order of owners, live flag.

    The share of tombstones never stays above a fifth for long.
    """
    rng = np.random.default_rng(6)
    count = 200_000
    index = LiveIndex(256, engine=engine)
    owners = rng.integers(0, count // 50, count)
    index.add(np.arange(count), uniform(count, 32, rng), owners)
    full = index.nbytes
    (part,) = index.parts
    tail = part_set.TAIL_CODES * (32 + 8 + 8 + 1)
    assert full == part.segment.nbytes + 21 * count + tail
    assert 32 * count <= part.segment.nbytes < 130 * count
    left = count
    for first in range(0, 3600, 300):
        left -= sum(index.remove_owners([each]) for each in range(first, first + 300))
        wait_for_merges()
        assert len(index) == left
        assert index.nbytes - tail < 1.3 * (full - tail) * left / count
    index.close()


def test_nbytes_is_the_memory_that_the_index_takes() -> None:
    codes = uniform(100_000, 32, np.random.default_rng(7))
    owners = np.random.default_rng(7).permutation(100_000)
    LiveIndex(256, engine="faiss").add(np.arange(9000), codes[:9000])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    index = LiveIndex(256, engine="faiss")
    index.add(np.arange(100_000), codes, owners)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert abs(index.nbytes - taken) < 0.02 * taken


def test_a_purge_drops_removed_codes_from_memory(small_tail: None) -> None:
    rng = np.random.default_rng(8)
    codes = uniform(500, 32, rng)
    index = LiveIndex(256)
    for some in np.array_split(np.arange(500), 25):
        index.add(some, codes[some], some // 10)
    index.remove_owners([1, 30, 49])
    index.remove([7])
    index.add(np.array([500]), np.zeros((1, 32), np.uint8))
    index.purge()
    in_memory = {code.tobytes() for part in index.parts for code in part.segment.codes}
    gone = [*range(10, 20), *range(300, 310), *range(490, 500), 7]
    left = {codes[each].tobytes() for each in range(500) if each not in gone}
    assert in_memory == {*left, bytes(32)}
    assert sum(part.dead for part in index.parts) == 0
    assert index.search(codes, threshold=0).ids.tolist() == [
        each for each in range(500) if each not in gone
    ]


def test_no_thread_starts_after_close(small_tail: None) -> None:
    rng = np.random.default_rng(9)
    index = LiveIndex(64)
    index.close()
    before = set(threading.enumerate())
    codes = uniform(1000, 8, rng)
    for each in range(1000):
        index.add(np.array([each]), codes[each : each + 1])
    assert before.issuperset(threading.enumerate())
    assert index.search(codes, threshold=0).ids.tolist() == list(range(1000))
    index.close()


def test_a_thread_merges_in_the_background_and_ends(small_tail: None) -> None:
    rng = np.random.default_rng(10)
    index = LiveIndex(64)
    for each in range(0, 2000, 10):
        index.add(np.arange(each, each + 10), uniform(10, 8, rng))
    wait_for_merges()
    assert len(index.parts) <= 5
