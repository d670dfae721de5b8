"""Suspected re-uploads and verdicts."""

import json
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field, StrictBool, model_validator

from hashsvc.access.lookups import told_evidence
from hashsvc.api.schemas.base import Body, CaseNumber, Evidence, OpaqueId
from hashsvc.matching import MatchState, Reason, Tier
from hashsvc.store.matches import Match


class MatchOut(BaseModel):
    """A suspected re-upload."""

    match: OpaqueId
    state: MatchState
    tier: Tier
    why: str = Field(description="The evidence in a sentence.")
    evidence: Evidence
    case: CaseNumber
    content: OpaqueId
    page_url: str = Field(description="The reported URL.")
    image_url: str = Field(description="The image there; the page's own URL if that is an image.")
    image_sha256: str = Field(description="Of the bytes that were found.", examples=["0f" * 32])
    facts: dict[str, Any] = Field(
        description="What the server said with the image, such as its status; no cookie."
    )
    found_at: datetime
    reviewed_by: OpaqueId | None = Field(description="The key that gave the verdict.")
    reviewed_at: datetime | None
    reason: Reason | None = Field(description="Why it was dismissed, where that was said.")
    quarantined: bool = Field(description="Whether its content is in quarantine, see there.")

    @classmethod
    def of(cls, match: Match) -> "MatchOut":
        evidence = told_evidence(json.loads(match.evidence))
        return cls(
            match=match.id,
            state=MatchState(match.state),
            tier=Tier(match.tier),
            why=evidence["why"],
            evidence=evidence,
            case=match.case,
            content=match.content,
            page_url=match.page_url,
            image_url=match.image_url,
            image_sha256=match.image_sha256.hex(),
            facts=json.loads(match.facts),
            found_at=match.found_at,
            reviewed_by=match.reviewed_by,
            reviewed_at=match.reviewed_at,
            reason=None if match.reason is None else Reason(match.reason),
            quarantined=match.quarantined,
        )


class VerdictIn(Body):
    """What an analyst says of a match."""

    confirmed: StrictBool = Field(description="True: it is the image. False: it is another one.")
    reason: Reason | None = Field(
        default=None,
        description="Why it is dismissed. An `other-image` is not reported again.",
    )
    everywhere: StrictBool = Field(
        default=False,
        description="An `other-image` is not reported for any content of the organisation.",
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.confirmed and self.reason is not None:
            raise ValueError("Only a dismissal has a reason.")
        if self.everywhere and self.reason is not Reason.OTHER_IMAGE:
            raise ValueError("Only an other-image is dismissed everywhere.")
        return self
