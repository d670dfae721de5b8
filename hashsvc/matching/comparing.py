"""Explains in sentences, for each algorithm, why two images match or do not match."""

import itertools
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
    The result of comparing two signatures.

    Attributes:
        reasons: One sentence for each algorithm, and one for each image that is too plain.
    """

    evidence: Evidence
    reasons: tuple[str, ...]


def explain(content: Signature, candidate: Signature) -> Comparison:
    """Compare two signatures as a scan does, and explain the result of each algorithm."""
    evidence = compare(content, candidate)
    reasons = [
        f"The {which} image is too plain: its quality is {each.quality}, and at least "
        f"{PDQ.min_quality} is needed."
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


def nearest_pair(contents: Sequence[Signature], candidates: Sequence[Signature]) -> tuple[int, int]:
    """
    Return which pictures of two images are most alike: a place in each of the sequences.

    Args:
        contents: Signatures of the pictures of one image, as `sign_frames` returns them.

        candidates: Those of the other image.
    """
    pairs = itertools.product(range(len(contents)), range(len(candidates)))
    return min(pairs, key=lambda pair: compare(contents[pair[0]], candidates[pair[1]]).rank)


def _reason(profile: Profile, findings: Sequence[Finding]) -> str:
    # The findings are sorted, the strongest first.
    if not findings:
        return f"{profile.name}: the images have no view in common."
    best = findings[0]
    if profile is REGION:
        return f"{profile.name}: {_of_regions(findings)}"
    away = f"{best.distance} of {profile.bits} bits differ in the {best.view} view"
    if best.matches:
        return f"{profile.name}: {away}; at most {profile.threshold} may differ."
    return f"{profile.name}: {away}, the nearest view; at most {profile.threshold} may differ."


def _of_regions(findings: Sequence[Finding]) -> str:
    best = max(findings, key=lambda each: (each.contrast, each.regions))
    image = "image, mirrored" if best.view is View.MIRROR else "image"
    if best.regions < POSSIBLE_REGIONS:
        shared = f"{best.regions} regions of the first image are in the second {image}"
        return f"{shared}, each within {REGION.threshold} bits; {POSSIBLE_REGIONS} are needed."
    shared = f"{best.regions} regions of the first image are in the second {image}"
    needed = (
        f"{CERTAIN_CONTRAST} or more is certain, {LIKELY_CONTRAST} or more is likely, "
        "less is possible"
    )
    return f"{shared}. Their contrast is {best.contrast}; {needed}."
