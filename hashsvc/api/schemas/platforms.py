"""Schemas for the registry of platforms."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from hashsvc.api.schemas.base import Body
from hashsvc.removal import Basis, DataFileError, Platform
from hashsvc.removal.platforms.entries import ActorKind, ChannelType

_Words = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class ChannelIn(Body):
    """A channel: one way to send a notice to a platform."""

    type: ChannelType
    address: str = Field(
        min_length=3,
        max_length=500,
        description="An e-mail address, or a URL that begins with https://.",
    )
    languages: list[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]] = Field(
        min_length=1,
        max_length=30,
        description="Languages that the platform reads at this address, the preferred one first.",
    )
    basis: Basis
    verified: bool = Field(description="True if somebody has checked that the address is right.")
    note: _Words | None = Field(default=None, description="Anything else to know.")


class PlatformIn(Body):
    """An entry, as in the registry's YAML file. Its id is the one in the path."""

    name: str = Field(min_length=1, max_length=200, description="The name that notices use.")
    domains: list[Annotated[str, StringConstraints(min_length=1, max_length=253)]] = Field(
        min_length=1,
        max_length=200,
        description="Hosts of the platform. Each includes its subdomains.",
    )
    kind: ActorKind
    country: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}$",
        description="Country of establishment. Null: not known.",
    )
    channels: list[ChannelIn] = Field(
        default=[], max_length=20, description="Channels, the preferred one first."
    )
    trusted_flagger: _Words | None = Field(
        default=None, description="How the platform receives notices from trusted flaggers."
    )
    checked: date = Field(description="The day on which somebody last checked the entry.")
    source: list[Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=500)]] = (
        Field(min_length=1, max_length=20, description="Sources of the entry.")
    )
    note: _Words | None = Field(default=None, description="Anything else to know.")

    def entry(self, platform_id: str) -> Platform:
        """
        Return the entry.

        Raises:
            DataFileError: If the entry breaks a rule of the registry.
        """
        try:
            return Platform.model_validate({"id": platform_id, **self.model_dump(mode="json")})
        except ValidationError as error:
            rules = {each["msg"].removeprefix("Value error, ") for each in error.errors()}
            raise DataFileError(f"The entry breaks a rule: {'; '.join(sorted(rules))}.") from None


class PlatformsOut(BaseModel):
    """All entries of the registry."""

    version: str = Field(description="Versions of the shipped set and of the operator's own file.")
    platforms: list[dict[str, Any]] = Field(description="Entries, as in the registry's YAML file.")


def as_json(entry: Platform) -> dict[str, Any]:
    """Return an entry as the registry's YAML file has it."""
    return entry.model_dump(mode="json", exclude={"draft"}, exclude_none=True)
