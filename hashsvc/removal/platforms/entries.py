"""
Who can take an image down, and how each is reached: the registry of platforms.

`data/platforms.yaml` is a small shipped set; the operator's own file replaces an entry of the same
id, or adds one. Which of them a URL is on, its host says: the longest domain that it is or ends
with. A host that nobody entered has a draft entry, for an analyst to find the contact of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from hashsvc.removal.errors import BadNoticeError, DataFileError
from hashsvc.removal.law.legal import Text, WebSource
from hashsvc.removal.law.yaml_files import DataEntry, read_yaml
from hashsvc.removal.notices.fields import MAX_HOST, Email, ascii_host

FIND_CONTACT = "find contact"


def platform_of(url: str) -> str:
    """Return the platform of a URL: its host, without a leading `www.`, with an unusual port."""
    return urlsplit(url).netloc.lower().removeprefix("www.")


class ActorKind(StrEnum):
    """What an actor does with an image; a request goes to each that has a part in it."""

    VERY_LARGE_PLATFORM = "very-large-platform"
    """Designated under Article 33 of the Digital Services Act."""

    HOSTING = "hosting"
    """Any other site that people upload to, or the company whose machines a site is on."""

    CDN = "cdn"
    SEARCH_ENGINE = "search-engine"
    ARCHIVE = "archive"
    REGISTRAR = "registrar"


class ChannelType(StrEnum):
    """How a notice is handed in."""

    EMAIL = "email"
    FORM = "form"
    API = "api"
    CONTACT_POINT = "contact-point"
    """What the Digital Services Act makes a provider name (Articles 11 and 12)."""


class Basis(StrEnum):
    """What a channel is for."""

    DSA_NOTICE = "dsa-notice"
    TAKE_IT_DOWN = "take-it-down"
    ORDER = "order"
    OWN_RULES = "own-rules"
    """The platform's own terms, such as one against intimate images without consent."""

    ABUSE = "abuse"


def _domain(text: str) -> str:
    try:
        host = ascii_host(text)
    except BadNoticeError as error:
        raise ValueError("a domain is a host name, without port or path") from error
    return host


