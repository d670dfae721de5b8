"""
The registry of platforms: who can take an image down, and how to reach each of them.

`data/platforms.yaml` is a small shipped set. An entry in the operator's own file replaces the
shipped entry with the same id, or is added. A URL belongs to the entry with the longest domain that
its host equals or ends with. A host without an entry gets a draft entry, and an analyst has to find
its contact.
"""

from collections.abc import Callable, Iterable
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
from hashsvc.removal.notices.fields import Email, OneLine, WebAddress, ascii_host

FIND_CONTACT = "find contact"


def platform_of(url: str) -> str:
    """Return the platform of a URL: the host without a leading `www.`, and the port if unusual."""
    return urlsplit(url).netloc.lower().removeprefix("www.")


class ActorKind(StrEnum):
    """The part that an actor plays in showing an image. Each such actor gets its own request."""

    VERY_LARGE_PLATFORM = "very-large-platform"
    """Designated under Article 33 of the Digital Services Act."""

    HOSTING = "hosting"
    """Any other site that people upload to, or the company that runs a site's machines."""

    CDN = "cdn"
    SEARCH_ENGINE = "search-engine"
    ARCHIVE = "archive"
    REGISTRAR = "registrar"


class ChannelType(StrEnum):
    """How a notice is submitted."""

    EMAIL = "email"
    FORM = "form"
    API = "api"
    CONTACT_POINT = "contact-point"
    """The contact that a provider must name under the DSA (Articles 11 and 12)."""


class Basis(StrEnum):
    """The legal or contractual basis of the notices that a channel takes."""

    DSA_NOTICE = "dsa-notice"
    TAKE_IT_DOWN = "take-it-down"
    ORDER = "order"
    OWN_RULES = "own-rules"
    """The platform's own terms, for example those against intimate images without consent."""

    ABUSE = "abuse"


def _domain(text: str) -> str:
    try:
        host = ascii_host(text)
    except BadNoticeError as error:
        raise ValueError("a domain must be a host name, without port or path") from error
    return host


def _check(field: Callable[[str], object], text: str) -> None:
    """Check at the door what a notice needs later."""
    try:
        field(text)
    except BadNoticeError as error:
        raise ValueError(str(error)) from error


Domain = Annotated[str, AfterValidator(_domain)]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class Channel(DataEntry):
    """One way to submit a notice."""

    type: ChannelType
    address: Annotated[str, StringConstraints(min_length=3, max_length=500)]
    languages: tuple[Tag, ...] = Field(min_length=1)
    basis: Basis
    verified: bool
    note: Text | None = None

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        if "@" in self.address and "://" not in self.address:
            _check(Email, self.address)
            if self.type in {ChannelType.FORM, ChannelType.API}:
                raise ValueError(
                    f"the address of a channel of type {self.type} must begin with https://"
                )
        elif self.type is ChannelType.EMAIL:
            raise ValueError("the address of a channel of type email must be an e-mail address")
        elif not self.address.startswith("https://") or any(map(str.isspace, self.address)):
            raise ValueError(
                f"the address of a channel of type {self.type} must begin with https://"
            )
        else:
            _check(WebAddress, self.address)
        return self


class Platform(DataEntry):
    """
    One actor: its domains, and its channels with the preferred one first.

    Attributes:
        trusted_flagger: How the actor accepts notices from trusted flaggers, if that is known.

        draft: Whether the service made the entry for an unknown host. `note` then says what to do.
    """

    id: Annotated[str, StringConstraints(pattern=r"^(draft:\S+|[a-z0-9][a-z0-9-]*)$")]
    name: str
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
    def _name_fits_notices(self) -> Self:
        if not self.draft:  # A draft has a host for a name, which may look like a hash.
            _check(OneLine, self.name)
        return self

    @model_validator(mode="after")
    def _has_its_source(self) -> Self:
        if not self.draft and self.checked is None:
            raise ValueError("`checked` must be the day on which somebody last looked")
        if not self.draft and not self.source:
            raise ValueError("`source` must have at least one https address")
        if not self.draft and not self.channels and self.note is None:
            raise ValueError("an entry without channels must have a note that says so")
        return self

    def channel(self, *bases: Basis) -> Channel | None:
        """Try each basis in turn, and return the first channel for it. Return None if none fits."""
        for basis in bases:
            for each in self.channels:
                if each.basis is basis:
                    return each
        return None


