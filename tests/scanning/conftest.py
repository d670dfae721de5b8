"""A web site that answers in odd ways, names that resolve at will, and a scanner of real parts."""

import io
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

import pytest
from PIL import Image, ImageOps

from hashsvc.bank import Bank, NewContent
from hashsvc.clock import Clock
from hashsvc.matching import BankIndex
from hashsvc.scanning import BatchLine, Fetcher, FetchError, Leases, Look, Looker, Scanner, WorkList
from hashsvc.settings import Settings
from hashsvc.signals import sign_image
from hashsvc.store import Database, matches
from hashsvc.store.ids import KeyId, PublicContentId
from hashsvc.store.matches import Match
from hashsvc.store.scans import Item
from tests.conftest import jpeg
from tests.helpers.site import Site

Answer = Callable[[BaseHTTPRequestHandler], None]
REPORTER = KeyId("reporter")


def gif(*pictures: Image.Image) -> bytes:
    """Return an animation of these pictures as a file's bytes."""
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def lines(*texts: str) -> list[BatchLine]:
    """Return texts as the lines of a batch."""
    return [BatchLine(number, text) for number, text in enumerate(texts, start=1)]


class OddSite(Site):
    """
    A site of which any path may answer by a function.

    Attributes:
        asked: Path and headers of each request, in order.

        connections: How many were made to it.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Message]] = []
        self.connections = 0
        self._answers: dict[str, Answer] = {}
        super().__init__()

    def __enter__(self) -> Self:
        # The server looks that often whether it shall end.
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def answer(self, path: str, by: Answer) -> str:
        """Let a function write the answer at a path, and return its URL."""
        self._answers[path] = by
        return self.url + path

    def add(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Put an answer with these headers on the site and return its URL."""

        def by(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return self.answer(path, by)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(super()._handler()):  # type: ignore[misc]
            def setup(self) -> None:
                site.connections += 1
                super().setup()

            def do_GET(self) -> None:  # noqa: N802 - BaseHTTPRequestHandler looks for it.
                site.asked.append((self.path, self.headers))
                by = site._answers.get(self.path)
                by(self) if by else super().do_GET()

            def handle(self) -> None:
                with suppress(ConnectionError):  # The fetcher had enough.
                    super().handle()

        return Handler


@dataclass
class Names:
    """
    What host names resolve to: each look-up takes the next answer, the last one stays.

    Attributes:
        asked: The names that were looked up, in order.
    """

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in self.answers:
            return _getaddrinfo(host, *args, **kwargs)
        self.asked.append(host)
        answers = self.answers[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [each for one in addresses for each in _getaddrinfo(one, *args, **kwargs)]


_getaddrinfo = socket.getaddrinfo


@dataclass
class SetClock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move it forward."""
        self.now += timedelta(seconds=seconds)


class Service:
    """The parts of a service around one scanner, without HTTP and without threads of its own."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock
        self.bank = Bank(database, clock)
        self.bank_index = BankIndex(database)
        self.fetcher = Fetcher(settings)
        self.looker = Looker(self.fetcher, images_per_page=settings.scan_images_per_page)
        self.work_list = WorkList(settings, database, clock)
        self.scanner = self.another_scanner()

    def another_scanner(self, **other_parts: Any) -> Scanner:
        """Return a scanner of the same service, with some parts exchanged."""
        settings = other_parts.pop("settings", self.settings)
        database = other_parts.pop("database", self.database)
        parts = {
            "settings": settings,
            "leases": Leases(settings, database, self.clock),
            "bank_index": self.bank_index,
            "looker": self.looker,
            "work_came": self.work_list.work_came,
        }
        return Scanner(**(parts | other_parts))

    def open_case(self, *photos: Image.Image) -> str:
        """Open a case of these photos and return its number."""
        number = self.bank.open_case(adult=True, actor="intake").number
        contents = [
            NewContent(PublicContentId(secrets.token_hex(16)), sign_image(jpeg(each)).whole())
            for each in photos
        ]
        self.bank.add_contents(number, contents, actor="intake")
        return number

    def scan(self, *urls: str) -> str:
        """Submit URLs and return the scan's id."""
        return self.work_list.submit(lines(*urls), actor=REPORTER).scan_id

    def finish(self) -> int:
        """Work until nothing is due, and return how many items that were."""
        worked = 0
        while self.scanner.work_once():
            worked += 1
        return worked

    def items(self, scan: str) -> list[Item]:
        """Return the items of a scan."""
        return self.work_list.items(scan, after=0, limit=1000)

    def states(self, scan: str) -> list[tuple[str, str | None]]:
        """Return state and reason of each item of a scan."""
        return [(each.state, each.reason) for each in self.items(scan)]

    def matches(self) -> list[Match]:
        """Return every match in the database."""
        with self.database.read() as connection:
            return matches.search(connection, state=None, scan_id=None, limit=1000)


@pytest.fixture
def site() -> Iterator[OddSite]:
    """An empty site on loopback."""
    with OddSite() as site:
        yield site


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names that no resolver is asked for."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def fetcher(settings: Settings) -> Iterator[Fetcher]:
    """A fetcher that may reach 127.0.0.0/8, on any port."""
    with Fetcher(settings) as fetcher:
        yield fetcher


@pytest.fixture
def change(settings: Settings) -> Iterator[Callable[..., Fetcher]]:
    """What makes a fetcher with other settings."""
    opened: list[Fetcher] = []

    def make(**others: Any) -> Fetcher:
        opened.append(Fetcher(settings.model_copy(update=others)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def clock() -> SetClock:
    """The time of the service."""
    return SetClock()


@pytest.fixture
def service(settings: Settings, database: Database, clock: SetClock) -> Iterator[Service]:
    """A service with an empty bank."""
    service = Service(settings, database, clock)
    yield service
    service.fetcher.close()


def refused(fetcher: Fetcher, url: str, **how: Any) -> FetchError:
    """Return why a URL cannot be fetched."""
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, **how)
    return caught.value


def altered(photo: Image.Image) -> bytes:
    """Return a copy as people make them: mirrored, smaller, compressed again."""
    return jpeg(ImageOps.mirror(photo).resize((320, 240)), quality=50)


class OtherLooker:
    """A looker that does something before it looks."""

    def __init__(self, looker: Looker, before: Callable[[str], object]) -> None:
        self._looker = looker
        self._before = before

    def look(
        self, url: str, *, deadline: float | None = None, via: str | None = None
    ) -> Iterator[Look]:
        self._before(url)
        return self._looker.look(url, deadline=deadline, via=via)