Domain = Annotated[str, AfterValidator(_domain)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class Channel(DataEntry):
    """One way to hand in a notice."""

    type: ChannelType
    address: Annotated[str, StringConstraints(min_length=3, max_length=500)]
    languages: tuple[Tag, ...] = Field(min_length=1)
    basis: Basis
    verified: bool
    note: Text | None = None

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        if "@" in self.address and "://" not in self.address:
            try:
                Email(self.address)
            except BadNoticeError as error:
                raise ValueError(str(error)) from error
            if self.type in {ChannelType.FORM, ChannelType.API}:
                raise ValueError(f"the address of a channel of type {self.type} begins https://")
        elif self.type is ChannelType.EMAIL:
            raise ValueError("the address of a channel of type email is an e-mail address")
        elif not self.address.startswith("https://") or any(map(str.isspace, self.address)):
            raise ValueError(f"the address of a channel of type {self.type} begins https://")
        return self


class Platform(DataEntry):
    """
    One actor: the domains by which it is known, and its channels, the preferred one first.

    Attributes:
        trusted_flagger: What is known of how it takes notices of trusted flaggers.

        draft: Whether nobody has entered it: `note` then says what to do.
    """

    id: Annotated[str, StringConstraints(pattern=r"^(draft:\S+|[a-z0-9][a-z0-9-]*)$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_HOST)]
    domains: tuple[Domain, ...] = Field(min_length=1)
    kind: ActorKind
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None
    channels: tuple[Channel, ...] = ()
    trusted_flagger: Text | None = None
    checked: date | None
    source: tuple[WebSource, ...] = ()
    note: Text | None = None
    draft: bool = False

    @model_validator(mode="after")
    def _says_where_from(self) -> Self:
        if not self.draft and self.checked is None:
            raise ValueError("`checked` is the day on which somebody last looked")
        if not self.draft and not self.source:
            raise ValueError("`source` has at least one https address")
        if not self.draft and not self.channels and self.note is None:
            raise ValueError("an entry without channels has a note that says so")
        return self

    def channel(self, *bases: Basis) -> Channel | None:
        """Return the first channel for any of these, in their order; None if there is none."""
        for basis in bases:
            for each in self.channels:
                if each.basis is basis:
                    return each
        return None


class PlatformFile(DataEntry):
    """What a platforms file holds."""

    version: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d+)?$")]
    platforms: tuple[Platform, ...]

    @field_validator("platforms")
    @classmethod
    def _nobody_twice(cls, platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
        ids = [each.id for each in platforms]
        for each in ids:
            if ids.count(each) > 1:
                raise ValueError(f"the id {each!r} stands twice")
        return platforms


@dataclass(frozen=True, slots=True)
class Registry:
    """
    The actors that are known, shipped and the operator's own.

    Attributes:
        version: Of the shipped set, and of the operator's own if there is one.
    """

    platforms: tuple[Platform, ...]
    version: str

    def of(self, url_or_host: str) -> Platform:
        """
        Return whose a URL or host is: of the longest domain that fits, else a draft entry.

        Raises:
            BadNoticeError: If the text is neither a URL with a host, nor a host.
        """
        host = host_of(url_or_host)
        is_address = _is_address(host)
        found: tuple[int, Platform] | None = None
        for each in self.platforms:
            for domain in each.domains:
                fits = host == domain or (not is_address and host.endswith(f".{domain}"))
                if fits and (found is None or len(domain) > found[0]):
                    found = (len(domain), each)
        return found[1] if found else draft_entry(host)

    def by_id(self, platform_id: str) -> Platform | None:
        """Return an entry by its id; None if there is none."""
        return next((each for each in self.platforms if each.id == platform_id), None)

    def with_own(self, own: Iterable[Platform]) -> "Registry":
        """Return a registry in which these entries replace those of the same id, or are added."""
        merged = {each.id: each for each in self.platforms} | {each.id: each for each in own}
        _check_domains(merged.values())
        return Registry(tuple(merged.values()), self.version)


def host_of(url_or_host: str) -> str:
    """
    Return the host of a URL, or of `host` or `host:port`, in ASCII and without its port.

    Raises:
        BadNoticeError: If there is none.
    """
    text = url_or_host.strip()
    if text.count(":") > 1 and "://" not in text and "[" not in text:
        return ascii_host(text)  # An IPv6 address without its brackets.
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError as error:
        raise BadNoticeError("A host is a name or an IP address.") from error
    return ascii_host(host or "")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def draft_entry(host: str) -> Platform:
    """Return the entry of a host that nobody has entered: an analyst finds its contact."""
    name = host.removeprefix("www.")
    return Platform(
        id=f"draft:{name}",
        name=name,
        domains=(name,),
        kind=ActorKind.HOSTING,
        country=None,
        checked=None,
        note=FIND_CONTACT,
        draft=True,
    )


def load_platforms(own: Path | None = None) -> Registry:
    """
    Return the shipped registry, with the operator's own entries over it.

    Raises:
        DataFileError: If a file cannot be used; one line, with the file, the entry and the rule.
    """
    shipped = (files("hashsvc.removal") / "data" / "platforms.yaml").read_text("utf-8")
    content = read_platforms(shipped, name="platforms.yaml")
    registry = Registry(content.platforms, content.version)
    if own is None:
        return registry
    try:
        text = own.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{own.name}: the file is there, to be read, and UTF-8") from error
    content = read_platforms(text, name=own.name)
    try:
        merged = registry.with_own(content.platforms)
    except DataFileError as error:
        raise DataFileError(f"{own.name}: {error}") from error
    return Registry(merged.platforms, f"{registry.version} + {content.version}")


def read_platforms(text: str, *, name: str) -> PlatformFile:
    """
    Return what a platforms file holds.

    Raises:
        DataFileError: If it breaks a rule; one line, with the file, the entry and the rule.
    """
    content = read_yaml(text, PlatformFile, name=name)
    try:
        _check_domains(content.platforms)
    except DataFileError as error:
        raise DataFileError(f"{name}: {error}") from error
    return content


def _check_domains(platforms: Iterable[Platform]) -> None:
    """Refuse a domain in two entries: which of them a URL is on could not be told."""
    seen: dict[str, str] = {}
    for each in platforms:
        if each.draft or each.id.startswith("draft:"):
            raise DataFileError(f"platforms entry {each.id}: draft: a file has no draft entries")
        for domain in each.domains:
            if "." not in domain and ":" not in domain:
                raise DataFileError(f"platforms entry {each.id}: domains: a domain has a dot in it")
            if seen.setdefault(domain, each.id) != each.id:
                raise DataFileError(
                    f"platforms entry {each.id}: domains: {domain} is of {seen[domain]} too"
                )
