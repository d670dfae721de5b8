"""
Votes: which owners have many codes near those of one candidate.

All codes of the candidate vote together. At the distances at which parts of images match, an exact
search for each code would have to compare a large share of all codes. But an owner worth finding
has many codes near the candidate's, and finding one of them is enough. So each code is searched
within a budget, which finds the nearer codes. Then the votes of the owners found are counted
exactly.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes
from index.hits import Ids
from index.intrinsics import int64, kernel, ones, uint64
from index.mih import MihSegment
from index.part import Part
from index.tables import Words

BUDGET_NS = 15_000.0
"""
Estimated nanoseconds that the search of one code may take in each part.

`python -m benchmarks.matching` measures the time and the recall: the share of the owners found by
an exact search that a search within the budget finds too.
"""

_FEW_STEADY_NS, _MOST_STEADY_NS, _ENOUGH_FOR_MOST = 1_000.0, 2_500.0, 1_000_000
"""
The same budget if the steadiest bits are known; then only half of the chunks are searched.

It grows with the number of codes, because chunks become wider and must be probed farther. In a
trial with 758 altered photographs, each with four codes near codes of its original, it found every
original among 10^5 and among 10^6 codes. BUDGET_NS, for all chunks, found the same.
"""

MAX_SINGLES = 64
"""
How many owners with a single found code are counted; those with the nearest codes come first.

Such owners occur by chance. A bank of ordinary photographs has fewer than this.
"""


class Votes(NamedTuple):
    """Owners with enough votes, most votes first, then by owner; both arrays have shape (n,)."""

    owners: Ids
    votes: NDArray[np.float64]


def count_votes(
    parts: tuple[Part, ...],
    codes: Codes,
    *,
    threshold: int,
    min_votes: float,
    weights: NDArray[np.float64] | None,
    budget_ns: float | None = None,
) -> Votes:
    """
    Return the owners with enough codes within `threshold` of one of the candidate's codes.

    Args:
        codes: The candidate's codes, shape (n, bits // 8).

        min_votes: Fewest votes of a returned owner.

        weights: Weight of each of the candidate's codes, shape (n,); 1 if left out. An owner's code
            counts with the heaviest weight among the codes it is near.

        budget_ns: Nanoseconds for each code in each part; infinite for an exact result.
    """
    if weights is None:
        weights = np.ones(len(codes))
    owners = _owners_to_count(parts, codes, threshold, budget_ns)
    votes = np.zeros(len(owners))
    if len(owners) == 0:
        return Votes(owners, votes)
    for part in parts:
        positions = part.positions_of_owners(owners)
        if len(positions) == 0:
            continue
        counted = np.zeros(len(positions))
        _heaviest_weights(
            _as_words(part.segment.codes),
            positions,
            _as_words(codes),
            weights,
            threshold,
            counted,
        )
        owner_numbers = np.searchsorted(owners, part.owners[positions])
        votes += np.bincount(owner_numbers, weights=counted, minlength=len(owners))
    enough = votes >= min_votes
    owners, votes = owners[enough], votes[enough]
    order = np.lexsort((owners, -votes))
    return Votes(owners[order], votes[order])


def _owners_to_count(
    parts: tuple[Part, ...], codes: Codes, threshold: int, budget_ns: float | None
) -> Ids:
    """Return the owners whose votes are worth counting, ascending."""
    is_exact = budget_ns is not None and math.isinf(budget_ns)
    owners: list[Ids] = []
    nearest: list[NDArray[np.int32]] = []
    for part in parts:
        segment = part.segment
        if isinstance(segment, MihSegment) and not is_exact:
            positions, distances = segment.search_within_budget(
                codes,
                threshold=threshold,
                budget_ns=BUDGET_NS if budget_ns is None else budget_ns,
                steady_ns=_steady_ns(len(segment)) if budget_ns is None else budget_ns,
            )
        else:
            _, positions, distances = segment.search(codes, threshold=threshold)
        if len(positions) == 0:
            continue
        # If a code is near several of the candidate's codes, keep its smallest distance.
        order = np.lexsort((distances, positions))
        positions, distances = positions[order], distances[order]
        first = part.alive[positions]
        first[1:] &= positions[1:] != positions[:-1]
        owners.append(part.owners[positions[first]])
        nearest.append(distances[first])
    if not owners:
        return np.empty(0, dtype=np.int64)
    found, first_at, counts = np.unique(
        np.concatenate(owners), return_index=True, return_counts=True
    )
    if is_exact or len(found) <= MAX_SINGLES:
        return found
    single = counts == 1
    best = np.argsort(np.concatenate(nearest)[first_at[single]], kind="stable")[:MAX_SINGLES]
    return np.sort(np.concatenate((found[~single], found[single][best])))


def _steady_ns(count: int) -> float:
    """
    Return the budget for one code in a segment of `count` codes if the steadiest bits are known.
    """
    share = min(count / _ENOUGH_FOR_MOST, 1)
    return _FEW_STEADY_NS + share * (_MOST_STEADY_NS - _FEW_STEADY_NS)


def _as_words(codes: Codes) -> Words:
    """Return codes as 64-bit words, padded with zeros where needed."""
    rest = -codes.shape[1] % 8
    if rest:
        codes = np.pad(codes, ((0, 0), (0, rest)))
    return codes.view(np.uint64)


@kernel
def _heaviest_weights(
    words: Words,
    positions: Ids,
    queries: Words,
    weights: NDArray[np.float64],
    threshold: int,
    heaviest: NDArray[np.float64],
) -> None:
    """Store, for each position, the heaviest weight of a query within the threshold."""
    for number in range(len(positions)):
        position = positions[number]
        for query in range(len(queries)):
            if weights[query] <= heaviest[number]:
                continue
            if _distance(words, position, queries, query) <= threshold:
                heaviest[number] = weights[query]


@kernel
def _distance(words: Words, position: int, queries: Words, query: int) -> int:
    code, other = uint64(position), uint64(query)
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
