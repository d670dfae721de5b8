"""Schemas for organisations, API keys, exports, the audit log and the health check."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.access.callers import Role
from hashsvc.access.organisations import MAX_NAME_LENGTH
from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.scanning import RendererState
from hashsvc.store.ids import DEFAULT_ORGANISATION
from hashsvc.store.keys import Key
from hashsvc.store.organisations import Organisation


class OrganisationIn(Body):
    """A new organisation."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH)
    ] = Field(
        description="Name of the organisation, shown to administrators. Never a person's name."
    )


class OrganisationOut(BaseModel):
    """An organisation. Its analysts see only its own cases, matches, requests and scans."""

    organisation: OpaqueId
    name: str = Field(description="The organisation's name.")
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
        DEFAULT_ORGANISATION,
        description="The organisation whose cases the key can see. Default: the first one.",
    )
    expires_in_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        None, description="Days until the key expires. Null: it never expires."
    )


class KeyOut(BaseModel):
    """A key, without its token."""

    key: OpaqueId
    role: Role
    organisation: OpaqueId
    created_at: datetime
    expires_at: datetime | None = Field(description="When the key expires. Null: it never expires.")
    revoked_at: datetime | None = Field(
        description="When the key was revoked. Null: it is not revoked."
    )
    last_used_on: date | None = Field(
        description="The last day on which the key was used. The time of day is not kept."
    )
    is_person: bool = Field(
        description="True if the key stands for a person who signs in at the issuer. Such a key "
        "has no token."
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
    """A new key and its token. The token is shown only once."""

    key: OpaqueId
    role: Role
    organisation: OpaqueId
    expires_at: datetime | None = Field(description="When the key expires. Null: it never expires.")
    token: str = Field(
        description="Send it as `Authorization: Bearer …`. It is shown only once.",
        examples=["hsk_…"],
    )


class ExportOut(BaseModel):
    """A requested export that waits for another administrator's approval."""

    export: OpaqueId
    expires_at: datetime = Field(description="It can be approved and taken until this time.")


class HealthOut(BaseModel):
    """The state of the service."""

    status: Literal["up"]
    version: str


class ReadyOut(HealthOut):
    """The state of the service and of its renderer."""

    renderer: RendererState = Field(
        description="Whether pages' scripts are run. `ready`: they are run. `off`: no browser is "
        "set. `unchecked`: the browser is being checked. `refused`: the browser cannot be kept "
        "behind the proxy. `failed`: the browser does not run."
    )


class AuditOut(BaseModel):
    """The result of a successful check of the audit log."""

    entries: int = Field(description="Number of entries checked. Their hash chain is unbroken.")
