"""Says in sentences, algorithm by algorithm, why two images match or do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from hashsvc.matching.evidence import Evidence, Finding, compare
from hashsvc.signals import (
    CERTAIN_CONTRAST,
    LIKELY_CONTRAST,
    PDQ,
    POSSIBLE_REGIONS,
    PROFILES,
    REGION,
    Profile,
    Signature,
    View,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Two signatures held against each other.

    Attributes:
        reasons: A sentence for each algorithm, and one where an image is too plain.
    """

    evidence: Evidence
    reasons: tuple[str, ...]


def explain(content: Signature, candidate: Signature) -> Comparison:
    """Compare two signatures as a scan does, and say what each algorithm makes of them."""
    evidence = compare(content, candidate)
    reasons = [
        f"The {which} image is too plain: its quality is {each.quality}, and {PDQ.min_quality} is "
        "needed."
        for which, each in (("first", content), ("second", candidate))
        if each.quality < PDQ.min_quality
    ]
    mine = {each.algorithm for each in content.groups if each.view is View.WHOLE}
    theirs = {each.algorithm for each in candidate.groups}
    for profile in PROFILES.values():
        if profile.name in mine & theirs:
            of_this = [each for each in evidence.findings if each.algorithm == profile.name]
            reasons.append(_reason(profile, of_this))
        elif profile.name in mine | theirs:
            reasons.append(f"{profile.name}: only one of the images has such signals.")
    return Comparison(evidence, tuple(reasons))


def _reason(profile: Profile, findings: Sequence[Finding]) -> str:
    # They come with the strongest first.
    if not findings:
        return f"{profile.name}: the images have no view in common."
    best = findings[0]
    if profile is REGION:
        return f"{profile.name}: {_of_regions(findings)}"
    away = f"{best.distance} of {profile.bits} bits differ in the {best.view} view"
    if best.matches:
        return f"{profile.name}: {away}, and {profile.threshold} may."
    return f"{profile.name}: {away}, the nearest one; no more than {profile.threshold} may."


def _of_regions(findings: Sequence[Finding]) -> str:
    best = max(findings, key=lambda each: (each.contrast, each.regions))
    image = "mirrored image" if best.view is View.MIRROR else "image"
    if best.regions < POSSIBLE_REGIONS:
        shared = f"{best.regions} of the first one's regions are in the {image}"
        return f"{shared}, each within {REGION.threshold} bits; {POSSIBLE_REGIONS} are needed."
    stood = f"{best.regions} regions are in the {image}, and come to {best.contrast}"
    needed = f"{CERTAIN_CONTRAST} is certain, {LIKELY_CONTRAST} likely, fewer a hint"
    return f"{stood} by how clearly they stand out; {needed}."
