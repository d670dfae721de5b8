"""Asks RDAP for the contact of a host that has no entry in the registry."""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hashsvc.removal.platforms.entries import Platform
from hashsvc.removal.platforms.rdap import RdapAnswer, draft_with_contact
from hashsvc.removal.platforms.registry import find, subject_of
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.scanning import Fetcher, FetchError
from hashsvc.store.platform_entries import RdapAnswers


class Contacts:
    """
    The registry of platforms, and contacts of hosts that have no entry in it.

    Args:
        fetcher: Fetches from RDAP servers; None if RDAP is switched off.
    """

    def __init__(self, context: RemovalContext, fetcher: Fetcher | None) -> None:
        self._context = context
        self._fetcher = fetcher

    @property
    def asks(self) -> bool:
        """Whether RDAP is switched on."""
        return self._fetcher is not None

    def of(self, platform: str, *, actor: str) -> Platform:
        """
        Return the entry for an id or a host. If there is none, return a draft with RDAP's contact.

        Raises:
            UnknownPlatformError: If the text is neither an id nor a host.
        """
        context = self._context
        with context.database.read() as connection:
            found = find(context.platforms.registry(connection), platform)
            known = dict(_Cache(RdapAnswers(connection)))
        before = dict(known)
        if found.draft:
            name, now = found.name, context.clock()
            found = draft_with_contact(name, fetch=self._fetch, cache=known, now=now)
        with context.database.write() as connection:
            cache = _Cache(RdapAnswers(connection))
            for host, answer in known.items():
                if before.get(host) != answer:
                    cache[host] = answer
            context.record(
                connection, actor, "platform.read", subject_of(found.id), context.clock()
            )
        return found

    def _fetch(self, address: str) -> Mapping[str, Any] | None:
        if self._fetcher is None:
            return None
        try:
            content = json.loads(self._fetcher.get(address).body)
        except (FetchError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def with_known_contact(connection: Connection, entry: Platform, *, now: datetime) -> Platform:
    """Return an entry. If it is a draft, add the contact that RDAP named before, if any."""
    if not entry.draft:
        return entry
    known = dict(_Cache(RdapAnswers(connection)))
    return draft_with_contact(entry.name, fetch=lambda _: None, cache=known, now=now)


class _Cache(MutableMapping[str, RdapAnswer]):
    """The stored answers of RDAP, by host."""

    def __init__(self, rows: RdapAnswers) -> None:
        self._rows = rows

    def __getitem__(self, host: str) -> RdapAnswer:
        return RdapAnswer(*self._rows[host])

    def __setitem__(self, host: str, answer: RdapAnswer) -> None:
        self._rows[host] = (answer.email, answer.asked_at)

    def __delitem__(self, host: str) -> None:
        del self._rows[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
