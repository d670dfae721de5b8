"""
Finds the true neighbours of each query by a full scan, and compares answers with them.

The scan is written for the benchmark and shares no code with the searchers that it judges. NumPy
recounts the distance of each code that the scan finds.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from index.codes import Codes

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_BLOCK = 4096
"""Codes in a block that stays in the cache while all queries pass over it."""

_MORE_THAN_BITS = 1024


@dataclass(frozen=True, slots=True)
class Neighbours:
    """
    The codes within a radius of one query.

    Attributes:
        ids: Their ids, in any order.

        distances: Distance of each id in bits.
    """

    ids: Ints
    distances: Ints

    def within(self, radius: int) -> "Neighbours":
        """Return the neighbours within a smaller radius."""
        near = self.distances <= radius
        return Neighbours(self.ids[near], self.distances[near])

    def pairs(self) -> Ints:
        """Return one number for each pair of id and distance."""
        return self.ids * _MORE_THAN_BITS + self.distances

    def without(self, ids: Ints) -> "Neighbours":
        """Return all neighbours except those with the given ids."""
        kept = ~np.isin(self.ids, ids)
        return Neighbours(self.ids[kept], self.distances[kept])

    def plus(self, other: "Neighbours") -> "Neighbours":
        """Return the neighbours of both."""
        return Neighbours(
            np.concatenate((self.ids, other.ids)), np.concatenate((self.distances, other.distances))
        )


@dataclass(slots=True)
class Verdict:
    """
    A summary of how answers compare with the truth.

    Attributes:
        answers: Number of answers judged.

        expected: Number of codes that should have been reported.

        found: How many of them were reported with the right distance.

        wrong: Other codes reported: too far, with another distance, repeated, or not stored.
    """

    answers: int = 0
    expected: int = 0
    found: int = 0
    wrong: int = 0

    def add(self, answers: Sequence[Neighbours], truths: Sequence[Neighbours]) -> None:
        """Add the comparison of some answers."""
        for answer, truth in zip(answers, truths, strict=True):
            right = np.intersect1d(answer.pairs(), truth.pairs())
            self.answers += 1
            self.expected += len(truth.ids)
            self.found += len(right)
            self.wrong += len(answer.ids) - len(right)

    @property
    def exact(self) -> bool:
        """Whether there were answers and all equalled the truth."""
        return self.answers > 0 and self.found == self.expected and self.wrong == 0

    @property
    def recall(self) -> float | None:
        """Share of the expected codes that were found; None if none was expected."""
        return self.found / self.expected if self.expected else None


def scan(codes: Codes, queries: Codes, *, radius: int, first_id: int = 0) -> list[Neighbours]:
    """
    Return every code within `radius` bits of each query.

    Args:
        codes: Codes of shape (n, bits // 8), where bits is a multiple of 64. Their ids count up
            from `first_id`.
    """
    wanted = queries.view(np.uint64)
    room = np.empty((3, 1 << 12), dtype=np.int64)
    parts = []
    for start in range(0, len(codes), _BLOCK):
        block = codes[start : start + _BLOCK]
        planes = np.ascontiguousarray(block.view(np.uint64).T)
        while (count := _scan_block(planes, wanted, radius, room)) < 0:
            room = np.empty((3, 2 * room.shape[1]), dtype=np.int64)
        hits = room[:, :count].copy()
        counted = np.bitwise_count(block[hits[1]] ^ queries[hits[0]]).sum(axis=1, dtype=np.int64)
        assert np.array_equal(counted, hits[2])
        hits[1] += start + first_id
        parts.append(hits)
    query, ids, distances = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
    order = np.argsort(query, kind="stable")
    ends = np.cumsum(np.bincount(query, minlength=len(queries)))
    return [Neighbours(ids[each], distances[each]) for each in np.split(order, ends[:-1])]


def stream_ms(codes: Codes, runs: int = 5) -> float:
    """Return the least milliseconds to read all codes once, which no scan can beat."""
    words = codes.view(np.uint64).reshape(-1)
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        _sum(words)
        spent.append((time.perf_counter() - start) * 1e3)
    return min(spent)


def _count_ones(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


_ones: Any = intrinsic(_count_ones)


@njit(cache=True, nogil=True)
def _scan_block(planes: Words, queries: Words, radius: int, room: Ints) -> int:
    """Put each hit's query, position and distance into `room`; return how many, or −1 if full."""
    count = 0
    away = np.empty(planes.shape[1], dtype=np.int32)
    # Loops without branches, so that the compiler vectorises them.
    for query in range(len(queries)):
        away[:] = 0
        for word in range(len(planes)):
            plane, mine = planes[word], queries[query, word]
            for place in range(len(away)):
                away[place] += np.int32(_ones(plane[place] ^ mine))
        least = np.int32(64 * len(planes))
        for place in range(len(away)):
            least = min(least, away[place])
        if least > radius:
            continue
        for place in range(len(away)):
            if away[place] <= radius:
                if count == room.shape[1]:
                    return -1
                room[0, count], room[1, count], room[2, count] = query, place, away[place]
                count += 1
    return count


@njit(cache=True, nogil=True)
def _sum(words: Words) -> np.uint64:
    total = np.uint64(0)
    for word in words:
        total += word
    return total
