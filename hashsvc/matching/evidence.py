"""Compares a content with a candidate: distances by algorithm and view, a tier, and a reason."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashsvc.matching.contrast import contrast
from hashsvc.signals import (
    CERTAIN_CONTRAST,
    DHASH,
    LIKELY_CONTRAST,
    PDQ,
    PHASH,
    POSSIBLE_REGIONS,
    PROFILES,
    REGION,
    Signature,
    View,
)
from index import nearest

_Views = dict[View, NDArray[np.uint8]]


class Tier(StrEnum):
    """How sure a match is. The benchmarks measure the false-positive rate of each tier."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The result of one algorithm for a content and one view of a candidate.

    Attributes:
        algorithm: Name of a profile.

        view: The candidate's view. The content's view is always the whole image.

        distance: Number of differing bits. For regions: the median of the matching regions'
            distances, or the smallest distance if no region matches.

        threshold: The profile's largest matching distance, inclusive.

        regions: Number of the content's regions found in the candidate; 0 for other algorithms.

        contrast: Contrast of these regions (see hashsvc.matching.contrast); 0 if there are fewer
            than POSSIBLE_REGIONS.
    """

    algorithm: str
    view: View
    distance: int
    threshold: int
    regions: int = 0
    contrast: int = 0

    @property
    def matches(self) -> bool:
        """Whether the distance is within the threshold."""
        return self.distance <= self.threshold


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    The evidence that a candidate is a copy of a content.

    Attributes:
        tier: The tier of the match; None if there is no match.

        findings: One finding for each algorithm and view, the strongest first.

        why: The reason in one sentence.
    """

    tier: Tier | None
    findings: tuple[Finding, ...]
    why: str

    @property
    def nearest(self) -> Finding | None:
        """The strongest finding, or the closest one if none is within its threshold."""
        return self.findings[0] if self.findings else None

    @property
    def rank(self) -> tuple[int, int]:
        """The sort key that puts the strongest evidence first."""
        tier = len(Tier) if self.tier is None else list(Tier).index(self.tier)
        return tier, self.nearest.distance if self.nearest else 0

    def as_json(self) -> dict[str, Any]:
        """Return the evidence as JSON values, without signals."""
        return {
            "tier": self.tier,
            "why": self.why,
            "findings": [
                {
                    "algorithm": each.algorithm,
                    "view": each.view,
                    "distance": each.distance,
                    "threshold": each.threshold,
                    "regions": each.regions,
                    "contrast": each.contrast,
                    "matches": each.matches,
                }
                for each in self.findings
            ],
        }

    def dump(self) -> str:
        """Return the evidence as JSON text."""
        return json.dumps(self.as_json(), separators=(",", ":"))


def compare(content: Signature, candidate: Signature) -> Evidence:
    """
    Return the evidence that a candidate is a copy of a content.

    The bank keeps only a content's whole view. That view is compared with all views of the
    candidate.
    """
    mine, theirs = content.views(), candidate.views()
    findings = [
        finding
        for algorithm in mine.keys() & theirs.keys()
        for finding in _findings(algorithm, mine[algorithm], theirs[algorithm])
    ]
    ordered = tuple(sorted(findings, key=_weight))
    plain = min(content.quality, candidate.quality) < PDQ.min_quality
    tier, why = _weigh(ordered, plain=plain)
    return Evidence(tier=tier, findings=ordered, why=why)


def _findings(algorithm: str, content: _Views, candidate: _Views) -> Iterable[Finding]:
    mine = content.get(View.WHOLE)
    if mine is None:
        return
    profile = PROFILES[algorithm]
    if not profile.many_per_image:
        for view, theirs in candidate.items():
            distance = int(nearest(mine, theirs).min())
            yield Finding(algorithm, view, distance, profile.threshold)
        return
    # A copy is either mirrored or not, so the matching regions of the two poses are not added up.
    poses = {View.WHOLE: (View.WHOLE, View.PART), View.MIRROR: (View.MIRROR,)}
    shown = {
        view: np.concatenate([candidate[part] for part in parts if part in candidate])
        for view, parts in poses.items()
        if not candidate.keys().isdisjoint(parts)
    }
    for view, theirs in shown.items():
        distances = nearest(mine, theirs)
        within = distances[distances <= profile.threshold]
        middle = np.median(within) if len(within) else distances.min()
        # Skip contrast below POSSIBLE_REGIONS: this is the hot path of every comparison.
        enough = len(within) >= POSSIBLE_REGIONS
        score = contrast(mine, theirs, np.concatenate([*shown.values()])) if enough else 0
        yield Finding(algorithm, view, int(middle), profile.threshold, len(within), score)


def _weight(finding: Finding) -> tuple[bool, int, tuple[int, int], float, str, str]:
    """Return the sort key of a finding: matching ones first, then the strongest."""
    strength = {PDQ.name: 0, REGION.name: 1}.get(finding.algorithm, 2)
    shared = -finding.contrast, -finding.regions
    distance = finding.distance / PROFILES[finding.algorithm].bits
    view = "" if finding.view is View.WHOLE else finding.view
    return not finding.matches, strength, shared, distance, finding.algorithm, view


def _weigh(findings: tuple[Finding, ...], *, plain: bool) -> tuple[Tier | None, str]:
    """
    Return the tier and the reason.

    PDQ within its threshold is `certain` in any pose. Regions are `certain` if their contrast is at
    least CERTAIN_CONTRAST, and `likely` if it is at least LIKELY_CONTRAST. pHash and dHash have 64
    bits each and are weaker: even together they are only `possible`, because screenshots of one
    interface often agree in both. dHash alone is no match, because the index does not search by it.
    """
    if plain:
        return None, f"One image is too plain to match on: its quality is below {PDQ.min_quality}."
    best = {each.algorithm: each for each in reversed(findings) if each.matches}
    pdq, phash, dhash = (best.get(each.name) for each in (PDQ, PHASH, DHASH))
    regions = best.get(REGION.name)
    shared = regions.regions if regions else 0
    score = regions.contrast if regions else 0
    for tier, needed, is_enough in (
        (Tier.CERTAIN, [pdq], True),
        (Tier.CERTAIN, [regions], score >= CERTAIN_CONTRAST),
        (Tier.LIKELY, [regions], score >= LIKELY_CONTRAST),
        (Tier.POSSIBLE, [phash, dhash], True),
        (Tier.POSSIBLE, [phash], True),
        (Tier.POSSIBLE, [regions], shared >= POSSIBLE_REGIONS),
    ):
        if is_enough and None not in needed:
            return tier, " and ".join(_in_words(each) for each in needed if each) + "."
    return None, "No signal is within its threshold, and too few regions match."


def _in_words(finding: Finding) -> str:
    bits = PROFILES[finding.algorithm].bits
    if finding.regions:
        image = "mirrored image" if finding.view is View.MIRROR else "image"
        regions = "region" if finding.regions == 1 else "regions"
        return (
            f"{finding.regions} {regions} of the content are in the {image} ({finding.algorithm}, "
            f"each within {finding.threshold} of {bits} bits)"
        )
    return (
        f"{finding.algorithm} of the {finding.view} image differs in {finding.distance} of "
        f"{bits} bits (threshold {finding.threshold})"
    )
