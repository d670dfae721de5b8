"""Schemas for comparisons, suppressions, quarantines and lowest tiers."""

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

LowestTier = Annotated[
    Tier,
    Field(description="Matches below this tier are not recorded. `possible` records all matches."),
]
Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
        max_length=253,
    ),
    Field(
        description="A host in lower case. The rule also covers its subdomains.",
        examples=["example.org"],
    ),
]


class ComparisonIn(Body):
    """Signatures of two images, made on the caller's machine."""

    first: LookupIn = Field(description="Stands for a content: only its view `whole` is compared.")
    second: LookupIn = Field(description="Stands for a candidate: all its views are compared.")


class FindingOut(BaseModel):
    """The result of one algorithm for one view."""

    algorithm: str = Field(description="An algorithm's name.", examples=["pdq1"])
    view: View = Field(description="The view of the second image, or of the candidate.")
    distance: int | None = Field(
        description="Number of differing bits. For regions: the median over the matching ones. "
        "Null if it is over the threshold and the first image is a content in the bank."
    )
    threshold: int = Field(description="Largest matching distance, in bits.")
    regions: int = Field(description="Number of regions of the first image found in the second.")
    contrast: int = Field(
        description="How clearly the second image shows these regions, summed over the regions."
    )
    matches: bool = Field(description="True if the distance is within the threshold.")


class ComparisonOut(BaseModel):
    """The result of a comparison."""

    tier: Tier | None = Field(description="The tier. Null: the images do not match.")
    why: str = Field(description="The evidence in a sentence.")
    reasons: list[str] = Field(description="One sentence for each algorithm.")
    findings: list[FindingOut] = Field(
        description="One finding for each algorithm and view, the strongest first."
    )

    @classmethod
    def of(cls, compared: Comparison) -> "ComparisonOut":
        return cls(
            tier=compared.evidence.tier,
            why=compared.evidence.why,
            reasons=list(compared.reasons),
            findings=[_finding(each) for each in compared.evidence.findings],
        )


class WhyOut(BaseModel):
    """A new comparison of a match's content and candidate."""

    candidate_kept: bool = Field(description="True if the candidate's signals are still kept.")
    comparison: ComparisonOut | None = Field(
        description="The comparison. Null if the candidate's signals are not kept."
    )

    @classmethod
    def of(cls, compared: Comparison | None) -> "WhyOut":
        if compared is None:
            return cls(candidate_kept=False, comparison=None)
        shown = ComparisonOut.of(compared)
        # A distance beyond the threshold would help a caller to reconstruct the banked code.
        shown.findings = [
            each if each.matches else each.model_copy(update={"distance": None})
            for each in shown.findings
        ]
        shown.reasons = []
        return cls(candidate_kept=True, comparison=shown)


class SuppressionOut(BaseModel):
    """A dismissed image. Matches with it are not recorded again."""

    suppression: OpaqueId
    content: OpaqueId | None = Field(
        description="The content that the dismissal is about. Null: all contents of the "
        "organisation."
    )
    match: OpaqueId | None = Field(
        description="The dismissed match. Null if the match was deleted."
    )
    created_by: OpaqueId = Field(description="The key that dismissed the match.")
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
    """A content in quarantine: it matched far more often than expected."""

    content: OpaqueId
    case: CaseNumber
    since: datetime = Field(
        description="Suspected matches found from this moment on are in quarantine."
    )
    noticed_at: datetime = Field(
        description="When the service noticed the flood and began the quarantine."
    )
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
    """The result of dismissing a content's quarantined matches."""

    dismissed: int = Field(description="Number of matches dismissed.")


class LowestTierIn(Body):
    """The lowest tier to set."""

    lowest_tier: LowestTier


class LowestTierOut(BaseModel):
    """The lowest tier of a case."""

    lowest_tier: LowestTier


class HostLowestTierIn(LowestTierIn):
    """The lowest tier to set for a host."""

    host: Host


class HostLowestTierOut(LowestTierOut):
    """The lowest tier of a host."""

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
