"""Weighs a content against a candidate: distances by algorithm and view, a tier, and why."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hashsvc.signals import DHASH, PDQ, PHASH, PROFILES, Signature, View


class Tier(StrEnum):
    """How sure a match is; the false-positive rate of each is measured by the benchmarks."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The smallest distance of one algorithm between a content and one view of a candidate.

    Attributes:
        algorithm: Name of a profile.

        view: The candidate's view; the content's is always the whole.

        distance: Differing bits.

        threshold: The profile's largest matching distance, inclusive.
    """

    algorithm: str
    view: View
    distance: int
    threshold: int

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
        return min(self.findings, key=_closeness, default=None)

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
    findings = tuple(sorted(_findings(content, candidate), key=_closeness))
    plain = min(content.quality, candidate.quality) < PDQ.min_quality
    tier, why = _weigh(findings, plain=plain)
    return Evidence(tier=tier, findings=findings, why=why)


def _findings(content: Signature, candidate: Signature) -> Iterable[Finding]:
    whole = {
        viewed.signal.algorithm: viewed.signal
        for viewed in content.signals
        if viewed.view is View.WHOLE and not viewed.signal.profile.many_per_image
    }
    nearest: dict[tuple[str, View], int] = {}
    for viewed in candidate.signals:
        mine = whole.get(viewed.signal.algorithm)
        if mine is not None:
            place = (viewed.signal.algorithm, viewed.view)
            distance = mine.distance(viewed.signal)
            nearest[place] = min(distance, nearest.get(place, distance))
    for (algorithm, view), distance in nearest.items():
        yield Finding(algorithm, view, distance, PROFILES[algorithm].threshold)


def _closeness(finding: Finding) -> tuple[bool, bool, float, str, str]:
    return (
        not finding.matches,
        # Of several that match, PDQ is the strongest witness.
        finding.algorithm != PDQ.name,
        finding.distance / PROFILES[finding.algorithm].bits,
        finding.algorithm,
        "" if finding.view is View.WHOLE else finding.view,
    )


def _weigh(findings: tuple[Finding, ...], *, plain: bool) -> tuple[Tier | None, str]:
    """
    Return the tier and the reason.

    PDQ within its threshold is `certain` in any pose. pHash and dHash, with 64 bits each, are
    weaker: both together are `likely`, pHash alone is `possible`. dHash alone is none: the bank is
    not searched by it.
    """
    matching = {each.algorithm: each for each in reversed(findings) if each.matches}
    if plain:
        return None, f"One image is too plain to match on: its quality is below {PDQ.min_quality}."
    if pdq := matching.get(PDQ.name):
        return Tier.CERTAIN, f"{_told(pdq)}."
    if phash := matching.get(PHASH.name):
        if dhash := matching.get(DHASH.name):
            return Tier.LIKELY, f"{_told(phash)} and {_told(dhash)}."
        return Tier.POSSIBLE, f"{_told(phash)}."
    return None, "No signal is within its threshold."


def _told(finding: Finding) -> str:
    return (
        f"{finding.algorithm} of the {finding.view} image differs in {finding.distance} of "
        f"{PROFILES[finding.algorithm].bits} bits (threshold {finding.threshold})"
    )
