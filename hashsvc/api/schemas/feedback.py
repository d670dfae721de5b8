"""Dismissed images, floods, lowest tiers, comparisons."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.api.schemas.base import Body, CaseNumber, OpaqueId
from hashsvc.api.schemas.signatures import LookupIn
from hashsvc.matching import Comparison, Finding, Tier
from hashsvc.signals import View
from hashsvc.store.lowest_tiers import HostRule
from hashsvc.store.quarantines import Quarantine
from hashsvc.store.suppressions import Suppression

LowestTier = Annotated[Tier, Field(description="`possible` has everything reported.")]
Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
        max_length=253,
    ),
    Field(
        description="Name of a host, in lower case; those below it are meant too.",
        examples=["example.org"],
    ),
]


class ComparisonIn(Body):
    """Two images' signatures, made on the sender's machine."""

    first: LookupIn = Field(description="Counts with its whole view, as a content does.")
    second: LookupIn = Field(description="Counts with every view, as a candidate does.")


class FindingOut(BaseModel):
    """What one algorithm says of one view."""

    algorithm: str = Field(description="An algorithm's name.", examples=["pdq1"])
    view: View = Field(description="The second image's view.")
    distance: int | None = Field(
        description="Differing bits; of regions the median of those that match. Null where it is "
        "over the threshold and one of the images is of the bank."
    )
    threshold: int = Field(description="Most bits that may differ.")
    regions: int = Field(description="Regions of the first image that are in the second.")
    contrast: int = Field(description="What these come to by how clearly they stand out.")
    matches: bool = Field(description="Whether the distance is within the threshold.")


class ComparisonOut(BaseModel):
    """What was found, and why."""

    tier: Tier | None = Field(description="Null when it is no match.")
    why: str = Field(description="The evidence in a sentence.")
    reasons: list[str] = Field(description="A sentence for each algorithm.")
    findings: list[FindingOut] = Field(description="By algorithm and view, the strongest first.")

    @classmethod
    def of(cls, compared: Comparison) -> "ComparisonOut":
        return cls(
            tier=compared.evidence.tier,
            why=compared.evidence.why,
            reasons=list(compared.reasons),
            findings=[_finding(each) for each in compared.evidence.findings],
        )


class WhyOut(BaseModel):
    """Why a match is one: its content and candidate compared anew."""

    candidate_kept: bool = Field(description="Whether the candidate's signals are still kept.")
    comparison: ComparisonOut | None = Field(description="Null when they are not.")

    @classmethod
    def of(cls, compared: Comparison | None) -> "WhyOut":
        if compared is None:
            return cls(candidate_kept=False, comparison=None)
        told = ComparisonOut.of(compared)
        # How far a banked code is beyond the threshold would lead on to the code.
        told.findings = [
            each if each.matches else each.model_copy(update={"distance": None})
            for each in told.findings
        ]
        told.reasons = []
        return cls(candidate_kept=True, comparison=told)


class SuppressionOut(BaseModel):
    """A dismissed image that is not reported again; nothing of it is shown."""

    suppression: OpaqueId
    content: OpaqueId | None = Field(description="For which; null for any of the organisation.")
    match: OpaqueId | None = Field(description="What was dismissed; null when that has gone.")
    created_by: OpaqueId = Field(description="The key that dismissed it.")
    created_at: datetime

    @classmethod
    def of(cls, found: Suppression) -> "SuppressionOut":
        return cls(
            suppression=found.id,
            content=found.content,
            match=found.match_id,
            created_by=found.created_by,
            created_at=found.created_at,
        )


class QuarantineOut(BaseModel):
    """A content that matched far more often than expected."""

    content: OpaqueId
    case: CaseNumber
    since: datetime = Field(description="Suspected matches found from then on are set apart.")
    noticed_at: datetime = Field(description="When it was noticed.")
    waiting_matches: int = Field(description="How many matches wait for a decision.")

    @classmethod
    def of(cls, found: Quarantine) -> "QuarantineOut":
        return cls(
            content=found.content,
            case=found.case,
            since=found.since,
            noticed_at=found.begun_at,
            waiting_matches=found.matches,
        )


class DismissedOut(BaseModel):
    """What became of a flood."""

    dismissed: int = Field(description="How many matches were dismissed.")


class LowestTierIn(Body):
    """From which tier on matches are reported."""

    lowest_tier: LowestTier


class LowestTierOut(BaseModel):
    """From which tier on matches are reported."""

    lowest_tier: LowestTier


class HostLowestTierIn(LowestTierIn):
    """From which tier on matches at a host are reported."""

    host: Host


class HostLowestTierOut(LowestTierOut):
    """From which tier on matches at a host are reported."""

    host: Host

    @classmethod
    def of(cls, rule: HostRule) -> "HostLowestTierOut":
        return cls(host=rule.host, lowest_tier=Tier(rule.lowest_tier))


def _finding(finding: Finding) -> FindingOut:
    return FindingOut(
        algorithm=finding.algorithm,
        view=finding.view,
        distance=finding.distance,
        threshold=finding.threshold,
        regions=finding.regions,
        contrast=finding.contrast,
        matches=finding.matches,
    )
