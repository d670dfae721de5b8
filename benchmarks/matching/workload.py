"""What every engine is asked, the true answers, and how much to measure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.matching.queries import VoteQuery, flipped, make_candidates, make_queries
from benchmarks.matching.truth import Neighbours, scan, stream_ms
from hashsvc.signals import POSSIBLE_REGIONS, REGION
from index.codes import Codes

RADII = {256: (0, 16, 31, 46, 64), 64: (0, 8, 16)}
"""Radii that are measured, by the codes' width in bits."""

RADIUS = {256: 31, 64: 8}
"""The main radius, by the codes' width in bits."""

_CHECKED = 50
_VOTE_PAIRS = 5e10
_FEWEST_CANDIDATES = 10

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """
    How much to measure.

    Attributes:
        other_queries: Number of single queries at each radius other than the main one. The main
            radius gets all queries.

        main_s: Longest time for an engine's single queries at the main radius; a slow engine gets
            fewer queries.

        other_s: The same for each other radius.

        warm_up_codes: Codes in an engine that is built only so that later calls compile nothing.

        batches: How often the batch of all queries is timed.

        changes: Number of codes to add one by one. About as many are removed.

        votes_up_to: Most codes for which votes are measured: more make the full scan too slow.

        most_candidates: Most candidate images whose votes are measured.
    """

    other_queries: int = 200
    main_s: float = 120.0
    other_s: float = 30.0
    warm_up_codes: int = 20_000
    batches: int = 3
    changes: int = 1000
    votes_up_to: int = 20_000_000
    most_candidates: int = 100


FULL_EFFORT = Effort()


@dataclass(frozen=True, slots=True)
class Data:
    """
    Codes to fill an index with.

    Attributes:
        kind: Kind of codes, as named in the figures.

        stored: The codes, shape (n, bits // 8).

        fresh: Other codes of the same kind. If there are few, some are used more than once.
    """

    kind: str
    stored: Codes
    fresh: Codes


@dataclass(frozen=True, slots=True)
class Workload:
    """
    What every engine is asked, and the true answers.

    Attributes:
        count: Number of stored codes.

        queries: Single queries, which are also asked as one batch.

        truths: For each query, the codes within the widest radius.

        added: Codes to add one by one; their ids follow those of the stored codes.

        removed: Ids to remove one by one, of stored and of added codes.

        edges: By radius, queries that have a stored code at about that distance, and the truths.

        later: Queries to repeat after the changes, and after loading.

        later_truths: Truths for `later`, with all codes added and none removed.

        candidates: Candidate images to vote on.

        stream_ms: Milliseconds to read all codes once.
    """

    count: int
    queries: Codes
    truths: list[Neighbours]
    added: Codes
    removed: list[int]
    edges: dict[int, tuple[Codes, list[Neighbours]]]
    later: Codes
    later_truths: list[Neighbours]
    candidates: list[VoteQuery]
    stream_ms: float


def make_workload(data: Data, effort: Effort, *, seed: int, votes: bool, log: Log) -> Workload:
    """Return the queries, changes and candidates for some codes, with the true answers."""
    stored, fresh, count = data.stored, data.fresh, len(data.stored)
    bits = 8 * stored.shape[1]
    rng = np.random.default_rng([seed, count, 3])
    queries = make_queries(stored, fresh, seed=seed)
    truths = scan(stored, queries, radius=max(RADII[bits]))
    added = fresh[rng.integers(0, len(fresh), effort.changes)]
    later = np.concatenate((queries[:_CHECKED], added[:_CHECKED]))
    later_truths = scan(stored, later, radius=RADIUS[bits])
    hit = np.concatenate([each.ids for each in later_truths])
    others = rng.choice(count, min(count // 2, effort.changes // 2), replace=False)
    old = np.concatenate((hit[::2], others))[: effort.changes // 2]
    new = np.arange(count, count + effort.changes, 2)
    return Workload(
        count=count,
        queries=queries,
        truths=truths,
        added=added,
        edges={radius: _edge(stored, radius, rng) for radius in RADII[bits]},
        removed=rng.permutation(np.unique(np.concatenate((old, new)))).tolist(),
        later=later,
        later_truths=[
            old_ones.plus(new_ones)
            for old_ones, new_ones in zip(
                later_truths,
                scan(added, later, radius=RADIUS[bits], first_id=count),
                strict=True,
            )
        ],
        candidates=_candidates(data, effort, seed, log) if votes else [],
        stream_ms=stream_ms(stored),
    )


def _edge(stored: Codes, radius: int, rng: np.random.Generator) -> tuple[Codes, list[Neighbours]]:
    chosen = stored[rng.integers(0, len(stored), _CHECKED)]
    flips = np.maximum(radius + np.arange(_CHECKED) % 5 - 2, 0)
    queries = flipped(chosen, flips, rng)
    return queries, scan(stored, queries, radius=radius)


def _candidates(data: Data, effort: Effort, seed: int, log: Log) -> list[VoteQuery]:
    count = len(data.stored)
    if count > effort.votes_up_to:
        log(f"NOT MEASURED: votes at {count:,} codes: the full scan would take too long.")
        return []
    return make_candidates(
        data.stored,
        data.fresh,
        int(np.clip(_VOTE_PAIRS / count / 200, _FEWEST_CANDIDATES, effort.most_candidates)),
        threshold=REGION.threshold,
        min_votes=POSSIBLE_REGIONS,
        seed=seed,
    )
