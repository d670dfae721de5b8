"""Answers that break HTTP's rules in ways that browsers tolerate are read."""

from http.server import BaseHTTPRequestHandler

import pytest

from hashsvc.scanning import Fetcher
from hashsvc.scanning.browsing import Browsing
from hashsvc.scanning.facts import INCOMPLETE
from tests.scanning.support import OddSite

ANSWERS = {
    "illegal name": b"HTTP/1.1 200 OK\r\nX y: 1\r\nContent-Length: 4\r\n\r\nhere",
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 4\r\n\r\nhere",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 4\n\nhere",
    "control bytes": b"HTTP/1.1 200 OK\r\nX: \x01\x02\r\nContent-Length: 4\r\n\r\nhere",
    "folded line": b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 4\r\n\r\nhere",
    "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n4\r\nhere\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_head_hides_no_body(name: str, site: OddSite, fetcher: Fetcher) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(ANSWERS[name])
        handler.close_connection = True

    assert fetcher.get(site.answer("/", by), browsing=Browsing()).body == b"here"


@pytest.mark.parametrize(("times", "body"), [(1, b"here and whole"), (2, b"here")])
def test_an_answer_that_is_cut_off_is_asked_for_once_more(
    times: int, body: bytes, site: OddSite, fetcher: Fetcher
) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        part = b"here" if len(site.asked) <= times else b"here and whole"
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" + part)
        handler.close_connection = True

    fetched = fetcher.get(site.answer("/", by), browsing=Browsing())
    assert (fetched.body, len(site.asked)) == (body, 2)
    assert (INCOMPLETE in fetched.facts) is (times == 2)
