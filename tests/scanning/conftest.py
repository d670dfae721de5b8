"""Fixtures of an odd web site, of host names, and of a service of real parts."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hashsvc.scanning import Fetcher
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers.set_clock import SetClock
from tests.scanning.support import Names, OddSite, Service


@pytest.fixture
def site() -> Iterator[OddSite]:
    """Return an empty site on loopback."""
    with OddSite() as site:
        yield site


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Return host names that resolve without a real resolver."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def fetcher(settings: Settings) -> Iterator[Fetcher]:
    """Return a fetcher that may reach 127.0.0.0/8, on any port."""
    with Fetcher(settings) as fetcher:
        yield fetcher


@pytest.fixture
def change(settings: Settings) -> Iterator[Callable[..., Fetcher]]:
    """Return a function that makes a fetcher with changed settings."""
    opened: list[Fetcher] = []

    def make(**others: Any) -> Fetcher:
        opened.append(Fetcher(settings.model_copy(update=others)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def clock() -> SetClock:
    """Return the clock of the service."""
    return SetClock(datetime(2030, 1, 1, tzinfo=UTC))


@pytest.fixture
def service(settings: Settings, database: Database, clock: SetClock) -> Iterator[Service]:
    """Return a service with an empty bank."""
    service = Service(settings, database, clock)
    yield service
    service.fetcher.close()
