"""Schemas for cases as intake staff and analysts see them, and for new PINs."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, FailFast, Field, StrictBool

from hashsvc.api.schemas.base import Body, CaseNumber, OpaqueId, Quality
from hashsvc.bank import FIRST_CONSENTS, CaseView, ConsentKind, OpenedCase


class NewCaseIn(Body):
    """What must be known before a case is opened."""

    adult: StrictBool = Field(
        description="True if the person shown was an adult in every image. If false, no case is "
        "opened."
    )
    consents: Annotated[frozenset[ConsentKind], FailFast()] = Field(
        default=FIRST_CONSENTS,
        description="What the person shown agrees to. Consent to `hash` is always recorded.",
    )


class NewCaseOut(BaseModel):
    """A new case's number and PIN. The PIN is shown only once."""

    number: CaseNumber
    pin: str = Field(description="The case's PIN. It is shown only once.", examples=["40718263"])

    @classmethod
    def of(cls, opened: OpenedCase) -> "NewCaseOut":
        return cls(number=opened.number, pin=opened.pin)


class ContentOut(BaseModel):
    """A content, as shown with its case."""

    content: OpaqueId
    quality: Quality
    added_on: date
    pending: bool = Field(
        description="True while the content waits for an analyst. It is not searched meanwhile."
    )


class CaseOut(BaseModel):
    """A case."""

    number: CaseNumber
    opened_on: date
    ends_on: date | None = Field(
        description="The day on which the case is deleted. Null: it stays until it is withdrawn."
    )
    contents: list[ContentOut]

    @classmethod
    def of(cls, case: CaseView) -> "CaseOut":
        return cls(
            number=case.number,
            opened_on=date.fromisoformat(case.opened_on),
            ends_on=date.fromisoformat(case.ends_on) if case.ends_on else None,
            contents=contents_of(case),
        )


class ResetOut(BaseModel):
    """A requested PIN reset that waits for another analyst's approval."""

    reset: OpaqueId
    expires_at: datetime = Field(description="When the request expires if nobody approves it.")


class NewPinOut(BaseModel):
    """A new PIN. It is shown only once."""

    pin: str = Field(description="The case's PIN. It is shown only once.", examples=["40718263"])


def contents_of(case: CaseView) -> list[ContentOut]:
    """Return the contents of a case as the API shows them."""
    return [
        ContentOut(
            content=each.content,
            quality=each.quality,
            added_on=date.fromisoformat(each.added_on),
            pending=each.pending,
        )
        for each in case.contents
    ]
