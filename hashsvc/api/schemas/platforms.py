"""The registry of platforms."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from hashsvc.api.schemas.base import Body
from hashsvc.removal import Basis, DataFileError, Platform
from hashsvc.removal.platforms.entries import ActorKind, ChannelType

_Words = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class ChannelIn(Body):
    """One way to hand in a notice."""

    type: ChannelType
    address: str = Field(
        min_length=3, max_length=500, description="An e-mail address, or one that begins https://."
    )
    languages: list[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]] = Field(
        min_length=1, max_length=30, description="What is read there, the preferred one first."
    )
    basis: Basis
    verified: bool = Field(description="Whether somebody has looked that it is right.")
    note: _Words | None = Field(default=None, description="What else there is to know.")


class PlatformIn(Body):
    """An entry, as the registry's file has it; its id is that of the address."""

    name: str = Field(min_length=1, max_length=200, description="As a notice calls it.")
    domains: list[Annotated[str, StringConstraints(min_length=1, max_length=253)]] = Field(
        min_length=1, max_length=200, description="Hosts, with all below them."
    )
    kind: ActorKind
    country: str | None = Field(
        default=None, pattern=r"^[A-Z]{2}$", description="Of its establishment; null: not known."
    )
    channels: list[ChannelIn] = Field(
        default=[], max_length=20, description="The preferred one first."
    )
    trusted_flagger: _Words | None = Field(
        default=None, description="How it takes notices of trusted flaggers."
    )
    checked: date = Field(description="When somebody last looked.")
    source: list[Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=500)]] = (
        Field(min_length=1, max_length=20, description="Where it is from.")
    )
    note: _Words | None = Field(default=None, description="What else there is to know.")

    def entry(self, platform_id: str) -> Platform:
        """
        Return the entry.

        Raises:
            DataFileError: If it breaks a rule of the registry.
        """
        try:
            return Platform.model_validate({"id": platform_id, **self.model_dump(mode="json")})
        except ValidationError as error:
            rules = {each["msg"].removeprefix("Value error, ") for each in error.errors()}
            raise DataFileError(f"The entry breaks a rule: {'; '.join(sorted(rules))}.") from None


class PlatformsOut(BaseModel):
    """All entries of the registry."""

    version: str = Field(description="Of the shipped set, and of the operator's own file.")
    platforms: list[dict[str, Any]] = Field(description="As in the registry's YAML file.")


def as_json(entry: Platform) -> dict[str, Any]:
    """Return an entry as the registry's file has it."""
    return entry.model_dump(mode="json", exclude={"draft"}, exclude_none=True)