class PlatformFile(DataEntry):
    """The content of a platforms file."""

    version: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d+)?$")]
    platforms: tuple[Platform, ...]

    @field_validator("platforms")
    @classmethod
    def _ids_are_unique(cls, platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
        ids = [each.id for each in platforms]
        for each in ids:
            if ids.count(each) > 1:
                raise ValueError(f"two entries have the id {each!r}")
        return platforms


@dataclass(frozen=True, slots=True)
class Registry:
    """
    All known actors: the shipped ones and the operator's own.

    Attributes:
        version: The version of the shipped file, and of the operator's own file if there is one.
    """

    platforms: tuple[Platform, ...]
    version: str

    def actor_of(self, url_or_host: str) -> Platform:
        """
        Return the entry with the longest domain that fits a URL or host, else a draft entry.

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
        """Return the entry with an id, or None."""
        return next((each for each in self.platforms if each.id == platform_id), None)

    def with_own(self, own: Iterable[Platform]) -> "Registry":
        """
        Return a registry with more entries, which replace entries with the same ids.

        Raises:
            DataFileError: If two entries have the same domain.
        """
        merged = {each.id: each for each in self.platforms} | {each.id: each for each in own}
        _check_domains(merged.values())
        return Registry(tuple(merged.values()), self.version)


def host_of(url_or_host: str) -> str:
    """
    Return the host of a URL, or of `host` or `host:port`, in ASCII and without its port.

    Raises:
        BadNoticeError: If the text contains no valid host.
    """
    text = url_or_host.strip()
    if text.count(":") > 1 and "://" not in text and "[" not in text:
        return ascii_host(text)  # An IPv6 address without brackets.
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError as error:
        raise BadNoticeError("A host must be a name or an IP address.") from error
    return ascii_host(host or "")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def draft_entry(host: str) -> Platform:
    """Return a draft entry for an unknown host. An analyst has to find its contact."""
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
    Return the shipped registry, with the operator's own entries in place of shipped ones.

    Raises:
        DataFileError: If a file breaks a rule. The message is one line that names the file, the
            entry and the rule.
    """
    shipped = (files("hashsvc.removal") / "data" / "platforms.yaml").read_text("utf-8")
    content = read_platforms(shipped, name="platforms.yaml")
    registry = Registry(content.platforms, content.version)
    if own is None:
        return registry
    try:
        text = own.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"{own.name}: the file must exist, be readable, and be UTF-8"
        ) from error
    content = read_platforms(text, name=own.name)
    try:
        merged = registry.with_own(content.platforms)
    except DataFileError as error:
        raise DataFileError(f"{own.name}: {error}") from error
    return Registry(merged.platforms, f"{registry.version} + {content.version}")


def read_platforms(text: str, *, name: str) -> PlatformFile:
    """
    Return the content of a platforms file.

    Raises:
        DataFileError: If the file breaks a rule. The message is one line that names the file, the
            entry and the rule.
    """
    content = read_yaml(text, PlatformFile, name=name)
    try:
        _check_domains(content.platforms)
    except DataFileError as error:
        raise DataFileError(f"{name}: {error}") from error
    return content


def _check_domains(platforms: Iterable[Platform]) -> None:
    """Raise DataFileError if two entries have the same domain, or an entry is a draft."""
    seen: dict[str, str] = {}
    for each in platforms:
        if each.draft or each.id.startswith("draft:"):
            raise DataFileError(
                f"platforms entry {each.id}: draft: a file must not contain draft entries"
            )
        for domain in each.domains:
            if "." not in domain and ":" not in domain:
                raise DataFileError(
                    f"platforms entry {each.id}: domains: a domain must contain a dot"
                )
            if seen.setdefault(domain, each.id) != each.id:
                raise DataFileError(
                    f"platforms entry {each.id}: domains: {seen[domain]} has {domain} too"
                )
