"""Keys, organisations, the audit log, and whether the service is up."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.access.callers import Role
from hashsvc.access.organisations import LONGEST_NAME
from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.store.ids import DEFAULT_ORGANISATION
from hashsvc.store.keys import Key
from hashsvc.store.organisations import Organisation


class OrganisationIn(Body):
    """A new organisation."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
    ] = Field(description="Of the body, for administrators; never a person's.")


class OrganisationOut(BaseModel):
    """A body whose analysts see its own cases, matches, requests and scans, and no others."""

    organisation: OpaqueId
    name: str = Field(description="The body's name.")
    created_at: datetime

    @classmethod
    def of(cls, organisation: Organisation) -> "OrganisationOut":
        return cls(
            organisation=organisation.id,
            name=organisation.name,
            created_at=organisation.created_at,
        )


class KeyIn(Body):
    """A new key."""

    role: Role
    organisation: OpaqueId = Field(
        DEFAULT_ORGANISATION, description="Whose cases it sees; left out: the default one's."
    )
    expires_in_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        None, description="It is useless after so many days; null: never."
    )


class KeyOut(BaseModel):
    """A key, without its token."""

    key: OpaqueId
    role: Role
    organisation: OpaqueId
    created_at: datetime
    expires_at: datetime | None = Field(description="From then on it is useless; null: never.")
    revoked_at: datetime | None = Field(description="Null while nobody has revoked it.")
    last_used_on: date | None = Field(description="The last day on which it was used; no finer.")
    is_person: bool = Field(
        description="Whether it stands for somebody who signs in at the issuer; it has no token."
    )

    @classmethod
    def of(cls, key: Key) -> "KeyOut":
        return cls(
            key=key.id,
            role=Role(key.role),
            organisation=key.organisation_id,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_on=date.fromisoformat(key.last_used_on) if key.last_used_on else None,
            is_person=key.is_person,
        )


class NewKeyOut(BaseModel):
    """A new key and its token, which is shown this once."""

    key: OpaqueId
    role: Role
    organisation: OpaqueId
    expires_at: datetime | None = Field(description="From then on it is useless; null: never.")
    token: str = Field(description="Shown this once.", examples=["hsk_…"])


class ExportOut(BaseModel):
    """A request for an export, which waits for another administrator."""

    export: OpaqueId
    expires_at: datetime = Field(description="When it is over, if it was not taken before.")


class HealthOut(BaseModel):
    """That the service is up."""

    status: Literal["up"]
    version: str


class AuditOut(BaseModel):
    """That the audit log's chain holds, and its length."""

    entries: int = Field(description="How many there are; all follow from one another.")
