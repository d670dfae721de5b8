"""The settings of the service, from environment variables HASHSVC_… or a .env file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from hashsvc.request_settings import Network, RequestSettings, split_commas

__all__ = ["Network", "Settings"]


class Settings(RequestSettings):
    """Every setting of the service, with its unit and its default."""

    model_config = SettingsConfigDict(
        env_prefix="HASHSVC_", env_file=".env", extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        Path("data"),
        description="Directory of the database file, the key files, the anchor of the audit log "
        "and the list of erased ids.",
    )
    database_url: str | None = Field(
        None,
        # The URL may hold a password.
        repr=False,
        description="SQLAlchemy URL of the database, such as "
        "`postgresql+psycopg://user@host/name`. If unset, the service uses SQLite in the data "
        "directory.",
    )
    database_connections: int = Field(
        15,
        ge=2,
        le=1000,
        description="Largest number of connections to PostgreSQL that one process opens.",
    )
    key_encryption_key: SecretStr | None = Field(
        None, description="Key that encrypts all other keys: 32 bytes as base64 or hexadecimal."
    )
    key_encryption_key_file: Path | None = Field(
        None,
        description="File with the key-encryption key. If no key, file or command is set, the "
        "service keeps the key in a file in the data directory.",
    )
    key_encryption_key_command: str | None = Field(
        None,
        description="Command that prints the key-encryption key, such as a KMS client. It "
        "runs without a shell.",
    )

    case_lifetime_days: int = Field(
        730,
        ge=1,
        le=36_500,
        description="Days until a case expires after it was opened or renewed.",
    )
    scan_lifetime_days: int = Field(
        365, ge=1, le=36_500, description="Days until the URLs of a finished scan are deleted."
    )
    candidate_days: int = Field(
        30,
        ge=0,
        le=3_650,
        description="Days for which signals of images seen in scans are kept, to compare them"
        " with contents that are added later. 0 keeps none.",
    )
    candidate_most: int = Field(
        20_000,
        ge=1,
        description="Largest number of images whose signals are kept for later contents. The "
        "newest are kept; each takes 35 kB.",
    )
    flood_matches: int = Field(
        50,
        ge=1,
        description="Number of URLs at which a content may match in 24 hours. If it matches "
        "at more URLs, and ten times as often as before, its matches wait in quarantine until an "
        "analyst decides.",
    )
    purge_within_h: float = Field(
        24, ge=0, description="Hours until the database file is rewritten after a withdrawal."
    )

    engine: Literal["auto", "faiss"] = Field(
        "auto",
        description="How the bank is searched: `auto` by multi-index hashing, `faiss` by "
        "brute force.",
    )

    audit_key_file: Path | None = Field(
        None,
        description="File with the key that signs the audit log. If unset, the service uses "
        "`audit-signing-key` in the data directory. The service makes the file if it is missing.",
    )
    audit_anchor_file: Path | None = Field(
        None,
        description="File to which the service adds signed checkpoints. If unset, the file is "
        "`audit.anchor` in the data directory.",
    )
    audit_checkpoint_s: float = Field(
        3600, gt=0, description="Seconds between two checkpoints of the audit log."
    )

    oidc_issuer: str | None = Field(
        None,
        description="OpenID Connect issuer of tokens that people may use in place of API "
        "keys. If unset, only API keys are accepted.",
    )
    oidc_audience: str | None = Field(
        None, description="Audience that a person's token must name in its claim `aud`."
    )
    oidc_claim: str = Field(
        "groups", description="Claim of a person's token that says what the person may do."
    )
    oidc_grants: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Roles that each value of the claim (see HASHSVC_OIDC_CLAIM) grants, "
        "comma-separated: `value=role` or `value=role@organisation`.",
    )
    oidc_max_age_s: float = Field(
        3600, gt=0, description="Seconds for which a person's token is accepted after its issue."
    )

    scan_threads: int = Field(
        16,
        ge=0,
        le=64,
        description="URLs that this process scans at the same time. 0 leaves all scans to "
        "`hashsvc worker`.",
    )
    scan_items_per_host: int = Field(
        2, ge=1, description="URLs of one host that this process scans at the same time."
    )
    scan_lease_s: float = Field(
        120,
        gt=0,
        description="Seconds that a worker has to scan one URL. After that, another worker "
        "may scan it.",
    )
    scan_attempts: int = Field(
        3, ge=1, description="Times that a URL is tried before the scan gives it up."
    )
    scan_retry_s: float = Field(
        30,
        ge=0,
        description="Seconds until a failed URL is tried again. The wait doubles with each try.",
    )
    scan_repeat_h: float = Field(
        24,
        ge=0,
        description="Hours for which the service recognises a batch that is sent again with the "
        "same Idempotency-Key.",
    )
    scan_images_per_page: int = Field(
        60,
        ge=1,
        description="Largest number of images that are looked at on one page. The largest images "
        "come first.",
    )
    scan_links_per_page: int = Field(
        8,
        ge=0,
        description="Largest number of links that the scanner follows from a page's thumbnails, "
        "within the same site. Also the largest number of frames that it opens in a page.",
    )
    scan_films_per_page: int = Field(
        2,
        ge=0,
        description="Largest number of films that are looked at on one page. Needs "
        "`hashsvc[video]`.",
    )

    scan_renderer: str | None = Field(
        None,
        description="Command of a headless Chromium, such as `/usr/bin/chromium`, that runs "
        "the scripts of pages with few images. This takes some seconds a page. If"
        " unset, no scripts run.",
    )
    scan_renderer_isolation: Literal["namespace", "flags"] = Field(
        "namespace",
        description="What keeps the browser of `HASHSVC_SCAN_RENDERER` behind the service's proxy: "
        "`namespace` uses an empty network namespace and Chromium's switches, `flags` only the "
        "switches. Use `flags` only where the system forbids user namespaces.",
    )

    fetch_timeout_s: float = Field(
        15, gt=0, description="Longest wait for one read or one connection, in seconds."
    )
    fetch_connect_s: float = Field(
        10,
        gt=0,
        description="Longest time to look up a name and connect to one of its addresses, in "
        "seconds.",
    )
    fetch_first_byte_s: float = Field(
        20,
        gt=0,
        description="Longest time until the headers of an answer have arrived, in seconds.",
    )
    fetch_total_s: float = Field(60, gt=0, description="Longest time for one download, in seconds.")
    fetch_max_bytes: int = Field(50_000_000, ge=1_000, description="Largest download, in bytes.")
    fetch_redirects: int = Field(
        5, ge=0, description="Largest number of redirects that are followed for one download."
    )
    fetch_ports: Annotated[frozenset[int], NoDecode] = Field(
        frozenset({80, 443}), description="Ports that the scanner may connect to, comma-separated."
    )
    fetch_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (),
        description="Networks that are not public and that the scanner may still connect to, "
        "in CIDR notation, comma-separated.",
    )
    fetch_user_agent: str = Field(
        "hashsvc/0.1 (finds re-uploads of intimate images; run for a victim-support body)",
        # RFC 9110, 5.5, allows these characters in a header.
        pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        description="User-Agent header that the scanner sends.",
    )
    fetch_downloads_per_host: int = Field(
        4,
        ge=1,
        description="Downloads from one host that run at the same time. Browsers allow six.",
    )
    fetch_host_delay_s: float = Field(
        0,
        ge=0,
        description="Shortest time between the starts of two downloads from one host, in seconds.",
    )
    fetch_longest_pause_s: float = Field(
        3600,
        ge=0,
        description="Longest time that a site may make the scanner wait by `Retry-After`, in "
        "seconds.",
    )
    fetch_robots: bool = Field(
        False,
        description="Whether the scanner obeys robots.txt. That file is for crawlers; the "
        "scanner opens reported URLs as a person would, and a site could hide all"
        " re-uploads with one line.",
    )
    fetch_proxies: SecretStr | None = Field(
        None,
        description="Proxies for outgoing requests, comma-separated: `name=http://host:port` "
        "or `name=socks5://host:port`. Scans that name none use the proxy "
        "`default`. The scanner gives a proxy the address that it has checked, not the name. A "
        "proxy must allow CONNECT to HASHSVC_FETCH_PORTS.",
    )

    image_max_bytes: int = Field(
        50_000_000,
        ge=1_000,
        le=4_000_000_000,
        description="Largest image file that is signed, in bytes.",
    )
    image_max_pixels: int = Field(
        150_000_000,
        ge=1,
        description="Largest number of pixels that an image may have, according to its header. A"
        " large JPEG that is not progressive, and a HEIF or AVIF made of tiles, may have eight"
        " times as many, because they are decoded at a fraction of their size.",
    )
    image_max_frames: int = Field(
        64,
        ge=1,
        le=1000,
        description="Largest number of pictures of an image that are signed: distinct frames of an"
        " animation, and sections of a long image.",
    )
    image_max_seconds: float = Field(
        10, gt=0, description="Longest time to decode and sign one image, in seconds."
    )
    image_max_memory_bytes: int = Field(
        536_870_912,
        ge=50_000_000,
        description="Largest amount of memory for one image, in bytes. The default is enough for a "
        "JPEG of 200 megapixels or a HEIF of 108, as phones write them, or any other image of 24 "
        "megapixels.",
    )

    organisation: str = Field(
        "Institute for the Equality of Women and Men",
        description="Name of the sender in removal requests.",
    )
    organisation_email: str = Field(
        "notices@example.org",
        description="E-mail address to which platforms answer removal requests.",
    )
    organisation_contact: str | None = Field(
        None,
        description="Postal address or telephone number in removal requests, in one line. If "
        "unset, neither is given.",
    )
    signatory: str | None = Field(
        None,
        description="Name and role of the authorised person who signs notices under the law "
        "of the United States. If unset, such notices are not written.",
    )
    coordinator: str = Field(
        "BIPT, Digital Services Coordinator of Belgium",
        description="Digital Services Coordinator to whom complaints about platforms "
        "(referrals) are addressed.",
    )
    law_dir: Path | None = Field(
        None,
        description="Directory with your own `legal-*.yaml` files. If unset, the service uses the "
        "shipped law data.",
    )
    template_dir: Path | None = Field(
        None,
        description="Directory with your own templates of notices. If unset, the service uses "
        "the shipped templates.",
    )
    platforms_file: Path | None = Field(
        None,
        description="YAML file with your own entries of the registry of platforms. If unset, "
        "only the shipped entries are used.",
    )
    evidence_tsa_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="URL of the time-stamping authority (RFC 3161) that stamps evidence "
        "bundles. It receives only a digest. If unset, bundles have no time "
        "stamp. Needs `hashsvc[timestamps]`.",
    )
    rdap: bool = Field(
        False,
        description="Whether the service asks rdap.org for the abuse contact of a host. "
        "rdap.org then learns the host.",
    )
    raise_certain: bool = Field(
        False,
        description="Whether a removal request is drafted for every match of tier `certain` "
        "before an analyst has looked. An analyst who approves the request "
        "confirms the match.",
    )
    answer_within_h: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Hours within which a platform should answer where the law says `timely`."
        " If unset, the hours in the law data apply.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server for notices: `smtp://user:password@host:port` (STARTTLS) or "
        "`smtps://…`. If unset, analysts send notices by hand.",
    )
    recheck_every_h: float = Field(
        24, gt=0, description="Hours between two re-checks of a request that was sent."
    )
    recheck_gap_s: float = Field(
        3600,
        ge=0,
        description="Shortest time between the two re-checks that must both find an image gone, "
        "in seconds.",
    )

    @field_validator("fetch_ports", "fetch_networks", "oidc_grants", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return split_commas(value)

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hashsvc.db'}"
