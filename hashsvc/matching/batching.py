"""Combines searches that arrive at the same time, which costs less than separate searches."""

import os
import threading
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from index import Hits, LiveIndex

Codes = NDArray[np.uint8]


class Batches:
    """
    Searches one index for many threads.

    A batch is one search for several threads. If fewer than `searchers` batches are running, a
    thread starts a batch immediately, for itself and for all threads that wait. No thread waits
    until a batch is full.

    Args:
        index: The index to search.

        threshold: Largest matching distance in bits, inclusive.

        searchers: Largest number of batches that run at the same time; None for the number of
            processors.
    """

    def __init__(self, index: LiveIndex, *, threshold: int, searchers: int | None = None) -> None:
        self._index = index
        self._threshold = threshold
        self._idle = threading.Semaphore(searchers or os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._waiting: list[tuple[Codes, Future[Hits]]] = []

    @property
    def waiting(self) -> int:
        """Number of searches that are not yet part of a batch."""
        with self._lock:
            return len(self._waiting)

    def search(self, codes: Codes) -> Hits:
        """Return the hits for these codes, shape (n, bits // 8)."""
        answer: Future[Hits] = Future()
        with self._lock:
            self._waiting.append((codes, answer))
        with self._idle:
            # Another thread may have searched for these codes in the meantime.
            if not answer.done():
                self._search_all()
        return answer.result()

    def _search_all(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            together = np.concatenate([codes for codes, _ in batch])
            hits = self._index.search(together, threshold=self._threshold)
        except BaseException as error:
            for _, answer in batch:
                answer.set_exception(error)
            raise
        start = 0
        for codes, answer in batch:
            answer.set_result(hits.for_queries(start, start + len(codes)))
            start += len(codes)
