"""The settings for requests and connections: their limits, budgets and proxies."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

Network = IPv4Network | IPv6Network


class RequestSettings(BaseSettings):
    """The part of `hashsvc.settings.Settings` that is about requests and connections."""

    max_body_bytes: int = Field(
        2_000_000,
        ge=1_000,
        description="Largest request body, in bytes. Only a scan's list of URLs may be this large. "
        "Other calls have smaller limits.",
    )
    max_urls_per_scan: int = Field(10_000, ge=1, description="Largest number of URLs in one scan.")

    max_connections: int = Field(
        512,
        ge=10,
        le=100_000,
        description="Largest number of open connections. If one more comes, the service ends "
        "another. It picks the address with the most connections, and of these the one that has "
        "waited longest for its caller. It never ends calls with a key.",
    )
    max_connections_per_address: int = Field(
        64,
        ge=1,
        description="Largest number of open connections from one address. The proxies in "
        "HASHSVC_TRUSTED_PROXIES may have more.",
    )
    max_head_s: float = Field(
        10, gt=0, description="Longest time for the headers of a request to arrive, in seconds."
    )
    max_body_s: float = Field(
        60, gt=0, description="Longest time for the body of a request to arrive, in seconds."
    )
    max_idle_s: int = Field(
        15,
        ge=1,
        description="Longest time between two requests of one connection, in seconds. A proxy must "
        "close its idle connections earlier.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        (),
        description="Addresses of your own proxies, or their networks in CIDR notation, "
        "comma-separated. Only they may name a caller's address in `X-Forwarded-For`.",
    )

    limit_lookups_per_minute: int = Field(
        30, ge=1, description="Lookups that one key may make in a minute."
    )
    limit_lookups_per_day: int = Field(
        5_000, ge=1, description="Lookups that one key may make in a day."
    )
    limit_lookup_steps: int = Field(
        16,
        ge=1,
        description="Lookups near one content that one key may make in a week, once an answer "
        "has shown that content to the key. Each further lookup near it makes the key wait, "
        "longer each time.",
    )
    limit_submissions_per_minute: int = Field(
        300, ge=100, description="Cases and contents that one key may submit in a minute."
    )
    limit_scans_per_minute: int = Field(
        30, ge=1, description="Scans that one key may submit in a minute."
    )
    limit_reads_per_minute: int = Field(
        600, ge=1, description="All other calls that one key may make in a minute."
    )
    limit_holder_calls_per_minute: int = Field(
        20, ge=1, description="Calls with a PIN that one address may make in a minute."
    )

    limit_open_calls: int = Field(
        16,
        ge=1,
        le=39,
        description="Largest number of calls without a key that run at the same time. The service "
        "runs 40 calls at once; the rest of the 40 are for callers with a key.",
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return split_commas(value)


def split_commas(value: object) -> object:
    """Return the parts of a text between commas; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value
