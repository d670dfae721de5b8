"""
Drafts an entry for an unknown host, with its abuse contact from RDAP (RFC 9083).

This module opens no connections: the caller passes in a function that fetches, and a cache. Without
a network the result is a plain draft, and an analyst has to find the contact.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.notices.fields import Email
from hashsvc.removal.platforms.entries import (
    FIND_CONTACT,
    Basis,
    Channel,
    ChannelType,
    Platform,
    draft_entry,
    host_of,
)

# This server redirects each query to the responsible RDAP server, which it finds as in RFC 9224.
SERVICE = "https://rdap.org"
FRESH_FOR = timedelta(days=30)
_MOST_TRIES = 3
_DEEPEST = 6

Fetch = Callable[[str], Mapping[str, Any] | None]
"""Returns the JSON at an address, or None if there is no JSON or no network."""


@dataclass(frozen=True, slots=True)
class RdapAnswer:
    """The abuse contact that RDAP named for a host, or None, and the time of the answer."""

    email: str | None
    asked_at: datetime


def draft_with_contact(
    url_or_host: str, *, fetch: Fetch, cache: MutableMapping[str, RdapAnswer], now: datetime
) -> Platform:
    """
    Return the draft entry of a host, with the abuse contact of its registration if there is one.

    The contact is unverified, and often the registrar's rather than the site's. The note says so.

    Args:
        cache: Answers by host, used for 30 days. An answer without a contact is stored too; a
            failed fetch is not.

    Raises:
        BadNoticeError: If the text contains no valid host.
    """
    host = host_of(url_or_host)
    known = cache.get(host)
    if known is None or now - known.asked_at > FRESH_FOR:
        answered, email = _ask(host, fetch)
        known = RdapAnswer(email, now)
        if answered:
            cache[host] = known
    return _entry(host, known.email, now.date())


def _ask(host: str, fetch: Fetch) -> tuple[bool, str | None]:
    """Return whether an RDAP server answered, and the abuse address that it named."""
    for address in _addresses(host):
        content = fetch(address)
        if content is not None:
            return True, _abuse_email(content)
    return False, None


def _addresses(host: str) -> Iterator[str]:
    try:
        ip_address(host)
    except ValueError:
        labels = host.split(".")
        # A registered name has two or three labels, so only such names can have an answer.
        for length in range(min(len(labels), _MOST_TRIES), 1, -1):
            yield f"{SERVICE}/domain/{'.'.join(labels[-length:])}"
        return
    yield f"{SERVICE}/ip/{host}"


def _abuse_email(content: Mapping[str, Any]) -> str | None:
    for entity in _entities(content, _DEEPEST):
        roles = entity.get("roles")
        if isinstance(roles, list) and "abuse" in roles:
            for email in _emails(entity.get("vcardArray")):
                return email
    return None


def _entities(content: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    entities = content.get("entities")
    for each in entities if isinstance(entities, list) else ():
        if isinstance(each, Mapping):
            yield each
            if depth > 0:
                yield from _entities(each, depth - 1)


def _emails(card: object) -> Iterator[str]:
    """Yield the valid e-mail addresses of a jCard (RFC 7095)."""
    properties = card[1] if isinstance(card, list) and len(card) > 1 else None
    for each in properties if isinstance(properties, list) else ():
        if isinstance(each, list) and len(each) > 3 and each[0] == "email":
            try:
                yield Email(str(each[3]).removeprefix("mailto:")).text
            except BadNoticeError:
                continue


def _entry(host: str, email: str | None, on: date) -> Platform:
    draft = draft_entry(host)
    if email is None:
        return draft
    channel = Channel(
        type=ChannelType.EMAIL,
        address=email,
        languages=("en",),
        basis=Basis.ABUSE,
        verified=False,
        note="From RDAP. It may be the contact of the registrar or the network, not of the site.",
    )
    note = f"{FIND_CONTACT}: the one given is from RDAP and was not verified"
    changes = {"channels": (channel,), "checked": on, "source": (f"{SERVICE}/",), "note": note}
    return draft.model_copy(update=changes)
