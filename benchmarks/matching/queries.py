"""
Makes queries: codes near stored ones, and codes that are not near any stored one.

Most lookups of a real service match nothing. So a quarter of the queries are stored codes with 0 to
40 of 256 bits flipped, all numbers equally often, and the rest are fresh codes of the same kind.

A candidate image has 200 region codes, some of which are near those of three stored images. The
number of these codes and their distances are drawn from a distribution that was measured in 1,596
altered copies of 300 photographs. The copies were made with the alterations of
`benchmarks.robustness`, including chains of three. For each code that a content keeps, the copy's
nearest code within 68 bits was counted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.truth import Ints, scan
from index.codes import Codes

QUERIES = 1000
MIXTURE = "a quarter stored codes with 0–40 of 256 bits flipped, the rest fresh"

OWNED = 100
"""Codes of a stored image; the ids 0–99 belong to the first image, and so on."""

_COPIES = 4
_MOST_FLIPPED = 40 / 256

_CANDIDATE_CODES = 200
_SHOWN = 3

# Points of a distribution: each share of the copies has at most so many of a content's 100 codes.
_COPY_SHARES = (0, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 1)
_REGIONS = (0, 4, 9, 33, 59, 80, 91, 100)
# The same for the distances: each share of those codes is at most so many bits away. The distances
# are those in copies with many codes, and then those in copies with 4 to 12 codes.
_CODE_SHARES = (0, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95, 1)
_DISTANCES = (0, 2, 3, 6, 10, 13, 18, 24, 31, 40, 52, 59, 68)
_FEW_DISTANCES = (1, 6, 11, 19, 27, 35, 42, 50, 55, 60, 65, 67, 68)
_FEW = 12


@dataclass(frozen=True, slots=True)
class VoteQuery:
    """
    A candidate image's region codes, and the votes that a full scan finds.

    Attributes:
        codes: The codes, shape (200, 32).

        votes: For each stored image, by its number: how many of its codes are near any of `codes`.
            Images with too few votes are left out.
    """

    codes: Codes
    votes: dict[int, int]


def flipped(codes: Codes, counts: Ints, rng: np.random.Generator) -> Codes:
    """Return each code with the given number of bits flipped at random places."""
    bits = 8 * codes.shape[1]
    places = rng.random((len(codes), bits), dtype=np.float32).argsort(axis=1)
    return codes ^ np.packbits(places < counts[:, None], axis=1)


def make_queries(stored: Codes, fresh: Codes, *, seed: int) -> Codes:
    """Return 1000 queries in random order."""
    rng = np.random.default_rng([seed, len(stored), 1])
    copies = QUERIES // _COPIES
    most = round(8 * stored.shape[1] * _MOST_FLIPPED)
    chosen = stored[rng.integers(0, len(stored), copies)]
    queries = np.concatenate(
        (
            flipped(chosen, rng.integers(0, most + 1, copies), rng),
            _some(fresh, QUERIES - copies, rng),
        )
    )
    return rng.permutation(queries)


def make_candidates(
    stored: Codes, fresh: Codes, count: int, *, threshold: int, min_votes: int, seed: int
) -> list[VoteQuery]:
    """Return candidate images with the votes of a full scan."""
    rng = np.random.default_rng([seed, len(stored), 2])
    images = -(-len(stored) // OWNED)
    candidates = []
    for _ in range(count):
        shown = rng.choice(images, min(_SHOWN, images), replace=False)
        parts = [_copied(stored[OWNED * each : OWNED * (each + 1)], rng) for each in shown.tolist()]
        copied = np.concatenate(parts)
        codes = np.concatenate((copied, _some(fresh, _CANDIDATE_CODES - len(copied), rng)))
        found = scan(stored, codes, radius=threshold)
        near = np.unique(np.concatenate([each.ids for each in found]))
        owners, votes = np.unique(near // OWNED, return_counts=True)
        enough = votes >= min_votes
        candidates.append(
            VoteQuery(
                rng.permutation(codes),
                dict(zip(owners[enough].tolist(), votes[enough].tolist(), strict=True)),
            )
        )
    return candidates


def _copied(content: Codes, rng: np.random.Generator) -> Codes:
    """Return at most 66 codes of a content's copy; a candidate has room for three such copies."""
    drawn = round(np.interp(rng.random(), _COPY_SHARES, _REGIONS))
    count = min(drawn, _CANDIDATE_CODES // _SHOWN, len(content))
    distances = _DISTANCES if drawn > _FEW else _FEW_DISTANCES
    flips = np.interp(rng.random(count), _CODE_SHARES, distances).round().astype(np.int64)
    return flipped(content[rng.choice(len(content), count, replace=False)], flips, rng)


def _some(codes: Codes, count: int, rng: np.random.Generator) -> Codes:
    chosen: NDArray[np.int64] = rng.choice(len(codes), count, replace=len(codes) < count)
    return codes[chosen]
