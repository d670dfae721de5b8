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
        None,
        # It may hold a password.
        repr=False,
        description="SQLAlchemy URL, such as `postgresql+psycopg://user@host/name`; unset means "
        "SQLite in the data directory.",
    )
    database_connections: int = Field(
        15, ge=2, le=1000, description="Connections of one process to PostgreSQL, at most."
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
    candidate_days: int = Field(
        30,
        ge=0,
        le=3_650,
        description="Signals of images seen in scans are kept so long, for contents that come "
        "later; 0 keeps none.",
    )
    candidate_most: int = Field(
        20_000, ge=1, description="Most of these that are kept, the newest; 35 kB each."
    )
    flood_matches: int = Field(
        50,
        ge=1,
        description="A content that matches at more URLs in 24 hours, and ten times as often as "
        "before, is set apart until an analyst has looked.",
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

    oidc_issuer: str | None = Field(
        None,
        description="Issuer (OpenID Connect) of tokens that people may bring in place of API keys; "
        "unset means none.",
    )
    oidc_audience: str | None = Field(
        None, description="What such a token has to be for, as in its claim `aud`."
    )
    oidc_claim: str = Field("groups", description="Claim that tells what its bearer may do here.")
    oidc_grants: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="What values of that claim give: `value=role` or `value=role@organisation`, "
        "comma-separated.",
    )
    oidc_max_age_s: float = Field(
        3600, gt=0, description="A token is refused so long after it was issued."
    )

    scan_threads: int = Field(
        16,
        ge=0,
        le=64,
        description="URLs that this process looks at at a time; 0 leaves all to `hashsvc worker`.",
    )
    scan_items_per_host: int = Field(
        2, ge=1, description="Of these, most that are of one host; the others go on meanwhile."
    )
    scan_lease_s: float = Field(120, gt=0, description="An item not finished by then is redone.")
    scan_attempts: int = Field(3, ge=1, description="Tries of one scan item before it is dead.")
    scan_retry_s: float = Field(
        30,
        ge=0,
        description="Wait before a failed item is tried again, twice as long each time.",
    )
    scan_repeat_h: float = Field(
        24, ge=0, description="A batch sent again with its Idempotency-Key is known so long."
    )
    scan_images_per_page: int = Field(
        60, ge=1, description="Images looked at on one page, the largest first."
    )
    scan_links_per_page: int = Field(
        8,
        ge=0,
        description="Pages of the same site looked at behind a page's thumbnails and in frames.",
    )
    scan_films_per_page: int = Field(
        2, ge=0, description="Films looked at on one page, where `hashsvc[video]` is installed."
    )

    scan_renderer: str | None = Field(
        None,
        description="Command of a headless Chromium, such as `/usr/bin/chromium`, that runs the "
        "scripts of pages with few images; unset means none. It takes some seconds a page.",
    )

    fetch_timeout_s: float = Field(15, gt=0, description="Longest wait for one read or connect.")
    fetch_connect_s: float = Field(
        10, gt=0, description="Longest time to look up a name and connect to any of its addresses."
    )
    fetch_first_byte_s: float = Field(
        20, gt=0, description="Longest time until an answer's headers are there."
    )
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
        # As a header is written (RFC 9110, 5.5).
        pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        description="How the scanner introduces itself.",
    )
    fetch_downloads_per_host: int = Field(
        4, ge=1, description="Downloads from one host at a time; a browser has six."
    )
    fetch_host_delay_s: float = Field(
        0, ge=0, description="Least time between the beginnings of two downloads from one host."
    )
    fetch_longest_pause_s: float = Field(
        3600, ge=0, description="Longest wait that a site may ask for by `Retry-After`."
    )
    fetch_robots: bool = Field(
        False,
        description="Whether robots.txt is obeyed. It is made for crawlers; this scanner opens "
        "what was reported, as a person would, and a site could hide all re-uploads by one line.",
    )
    fetch_proxies: SecretStr | None = Field(
        None,
        description="Egress proxies, `name=http://host:port` or `name=socks5://host:port`, "
        "comma-separated; that named `default` serves scans that name none. A proxy is told "
        "addresses that were checked, never names, and has to allow CONNECT to the ports above.",
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
    organisation_contact: str | None = Field(
        None, description="Postal address or telephone number in removal requests, in one line."
    )
    signatory: str | None = Field(
        None,
        description="Name and role of the authorised person who signs notices under the law of the "
        "United States; without one none is written.",
    )
    coordinator: str = Field(
        "BIPT, Digital Services Coordinator of Belgium",
        description="Digital Services Coordinator that reports about platforms go to.",
    )
    law_dir: Path | None = Field(
        None, description="Directory with own `legal-*.yaml` files, in place of the shipped ones."
    )
    template_dir: Path | None = Field(
        None, description="Directory with own templates of notices, in place of the shipped ones."
    )
    platforms_file: Path | None = Field(
        None, description="File with own entries of the registry of platforms."
    )
    evidence_tsa_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Time stamping authority (RFC 3161) that evidence bundles are stamped by; it "
        "is told a digest. Unset means none; needs `hashsvc[timestamps]`.",
    )
    rdap: bool = Field(
        False,
        description="Whether rdap.org is asked whom a host's registration names for abuse; it is "
        "told the host.",
    )
    raise_certain: bool = Field(
        False,
        description="Whether a request is drafted for every match of tier `certain` before an "
        "analyst has looked; approving it confirms the match.",
    )
    answer_within_h: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Hours within which a platform is expected to answer where the law says "
        "`timely`; unset means those of the law data.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server for notices, `smtp://user:password@host:port` (STARTTLS) or "
        "`smtps://…`; unset means that notices are sent by hand.",
    )
    recheck_every_h: float = Field(
        24, gt=0, description="A request that was sent is checked so often."
    )
    recheck_gap_s: float = Field(
        3600, ge=0, description="Two checks this far apart must both find an image gone."
    )

    @field_validator("fetch_ports", "fetch_networks", "oidc_grants", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hashsvc.db'}"
