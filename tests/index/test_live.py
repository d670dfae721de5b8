"""A LiveIndex answers like brute force, whatever was added and removed before."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index import CodeWidthError, DuplicateIdError, ExactSearch, LiveIndex, SegmentError


def near(code: np.ndarray, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Return a code that differs in exactly `distance` bits."""
    bits = np.unpackbits(code)
    flipped = rng.choice(len(bits), distance, replace=False)
    bits[flipped] ^= 1
    return np.packbits(bits)


@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize("threshold", [0, 1, 8, 31, 40])
def test_the_threshold_is_inclusive(bits: int, threshold: int) -> None:
    rng = np.random.default_rng(threshold)
    query = rng.integers(0, 256, bits // 8, dtype=np.uint8)
    away = [each for each in (threshold - 1, threshold, threshold + 1) if each >= 0]
    index = LiveIndex(bits)
    index.add(np.array(away), np.stack([near(query, each, rng) for each in away]))
    hits = index.search(query[None], threshold=threshold)
    assert hits.distances.tolist() == [each for each in away if each <= threshold]
    assert hits.ids.tolist() == hits.distances.tolist()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 60), threshold=st.integers(0, 64))
def test_it_equals_brute_force(seed: int, count: int, threshold: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (3, 32), dtype=np.uint8)
    codes = np.array(
        [near(base[rng.integers(3)], int(rng.integers(0, 80)), rng) for _ in range(count)],
        dtype=np.uint8,
    ).reshape(count, 32)
    ids = rng.permutation(1000)[:count].astype(np.int64)
    index = LiveIndex(256)
    index.add(ids, codes)
    ours = index.search(base, threshold=threshold)
    right = ExactSearch(256, ids, codes).search(base, threshold=threshold)
    assert ours.offsets.tolist() == right.offsets.tolist()
    assert ours.ids.tolist() == right.ids.tolist()
    assert ours.distances.tolist() == right.distances.tolist()


class AgainstADict(RuleBasedStateMachine):
    """Adds, removals, saves and loads in any order leave what a dict would hold."""

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.index = LiveIndex(64)
        self.held: dict[int, tuple[int, bytes]] = {}
        self.next_id = 0

    @rule(count=st.integers(1, 400), owner=st.integers(0, 5))
    def add(self, count: int, owner: int) -> None:
        ids = np.arange(self.next_id, self.next_id + count)
        codes = self.rng.integers(0, 4, (count, 8), dtype=np.uint8)
        self.index.add(ids, codes, np.full(count, owner))
        self.held |= {int(i): (owner, c.tobytes()) for i, c in zip(ids, codes, strict=True)}
        self.next_id += count

    @rule(part=st.floats(0, 1))
    def remove(self, part: float) -> None:
        gone = [each for each in self.held if self.rng.random() < part]
        assert self.index.remove([*gone, -1]) == len(gone)
        for each in gone:
            del self.held[each]

    @rule(owner=st.integers(0, 5))
    def remove_owner(self, owner: int) -> None:
        gone = [each for each, (of, _) in self.held.items() if of == owner]
        assert self.index.remove_owners([owner]) == len(gone)
        for each in gone:
            del self.held[each]

    @rule()
    def save_and_load(self) -> None:
        import tempfile  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder:
            self.index.checkpoint = self.next_id
            self.index.save(Path(folder))
            self.index = LiveIndex.load(Path(folder))
        assert self.index.checkpoint == self.next_id

    @invariant()
    def answers_like_the_dict(self) -> None:
        if not hasattr(self, "held"):
            return
        assert len(self.index) == len(self.held)
        hits = self.index.search(np.zeros((1, 8), dtype=np.uint8), threshold=6)
        expected = sorted(
            (int.from_bytes(code).bit_count(), each, owner)
            for each, (owner, code) in self.held.items()
            if int.from_bytes(code).bit_count() <= 6
        )
        found = zip(hits.distances, hits.ids, hits.owners, strict=True)
        assert [tuple(map(int, each)) for each in found] == expected


AgainstADict.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestAgainstADict = AgainstADict.TestCase


def test_an_id_is_added_once() -> None:
    index = LiveIndex(64)
    index.add(np.array([1, 2]), np.zeros((2, 8), dtype=np.uint8))
    for ids in ([2, 3], [4, 4]):
        with pytest.raises(DuplicateIdError):
            index.add(np.array(ids), np.zeros((2, 8), dtype=np.uint8))
    assert len(index) == 2


@pytest.mark.parametrize("codes", [np.zeros((1, 7), np.uint8), np.zeros((1, 8), np.int64),
                                   np.zeros(8, np.uint8)])  # fmt: skip
def test_codes_of_another_width_are_refused(codes: np.ndarray) -> None:
    index = LiveIndex(64)
    with pytest.raises(CodeWidthError, match="64 bits"):
        index.search(codes, threshold=8)
    with pytest.raises(CodeWidthError):
        index.add(np.array([1]), codes)


def test_a_cut_or_altered_file_is_refused(tmp_path: Path) -> None:
    index = LiveIndex(64)
    index.add(np.arange(5), np.arange(40, dtype=np.uint8).reshape(5, 8))
    index.save(tmp_path)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    assert len(LiveIndex.load(tmp_path)) == 5
    for place in range(len(good)):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(SegmentError):
            LiveIndex.load(tmp_path)
        file.write_bytes(good[:place])
        with pytest.raises(SegmentError):
            LiveIndex.load(tmp_path)
    file.unlink()
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path)


def test_removed_codes_are_on_no_disk_and_in_no_answer(tmp_path: Path) -> None:
    index = LiveIndex(64)
    index.add(np.array([1, 2]), np.array([[7] * 8, [9] * 8], dtype=np.uint8))
    index.remove([1])
    index.save(tmp_path)
    (file,) = tmp_path.iterdir()
    assert bytes([7] * 8) not in file.read_bytes()
    assert bytes([9] * 8) in file.read_bytes()


def test_readers_and_a_writer_do_not_disturb_each_other() -> None:
    """While codes come and go, those that stay are in every answer and removed ones in none."""
    index = LiveIndex(64)
    index.add(np.arange(50), np.zeros((50, 8), dtype=np.uint8))
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            hits = index.search(np.zeros((1, 8), dtype=np.uint8), threshold=0)
            if set(range(50)) - set(hits.ids.tolist()) or len(set(hits.ids)) != len(hits.ids):
                wrong.append(hits)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    for step in range(150):
        ids = np.arange(1000 + step * 20, 1020 + step * 20)
        index.add(ids, np.zeros((20, 8), dtype=np.uint8))
        index.remove(ids)
        after = index.search(np.zeros((1, 8), dtype=np.uint8), threshold=0)
        assert not set(ids.tolist()) & set(after.ids.tolist())
    stop.set()
    for each in readers:
        each.join()
    assert not wrong
