"""
Votes: which owners have many codes near those of one candidate, all of whose codes vote at once.

At the distances at which parts of images match, an exact search for each code would look at a
good share of all codes. But an owner to be found has many codes near the candidate's, and it is
enough to come across one of them. So each code is searched within a budget, which finds the nearer
ones; the votes of the owners come across are then counted exactly.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.hits import Ids
from index.intrinsics import int64, kernel, ones, uint64
from index.members import Member
from index.mih import MihSegment
from index.tables import Words

BUDGET_NS = 15_000.0
"""
What the search of one code may cost, as estimated, in each part. `python -m benchmarks.matching`
measures how many owners are found that an exact search finds, and what it takes.
"""

_FEW_STEADY_NS, _MOST_STEADY_NS, _ENOUGH_FOR_MOST = 1_000.0, 2_500.0, 1_000_000
"""
The same where it is known which bits are steady; half of the chunks are searched then. The more
codes, the wider the chunks, and the farther they have to be probed. Of 758 altered photographs with
four codes near those of their original, this finds all at 10^5 and at 10^6 codes, as BUDGET_NS does
in all chunks.
"""

_SINGLES = 64
"""Of the owners of whom only one code was come across, as chance brings about, so many are looked
at, the nearest first. In a bank of ordinary photographs there are fewer."""


class Votes(NamedTuple):
    """The owners with enough votes, most votes first, then by owner; both of shape (n,)."""

    owners: Ids
    votes: NDArray[np.float64]


def count_votes(
    parts: tuple[Member, ...],
    codes: Codes,
    *,
    threshold: int,
    min_votes: float,
    weights: NDArray[np.float64] | None,
    budget_ns: float | None = None,
) -> Votes:
    """
    Return the owners that enough of whose codes are within `threshold` of one of the candidate's.

    Args:
        codes: The candidate's, shape (n, bits // 8).

        min_votes: Fewest votes.

        weights: What a code within reach of each of the candidate's counts, shape (n,): the
            heaviest of those within reach. 1 when left out.

        budget_ns: Of each code, in each part; infinite for an exact answer.
    """
    if weights is None:
        weights = np.ones(len(codes))
    owners = _come_across(parts, codes, threshold, budget_ns)
    votes = np.zeros(len(owners))
    if len(owners) == 0:
        return Votes(owners, votes)
    for part in parts:
        positions = part.positions_of_owners(owners)
        if len(positions) == 0:
            continue
        counted = np.zeros(len(positions))
        _weigh(
            _as_words(part.segment.codes),
            positions,
            _as_words(codes),
            weights,
            threshold,
            counted,
        )
        places = np.searchsorted(owners, part.owners[positions])
        votes += np.bincount(places, weights=counted, minlength=len(owners))
    enough = votes >= min_votes
    owners, votes = owners[enough], votes[enough]
    order = np.lexsort((owners, -votes))
    return Votes(owners[order], votes[order])


def _come_across(
    parts: tuple[Member, ...], codes: Codes, threshold: int, budget_ns: float | None
) -> Ids:
    """Return the owners, ascending, whose votes are worth counting."""
    is_exact = budget_ns is not None and math.isinf(budget_ns)
    owners: list[Ids] = []
    nearest: list[NDArray[np.int32]] = []
    for part in parts:
        segment = part.segment
        if isinstance(segment, MihSegment) and not is_exact:
            positions, distances = segment.come_across(
                codes,
                threshold=threshold,
                budget_ns=BUDGET_NS if budget_ns is None else budget_ns,
                steady_ns=_steady_ns(len(segment)) if budget_ns is None else budget_ns,
            )
        else:
            _, positions, distances = segment.search(codes, threshold=threshold)
        if len(positions) == 0:
            continue
        # Of a code that several of the candidate's are near, the nearest.
        order = np.lexsort((distances, positions))
        positions, distances = positions[order], distances[order]
        first = part.alive[positions]
        first[1:] &= positions[1:] != positions[:-1]
        owners.append(part.owners[positions[first]])
        nearest.append(distances[first])
    if not owners:
        return np.empty(0, dtype=np.int64)
    found, places, counts = np.unique(np.concatenate(owners), return_index=True, return_counts=True)
    if is_exact or len(found) <= _SINGLES:
        return found
    single = counts == 1
    best = np.argsort(np.concatenate(nearest)[places[single]], kind="stable")[:_SINGLES]
    return np.sort(np.concatenate((found[~single], found[single][best])))


def _steady_ns(count: int) -> float:
    """Return what the search of one code among so many may cost where bits are known as steady."""
    share = min(count / _ENOUGH_FOR_MOST, 1)
    return _FEW_STEADY_NS + share * (_MOST_STEADY_NS - _FEW_STEADY_NS)


def _as_words(codes: Codes) -> Words:
    """Return codes as words, filled up with zeros where they are no whole number of words."""
    rest = -codes.shape[1] % 8
    if rest:
        codes = np.pad(codes, ((0, 0), (0, rest)))
    return codes.view(np.uint64)


@kernel
def _weigh(
    words: Words,
    positions: Ids,
    queries: Words,
    weights: NDArray[np.float64],
    threshold: int,
    heaviest: NDArray[np.float64],
) -> None:
    """Put the weight of the heaviest query within the threshold of each position, or leave it."""
    for number in range(len(positions)):
        place = positions[number]
        for query in range(len(queries)):
            if weights[query] <= heaviest[number]:
                continue
            if _distance(words, place, queries, query) <= threshold:
                heaviest[number] = weights[query]


@kernel
def _distance(words: Words, place: int, queries: Words, query: int) -> int:
    code, other = uint64(place), uint64(query)
    distance = ones(words[code, 0] ^ queries[other, 0])
    if words.shape[1] == 4:
        distance += ones(words[code, 1] ^ queries[other, 1])
        distance += ones(words[code, 2] ^ queries[other, 2])
        distance += ones(words[code, 3] ^ queries[other, 3])
    else:
        for word in range(1, words.shape[1]):
            distance += ones(words[code, word] ^ queries[other, word])
    bits: int = int64(distance)
    return bits
