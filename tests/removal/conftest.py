"""Fixtures: a confirmed match, and a looker and a web site whose answers the tests choose."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from hashsvc.removal import Outcome, Removal, State
from hashsvc.scanning import FetchError, Look, Looker, SeenImage
from hashsvc.settings import Settings
from hashsvc.signals import Signature
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, KeyId, MatchId, RequestId
from tests.helpers.cases import signature, store_case, store_content, store_match
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site

ANN = KeyId("key of an analyst")
BEN = KeyId("key of another analyst")
GAP_S = 3600.0
Configured = Callable[..., Removal]


class ToldLooker(Looker):
    """A looker that sees at every URL what the test has put in `sees`."""

    def __init__(self, content: Signature) -> None:
        self._content = content
        self.sees = Outcome.STILL_THERE
        self.looks = 0

    def look(self, url: str, **_how: Any) -> Iterator[Look]:
        self.looks += 1
        if self.sees is Outcome.PAGE_GONE:
            raise FetchError("http-404", facts={"url": url, "status": 404})
        if self.sees is Outcome.UNREACHABLE:
            raise FetchError("http-500", retry=True, facts={"url": url, "status": 500})
        if self.sees is Outcome.IMAGE_GONE and not url.endswith("/page"):
            raise FetchError("http-404", facts={"url": url, "status": 404})
        shown = self._content if self.sees is Outcome.STILL_THERE else signature(99)
        yield Look(url, SeenImage(url, url, bytes(32), (shown,)), None)


class MoodySite(Site):
    """
    A site whose paths may answer anything: `says[path] = (status, media type, body)`.

    An answer at a path in `cut_off` declares a length of one byte more than it has.
    """

    def __init__(self) -> None:
        self.cut_off: set[str] = set()
        self.says: dict[str, tuple[int, str, bytes]] = {}
        super().__init__()

    def begin_anew(self) -> None:
        self.says.clear()
        self.cut_off.clear()
        self._files.clear()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        says, cut_off = self.says, self.cut_off

        class Handler(super()._handler()):  # type: ignore[misc]
            def do_GET(self) -> None:  # noqa: N802 - the server calls it by this name
                if self.path not in says:
                    super().do_GET()
                    return
                status, media_type, body = says[self.path]
                self.send_response(status)
                if status in range(300, 400):
                    self.send_header("Location", body.decode())
                    body = b""
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body) + (self.path in cut_off)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = self.path in cut_off

        return Handler


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def content() -> Signature:
    return signature(1)


@pytest.fixture
def content_id(database: Database, content: Signature) -> ContentId:
    signals = [(each.signal.algorithm, "whole", each.signal.code) for each in content.signals]
    return store_content(database, store_case(database), signals)


@pytest.fixture
def match_id(database: Database, content_id: ContentId) -> MatchId:
    return store_match(database, content_id, state="confirmed")


@pytest.fixture
def looker(content: Signature) -> ToldLooker:
    return ToldLooker(content)


@pytest.fixture
def configured(
    settings: Settings, database: Database, looker: ToldLooker, clock: SetClock
) -> Configured:
    """Return a function that builds the service with other settings on the same database."""

    def build(**different: object) -> Removal:
        update = {"recheck_gap_s": GAP_S} | different
        return Removal(settings.model_copy(update=update), database, looker, clock)

    return build


@pytest.fixture
def removal(configured: Configured) -> Removal:
    return configured()


@pytest.fixture
def sent(removal: Removal, match_id: MatchId) -> RequestId:
    """A request that was just sent."""
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    removal.move(request_id, State.APPROVED, actor=ANN)
    removal.move(request_id, State.SENT, actor=ANN)
    return request_id
