"""Searches that come at the same time are made together, which costs less than one by one."""

import os
import threading
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from index import Hits, LiveIndex

Codes = NDArray[np.uint8]


class Batches:
    """
    Searches of one index by many threads.

    A thread that finds a searcher idle searches at once, for itself and for all who wait; so
    nobody waits for others to come. As many batches run at a time as there are processors.

    Args:
        index: Searched.

        threshold: Largest distance, inclusive.
    """

    def __init__(self, index: LiveIndex, *, threshold: int) -> None:
        self._index = index
        self._threshold = threshold
        self._idle = threading.Semaphore(os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._waiting: list[tuple[Codes, Future[Hits]]] = []

    def search(self, codes: Codes) -> Hits:
        """Return what the index finds for these codes, shape (n, bits // 8)."""
        answer: Future[Hits] = Future()
        with self._lock:
            self._waiting.append((codes, answer))
        with self._idle:
            # Another thread may have searched for this one meanwhile.
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
