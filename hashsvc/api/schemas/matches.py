"""Schemas for matches (suspected re-uploads) and verdicts."""

import json
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field, StrictBool, model_validator

from hashsvc.access.lookups import shown_evidence
from hashsvc.api.schemas.base import Body, CaseNumber, Evidence, OpaqueId
from hashsvc.matching import MatchState, Reason, Tier
from hashsvc.store.matches import Match


class MatchOut(BaseModel):
    """A suspected re-upload."""

    match: OpaqueId
    state: MatchState
    tier: Tier
    why: str = Field(description="The reason for the match, in a sentence.")
    evidence: Evidence
    case: CaseNumber
    content: OpaqueId
    page_url: str = Field(description="The reported URL, where the image was found.")
    image_url: str = Field(
        description="URL of the image. Equal to `page_url` if that is itself an image."
    )
    image_sha256: str = Field(
        description="SHA-256 of the image's bytes as found.", examples=["0f" * 32]
    )
    facts: dict[str, Any] = Field(
        description="Facts from the server's response, such as its status. Cookies are not kept."
    )
    found_at: datetime
    reviewed_by: OpaqueId | None = Field(
        description="The key that gave the verdict. Null: there is no verdict."
    )
    reviewed_at: datetime | None
    reason: Reason | None = Field(
        description="Why the match was dismissed. Null if no reason was given."
    )
    quarantined: bool = Field(
        description="True if the match is set apart because its content is in quarantine."
    )

    @classmethod
    def of(cls, match: Match) -> "MatchOut":
        evidence = shown_evidence(json.loads(match.evidence))
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
    """An analyst's verdict on a match."""

    confirmed: StrictBool = Field(description="True: confirm the match. False: dismiss it.")
    reason: Reason | None = Field(
        default=None,
        description="Why the match is dismissed. After `other-image`, the service records no "
        "further matches of the content with this image.",
    )
    everywhere: StrictBool = Field(
        default=False,
        description="True, with `other-image`: the service records no further matches with this "
        "image for any of the organisation's contents. False: for the match's content only.",
    )

    @model_validator(mode="after")
    def _allows_reason(self) -> Self:
        if self.confirmed and self.reason is not None:
            raise ValueError(
                "Only a dismissal has a reason: set `confirmed` to false, or leave `reason` out."
            )
        if self.everywhere and self.reason is not Reason.OTHER_IMAGE:
            raise ValueError("`everywhere` needs the reason `other-image`.")
        return self
