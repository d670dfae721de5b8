"""Takes the times, one call at a time, in the turns of the engines."""

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
"""Queries that an engine gets before it is the next one's turn."""

_WARM_UP = 10

_CHANGES_S = 5.0
"""Adding or removing one by one ends after so long, however often it was."""

_TIDIED_BYTES = 1 << 15
_TIDY_US = 20
_MOST_TIDYING = 2000


class Asking:
    """
    An engine with its single queries, fewer if all would take longer than a time.

    Some of them are asked at once, untimed. A turn begins with one more query, timed apart: what is
    in the caches then is another engine's, and how often that is so depends on the turns alone.

    Args:
        seconds: That time.

    Attributes:
        spent: Milliseconds that each query took.

        cold: Milliseconds that the first query of each turn took.

        worked: Milliseconds of the processor; less, where others had it in between.
    """

    def __init__(self, engine: Engine, queries: Codes, radius: int, seconds: float) -> None:
        self.answers: list[Any] = []
        self.spent: list[float] = []
        self.worked: list[float] = []
        self.cold: list[float] = []
        self._engine, self._radius = engine, radius
        self._prepared = [engine.prepare(queries[at : at + 1]) for at in range(len(queries))]
        began, asked, spent_s = time.perf_counter(), 0, 0.0
        while asked < _WARM_UP and spent_s < seconds / _WARM_UP:
            engine.ask(self._prepared[asked], radius)
            asked, spent_s = asked + 1, time.perf_counter() - began
        del self._prepared[max(_IN_TURN, int(seconds * asked / spent_s)) :]

    def __len__(self) -> int:
        """How many queries it gets."""
        return len(self._prepared)

    def ask_some(self, start: int) -> None:
        """Ask and time the next few, if some are left."""
        ask, radius = self._engine.ask, self._radius
        if start < len(self):
            began = time.perf_counter_ns()
            ask(self._prepared[start - 1], radius)
            self.cold.append((time.perf_counter_ns() - began) / 1e6)
        for query in self._prepared[start : start + _IN_TURN]:
            worked, began = time.thread_time_ns(), time.perf_counter_ns()
            answer = ask(query, radius)
            self.spent.append((time.perf_counter_ns() - began) / 1e6)
            self.worked.append((time.thread_time_ns() - worked) / 1e6)
            self.answers.append(answer)


def ask_in_turns(engines: Sequence[Asking]) -> None:
    """Ask every engine everything, some queries at a time; each is first equally often."""
    with undisturbed():
        for turn, start in enumerate(range(0, max(map(len, engines), default=0), _IN_TURN)):
            first = turn % len(engines)
            for each in (*engines[first:], *engines[:first]):
                _tidy_heap()
                each.ask_some(start)


def _tidy_heap() -> None:
    """
    Let the C library put in order what the engine before has freed.

    It does so when it is next asked for memory, 10,000 pieces at a time (`MAX_ITERS` in glibc's
    malloc.c), on the time of whoever asks. After ten queries of FAISS's BinaryMultiHash, which
    frees a piece for each code it meets, the next engine's first query took 28 ms in place of 0.7.
    """
    for _ in range(_MOST_TIDYING):
        began = time.perf_counter_ns()
        np.empty(_TIDIED_BYTES, dtype=np.uint8)
        if time.perf_counter_ns() - began < _TIDY_US * 1000:
            return


def one_by_one(calls: Sequence[tuple[Callable[..., None], tuple[Any, ...]]]) -> Times:
    """Return the microseconds that calls took, of fewer if they take long."""
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
    """Collect no garbage in the meantime."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
