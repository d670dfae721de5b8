"""Times calls one by one, while the engines take turns."""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.matching.engines import Engine
from benchmarks.matching.figures import Times
from index.codes import Codes

_IN_TURN = 10
"""Number of queries that an engine gets in one turn."""

_WARM_UP = 10

_CHANGES_S = 5.0
"""Longest time for adding or removing codes one by one."""

_TIDIED_BYTES = 1 << 15
_TIDY_US = 20
_MOST_TIDYING = 2000


class TimedQueries:
    """
    The single queries of one engine, and their times.

    A few queries run first, untimed, to estimate how many fit into the time. Each turn begins with
    one extra query that is timed separately, because another engine's data are in the caches then.

    Args:
        engine: The engine.

        queries: The queries; fewer are run if all would take longer than `seconds`.

        radius: Radius of the queries, in bits.

        seconds: Longest time for all queries.

    Attributes:
        answers: The engine's answers.

        spent: Milliseconds that each query took.

        cold: Milliseconds that the first query of each turn took.

        worked: Milliseconds of processor time that each query took; less than `spent` if other
            programs ran in between.
    """

    def __init__(self, engine: Engine, queries: Codes, radius: int, seconds: float) -> None:
        self.answers: list[Any] = []
        self.spent: list[float] = []
        self.worked: list[float] = []
        self.cold: list[float] = []
        self._engine, self._radius = engine, radius
        self._prepared = [engine.prepare(queries[at : at + 1]) for at in range(len(queries))]
        began, count, spent_s = time.perf_counter(), 0, 0.0
        while count < _WARM_UP and spent_s < seconds / _WARM_UP:
            engine.search(self._prepared[count], radius)
            count, spent_s = count + 1, time.perf_counter() - began
        del self._prepared[max(_IN_TURN, int(seconds * count / spent_s)) :]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self._prepared)

    def time_some(self, start: int) -> None:
        """Run and time the queries of one turn, if some are left."""
        search, radius = self._engine.search, self._radius
        if start < len(self):
            began = time.perf_counter_ns()
            search(self._prepared[start - 1], radius)
            self.cold.append((time.perf_counter_ns() - began) / 1e6)
        for query in self._prepared[start : start + _IN_TURN]:
            worked, began = time.thread_time_ns(), time.perf_counter_ns()
            answer = search(query, radius)
            self.spent.append((time.perf_counter_ns() - began) / 1e6)
            self.worked.append((time.thread_time_ns() - worked) / 1e6)
            self.answers.append(answer)


def run_in_turns(engines: Sequence[TimedQueries]) -> None:
    """Run all queries in turns, so that each engine goes first equally often."""
    with undisturbed():
        for turn, start in enumerate(range(0, max(map(len, engines), default=0), _IN_TURN)):
            first = turn % len(engines)
            for each in (*engines[first:], *engines[:first]):
                _tidy_heap()
                each.time_some(start)


def _tidy_heap() -> None:
    """
    Make the C library tidy up the memory that the previous engine has freed.

    Otherwise it does so during the next allocation, 10,000 pieces at a time (`MAX_ITERS` in glibc's
    malloc.c), at the expense of the next engine. FAISS's BinaryMultiHash frees a piece for each
    code it meets: after ten of its queries, the next engine's first query took 28 ms, not 0.7.
    """
    for _ in range(_MOST_TIDYING):
        began = time.perf_counter_ns()
        np.empty(_TIDIED_BYTES, dtype=np.uint8)
        if time.perf_counter_ns() - began < _TIDY_US * 1000:
            return


def one_by_one(calls: Sequence[tuple[Callable[..., None], tuple[Any, ...]]]) -> Times:
    """Return the microseconds that the calls took; stop early if they take long."""
    spent: list[float] = []
    end = time.perf_counter() + _CHANGES_S
    with undisturbed():
        for act, given in calls:
            began = time.perf_counter_ns()
            act(*given)
            spent.append((time.perf_counter_ns() - began) / 1e3)
            if time.perf_counter() > end:
                break
    return Times.of(spent)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Turn garbage collection off inside the block."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
