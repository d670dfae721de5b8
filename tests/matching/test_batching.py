"""Searches that many threads make at once are answered together, each with what is its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hashsvc.matching.batching import Batches
from index import CodeWidthError, Hits, LiveIndex


class SlowIndex(LiveIndex):
    """An index whose first search goes on until it is let go; it counts its searches."""

    def __init__(self) -> None:
        super().__init__(256)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.sizes: list[int] = []

    def search(self, codes: np.ndarray, *, threshold: int) -> Hits:
        self.sizes.append(len(codes))
        self.begun.release()
        assert self.go_on.wait(30)
        return super().search(codes, threshold=threshold)


@pytest.fixture
def index() -> SlowIndex:
    slow = SlowIndex()
    slow.add(np.arange(500), np.random.default_rng(1).integers(0, 256, (500, 32), dtype=np.uint8))
    return slow


def test_those_who_come_while_a_search_runs_are_searched_for_at_once(
    index: SlowIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    batches = Batches(index, threshold=10)
    codes = index.parts[0].segment.codes
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batches.search, codes[:1])
        assert index.begun.acquire(timeout=30)
        others = [pool.submit(batches.search, codes[i : i + i]) for i in range(1, 9)]
        while len(batches._waiting) < 8:
            assert not first.done()
        index.go_on.set()
        assert first.result().ids.tolist() == [0]
        for i, other in enumerate(others, 1):
            assert other.result().ids.tolist() == list(range(i, 2 * i))
            assert len(other.result()) == i
    assert index.sizes == [1, sum(range(1, 9))]


def test_every_thread_gets_its_own_answer(index: SlowIndex) -> None:
    index.go_on.set()
    batches = Batches(index, threshold=10)
    codes = index.parts[0].segment.codes
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda i: batches.search(codes[i : i + 1]).ids.tolist(), range(500))
        )
    assert answers == [[i] for i in range(500)]


def test_a_failure_reaches_the_one_who_asked_and_nobody_after(index: SlowIndex) -> None:
    index.go_on.set()
    batches = Batches(index, threshold=10)
    with pytest.raises(CodeWidthError):
        batches.search(np.zeros((1, 8), dtype=np.uint8))
    codes = index.parts[0].segment.codes
    assert batches.search(codes[3:4]).ids.tolist() == [3]
