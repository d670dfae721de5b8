"""Cases, as intake and analysts see them."""

from datetime import date, datetime

from pydantic import BaseModel, Field, StrictBool

from hashsvc.api.schemas.base import Body, CaseNumber, OpaqueId, Quality
from hashsvc.bank import FIRST_CONSENTS, CaseView, ConsentKind, OpenedCase


class NewCaseIn(Body):
    """The question asked before a case is opened."""

    adult: StrictBool = Field(description="Whether the person shown was an adult in every image.")
    consents: frozenset[ConsentKind] = Field(
        default=FIRST_CONSENTS,
        description="What the person shown agrees to; that images are looked for always is.",
    )


class NewCaseOut(BaseModel):
    """A case's number and PIN; the PIN is shown this once."""

    number: CaseNumber
    pin: str = Field(description="Shown this once.", examples=["40718263"])

    @classmethod
    def of(cls, opened: OpenedCase) -> "NewCaseOut":
        return cls(number=opened.number, pin=opened.pin)


class ContentOut(BaseModel):
    """A content as its case shows it."""

    content: OpaqueId
    quality: Quality
    added_on: date
    pending: bool = Field(description="Whether an analyst has to look before it is searched.")


class CaseOut(BaseModel):
    """A case."""

    number: CaseNumber
    opened_on: date
    ends_on: date | None = Field(
        description="The first day on which it is no more; null: until it is withdrawn."
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
    """A request for a new PIN, which waits for another analyst."""

    reset: OpaqueId
    expires_at: datetime = Field(description="When it is over if nobody approves it.")


class NewPinOut(BaseModel):
    """A new PIN, which is shown this once."""

    pin: str = Field(description="Shown this once.", examples=["40718263"])


def contents_of(case: CaseView) -> list[ContentOut]:
    """Return a case's contents as they are shown."""
    return [
        ContentOut(
            content=each.content,
            quality=each.quality,
            added_on=date.fromisoformat(each.added_on),
            pending=each.pending,
        )
        for each in case.contents
    ]
