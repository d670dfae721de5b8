"""An odd web site, host names that resolve at will, and a service of real parts without HTTP."""

import io
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
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
from hashsvc.store.ids import KeyId, PublicContentId, ScanId
from hashsvc.store.matches import Match
from hashsvc.store.scans import Item
from hashsvc.store.tallies import Tally
from tests.conftest import jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site

Answer = Callable[[BaseHTTPRequestHandler], object]
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
    A site on which a function can answer any path.

    Attributes:
        asked: Path and headers of each request, in order.

        connections: How many connections were made to the site.

        answers: The functions that answer, by path.

        default_answer: Answers the paths without an answer of their own; None serves pages and
            images, as `Site` does.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Message]] = []
        self.connections = 0
        self.default_answer: Answer | None = None
        self.answers: dict[str, Answer] = {}
        super().__init__()

    def __enter__(self) -> Self:
        # The poll interval is how soon the server notices that it has to stop.
        serve = partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()
        return self

    def answer(self, path: str, by: Answer) -> str:
        """Let a function write the answer at a path, and return its URL."""
        self.answers[path] = by
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
                by = site.answers.get(self.path, site.default_answer)
                by(self) if by else super().do_GET()

            def handle(self) -> None:
                with suppress(ConnectionError):  # The fetcher hung up.
                    super().handle()

        return Handler


@dataclass
class Names:
    """
    Stands in for `socket.getaddrinfo`.

    Attributes:
        answers: Lists of addresses by name. Each look-up takes the next list; the last one stays.

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


class Service:
    """The parts of a service around one scanner, without HTTP or running threads."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self._clock = clock
        self.bank = Bank(database, clock)
        self.bank_index = BankIndex(database)
        self.fetcher = Fetcher(settings)
        self.looker = Looker(self.fetcher, images_per_page=settings.scan_images_per_page)
        self.work_list = WorkList(settings, database, clock)
        self.scanner = self.another_scanner()

    @property
    def clock(self) -> SetClock:
        """The service's clock, if it is one that a test can move."""
        assert isinstance(self._clock, SetClock)
        return self._clock

    def another_scanner(self, **other_parts: Any) -> Scanner:
        """Return another scanner of this service, with some parts replaced."""
        settings = other_parts.pop("settings", self.settings)
        database = other_parts.pop("database", self.database)
        parts = {
            "settings": settings,
            "leases": Leases(settings, database, self._clock),
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

    def scan(self, *urls: str) -> ScanId:
        """Submit URLs and return the scan's id."""
        return self.work_list.submit(lines(*urls), actor=REPORTER).scan_id

    def finish(self) -> int:
        """Work until nothing is due, and return the number of items worked on."""
        worked = 0
        while self.scanner.work_once():
            worked += 1
        return worked

    def items(self, scan: ScanId) -> list[Item]:
        """Return the items of a scan."""
        return self.work_list.items(scan, after=0, limit=1000)

    def states(self, scan: ScanId) -> list[tuple[str, str | None]]:
        """Return state and reason of each item of a scan."""
        return [(each.state, each.reason) for each in self.items(scan)]

    def matches(self) -> list[Match]:
        """Return every match in the database."""
        with self.database.read() as connection:
            return matches.search(connection, state=None, scan_id=None, limit=1000)


def refused(fetcher: Fetcher, url: str, **how: Any) -> FetchError:
    """Return the error of fetching a URL, which must fail."""
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, **how)
    return caught.value


def altered(photo: Image.Image) -> bytes:
    """Return a typical altered copy: mirrored, smaller and compressed again."""
    return jpeg(ImageOps.mirror(photo).resize((320, 240)), quality=50)


class OtherLooker:
    """A looker that calls a function before it looks."""

    def __init__(self, looker: Looker, before: Callable[[str], object]) -> None:
        self._looker = looker
        self._before = before

    def look(
        self,
        url: str,
        *,
        deadline: float | None = None,
        via: str | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Look]:
        self._before(url)
        return self._looker.look(url, deadline=deadline, via=via, tally=tally)
