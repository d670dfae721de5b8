"""Settings of the service: environment variables HASHSVC_…, or a .env file."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Every knob of the service, its unit and its default."""

    model_config = SettingsConfigDict(
        env_prefix="HASHSVC_", env_file=".env", extra="ignore", frozen=True
    )

    data_dir: Path = Field(Path("data"), description="Database and index files live here.")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL; unset means SQLite in the data directory."
    )
    key_encryption_key: SecretStr | None = Field(
        None, description="Key that wraps all others: 32 bytes as base64 or hexadecimal."
    )
    key_encryption_key_file: Path | None = Field(
        None, description="File with that key, in its place; unset means one beside the data."
    )
    key_encryption_key_command: str | None = Field(
        None, description="Command that prints that key, such as a KMS client; run without a shell."
    )

    case_lifetime_days: int = Field(
        730, ge=1, le=36_500, description="A case ends so long after it was opened or renewed."
    )
    scan_lifetime_days: int = Field(
        365, ge=1, le=36_500, description="A finished scan's URLs are deleted so long after it."
    )
    purge_within_h: float = Field(
        24, ge=0, description="The database file is rewritten this soon after a withdrawal."
    )

    engine: Literal["auto", "faiss"] = Field(
        "auto", description="What searches the bank: `auto`, or `faiss` for brute force alone."
    )

    max_body_bytes: int = Field(2_000_000, ge=1_000, description="Largest request body.")
    max_urls_per_scan: int = Field(10_000, ge=1, description="Largest batch of reported URLs.")

    audit_key_file: Path | None = Field(
        None,
        description="File with the key that signs the audit log; unset means audit-signing-key in "
        "the data directory. It is made when missing.",
    )
    audit_anchor_file: Path | None = Field(
        None,
        description="File that signed checkpoints are added to; unset means audit.anchor in the "
        "data directory.",
    )
    audit_checkpoint_s: float = Field(
        3600, gt=0, description="Time between two checkpoints of the audit log."
    )

    limit_lookups_per_minute: int = Field(30, ge=1, description="Lookups of one key in a minute.")
    limit_lookups_per_day: int = Field(5_000, ge=1, description="Lookups of one key in a day.")
    limit_lookup_steps: int = Field(
        16,
        ge=1,
        description="Lookups of one key in a week that are nearly alike, around a content it was "
        "told of; more have to wait.",
    )
    limit_submissions_per_minute: int = Field(
        300, ge=100, description="Cases and contents that one key submits in a minute."
    )
    limit_scans_per_minute: int = Field(30, ge=1, description="Scans of one key in a minute.")
    limit_reads_per_minute: int = Field(
        600, ge=1, description="All other calls of one key in a minute."
    )
    limit_holder_calls_per_minute: int = Field(
        20, ge=1, description="Calls with a PIN from one address in a minute."
    )

    scan_threads: int = Field(4, ge=0, le=64, description="Scan workers in this process.")
    scan_lease_s: float = Field(120, gt=0, description="An item not finished by then is redone.")
    scan_attempts: int = Field(3, ge=1, description="Tries of one scan item before it is dead.")
    scan_retry_s: float = Field(30, ge=0, description="Wait before a failed item is tried again.")
    scan_images_per_page: int = Field(60, ge=1, description="Images looked at on one page.")

    fetch_timeout_s: float = Field(15, gt=0, description="Longest wait for one read or connect.")
    fetch_total_s: float = Field(60, gt=0, description="Longest time for one download.")
    fetch_max_bytes: int = Field(50_000_000, ge=1_000, description="Largest download.")
    fetch_redirects: int = Field(5, ge=0, description="Redirects followed.")
    fetch_ports: Annotated[frozenset[int], NoDecode] = Field(
        frozenset({80, 443}), description="Ports that may be fetched from, comma-separated."
    )
    fetch_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Non-public networks that may be fetched from, comma-separated CIDR."
    )
    fetch_user_agent: str = Field(
        "hashsvc/0.1 (finds re-uploads of intimate images; run for a victim-support body)",
        description="How the scanner introduces itself.",
    )

    image_max_bytes: int = Field(
        50_000_000, ge=1_000, le=4_000_000_000, description="Largest image file that is signed."
    )
    image_max_pixels: int = Field(
        100_000_000, ge=1, description="Most pixels of an image, by its header."
    )
    image_max_frames: int = Field(
        8, ge=1, le=100, description="Frames of an animation that are looked at."
    )
    image_max_seconds: float = Field(
        10, gt=0, description="Longest time to decode and sign one image."
    )
    image_max_memory_bytes: int = Field(
        536_870_912,
        ge=50_000_000,
        description="Memory that one image may take; enough for a JPEG of 100 megapixels "
        "that is not progressive, or 24 of any other kind.",
    )

    organisation: str = Field(
        "Institute for the Equality of Women and Men",
        description="Sender named in removal requests.",
    )
    organisation_email: str = Field(
        "notices@example.org", description="Where platforms answer removal requests."
    )
    recheck_gap_s: float = Field(
        3600, ge=0, description="Two checks this far apart must both find an image gone."
    )

    @field_validator("fetch_ports", "fetch_networks", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hashsvc.db'}"
