"""Searches of several threads are combined, and each thread gets its own hits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from hashsvc.matching.batching import Batches
from index import CodeWidthError, Hits, LiveIndex
from tests.helpers.waiting import wait_until


class SlowIndex(LiveIndex):
    """An index whose searches wait until the test lets them go on. It counts its searches."""

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        super().__init__(256)
        self.add(np.arange(len(codes)), codes)
        self.codes = codes
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.sizes: list[int] = []

    def search(self, codes: NDArray[np.uint8], *, threshold: int) -> Hits:
        self.sizes.append(len(codes))
        self.begun.release()
        assert self.go_on.wait(30)
        return super().search(codes, threshold=threshold)


@pytest.fixture
def index() -> SlowIndex:
    return SlowIndex(np.random.default_rng(1).integers(0, 256, (500, 32), dtype=np.uint8))


def test_searches_that_arrive_during_a_search_are_made_together(index: SlowIndex) -> None:
    batches = Batches(index, threshold=10, searchers=1)
    codes = index.codes
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batches.search, codes[:1])
        assert index.begun.acquire(timeout=30)
        others = [pool.submit(batches.search, codes[i : i + i]) for i in range(1, 9)]
        wait_until(lambda: batches.waiting == 8)
        assert not first.done()
        index.go_on.set()
        assert first.result().ids.tolist() == [0]
        for i, other in enumerate(others, 1):
            assert other.result().ids.tolist() == list(range(i, 2 * i))
            assert len(other.result()) == i
    assert index.sizes == [1, sum(range(1, 9))]


def test_every_thread_gets_its_own_hits(index: SlowIndex) -> None:
    index.go_on.set()
    batches = Batches(index, threshold=10)
    codes = index.codes
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda i: batches.search(codes[i : i + 1]).ids.tolist(), range(500))
        )
    assert answers == [[i] for i in range(500)]


def test_an_error_reaches_only_the_thread_that_caused_it(index: SlowIndex) -> None:
    index.go_on.set()
    batches = Batches(index, threshold=10)
    with pytest.raises(CodeWidthError):
        batches.search(np.zeros((1, 8), dtype=np.uint8))
    codes = index.codes
    assert batches.search(codes[3:4]).ids.tolist() == [3]
