"""Schemas for consents: what the person shown has agreed to."""

from datetime import date

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import Body
from hashsvc.bank import CONSENT_VERSION, ConsentKind
from hashsvc.store.consents import Consent


class ConsentIn(Body):
    """A consent to record."""

    kind: ConsentKind
    version: str = Field(
        default=CONSENT_VERSION,
        pattern=r"^[0-9A-Za-z.-]{1,20}$",
        description="Version of the wording that the person agreed to.",
    )


class ConsentOut(BaseModel):
    """A recorded consent. A withdrawn consent stays on record."""

    kind: ConsentKind
    version: str = Field(description="Version of the wording that the person agreed to.")
    given_on: date = Field(description="The day of the consent. The time of day is not kept.")
    withdrawn_on: date | None = Field(
        description="The day of the withdrawal. Null: the consent is in force."
    )

    @classmethod
    def of(cls, consent: Consent) -> "ConsentOut":
        return cls(
            kind=ConsentKind(consent.kind),
            version=consent.version,
            given_on=date.fromisoformat(consent.given_on),
            withdrawn_on=(
                date.fromisoformat(consent.withdrawn_on) if consent.withdrawn_on else None
            ),
        )
