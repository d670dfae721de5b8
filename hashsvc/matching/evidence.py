"""Weighs a content against a candidate: distances by algorithm and view, a tier, and why."""

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
    """How sure a match is; the false-positive rate of each is measured by the benchmarks."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one algorithm says of a content and one view of a candidate.

    Attributes:
        algorithm: Name of a profile.

        view: The candidate's view; the content's is always the whole.

        distance: Differing bits; of region signals, the median of those that match, or the
            smallest where none does.

        threshold: The profile's largest matching distance, inclusive.

        regions: How many of the content's regions are in the candidate; 0 for other algorithms.

        contrast: What these come to, see `contrast`; 0 of fewer than POSSIBLE_REGIONS.
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
    What speaks for a candidate being a copy of a content.

    Attributes:
        tier: None when it is no match.

        findings: The one that decided first; one for each algorithm and view.

        why: One sentence for a person.
    """

    tier: Tier | None
    findings: tuple[Finding, ...]
    why: str

    @property
    def nearest(self) -> Finding | None:
        """The finding that decided, or the closest one when none did."""
        return self.findings[0] if self.findings else None

    def as_json(self) -> dict[str, Any]:
        """Return the evidence as JSON values; no signal is among them."""
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
    Return what speaks for the candidate being a copy of the content.

    The content counts with its whole view only, as the bank keeps it; the candidate with every
    view it was signed in.
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
    # A copy is mirrored or it is not: the two views' regions do not add up.
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
        # Of fewer it is not asked, and this is the hot path of every comparison.
        enough = len(within) >= POSSIBLE_REGIONS
        clear = contrast(mine, theirs, np.concatenate([*shown.values()])) if enough else 0
        yield Finding(algorithm, view, int(middle), profile.threshold, len(within), clear)


def _weight(finding: Finding) -> tuple[bool, int, tuple[int, int], float, str, str]:
    """Put what matches first, the strongest evidence before other."""
    strength = {PDQ.name: 0, REGION.name: 1}.get(finding.algorithm, 2)
    clear = -finding.contrast, -finding.regions
    far = finding.distance / PROFILES[finding.algorithm].bits
    view = "" if finding.view is View.WHOLE else finding.view
    return not finding.matches, strength, clear, far, finding.algorithm, view


def _weigh(findings: tuple[Finding, ...], *, plain: bool) -> tuple[Tier | None, str]:
    """
    Return the tier and the reason.

    PDQ within its threshold is `certain` in any pose, and so are regions that come to much; half of
    that is `likely`. pHash and dHash, with 64 bits each, are weaker: they are `possible`, even
    together, for screenshots of one interface often agree in both. dHash alone is none: the bank is
    not searched by it.
    """
    if plain:
        return None, f"One image is too plain to match on: its quality is below {PDQ.min_quality}."
    best = {each.algorithm: each for each in reversed(findings) if each.matches}
    pdq, phash, dhash = (best.get(each.name) for each in (PDQ, PHASH, DHASH))
    regions = best.get(REGION.name)
    shared = regions.regions if regions else 0
    clear = regions.contrast if regions else 0
    for tier, witnesses, speaks in (
        (Tier.CERTAIN, [pdq], True),
        (Tier.CERTAIN, [regions], clear >= CERTAIN_CONTRAST),
        (Tier.LIKELY, [regions], clear >= LIKELY_CONTRAST),
        (Tier.POSSIBLE, [phash, dhash], True),
        (Tier.POSSIBLE, [phash], True),
        (Tier.POSSIBLE, [regions], shared >= POSSIBLE_REGIONS),
    ):
        if speaks and None not in witnesses:
            return tier, " and ".join(_told(each) for each in witnesses if each) + "."
    return None, "No signal is within its threshold, and too few regions are."


def _told(finding: Finding) -> str:
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
