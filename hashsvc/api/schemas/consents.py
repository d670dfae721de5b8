"""What the person shown has agreed to."""

from datetime import date

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import Body
from hashsvc.bank import CONSENT_VERSION, ConsentKind
from hashsvc.store.consents import Consent


class ConsentIn(Body):
    """A consent, and the version of its wording that was agreed to."""

    kind: ConsentKind
    version: str = Field(
        default=CONSENT_VERSION,
        pattern=r"^[0-9A-Za-z.-]{1,20}$",
        description="Of the wording that was agreed to.",
    )


class ConsentOut(BaseModel):
    """A consent; one that was withdrawn stays on record."""

    kind: ConsentKind
    version: str
    given_on: date = Field(description="The day; no finer.")
    withdrawn_on: date | None = Field(description="Null while it holds.")

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
