"""No answer costs more bytes or time than the limits allow."""

import gzip
import io
import socket
import threading
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpcore2
import pytest

from hashsvc.scanning import Fetcher
from tests.scanning.support import Names, OddSite, refused

PUBLIC = "93.184.215.14"
ANY_PORT = frozenset(range(1, 65536))

# Sizes.

LIMIT = 5000


def _chunked(body: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(body), 999):
            part = body[start : start + 999]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    return by


@pytest.mark.parametrize("how", ["plain", "chunked", "gzip", "deflate"])
def test_a_download_may_be_as_large_as_the_limit(
    how: str, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    def add(path: str, body: bytes) -> str:
        match how:
            case "chunked":
                return site.answer(path, _chunked(body))
            case "gzip":
                return site.add(path, gzip.compress(body), Content_Encoding="gzip")
            case "deflate":
                return site.add(path, zlib.compress(body), Content_Encoding="deflate")
            case _:
                return site.add(path, body)

    fetcher = change(fetch_max_bytes=LIMIT)
    assert fetcher.get(add("/fits", b"a" * LIMIT)).body == b"a" * LIMIT
    error = refused(fetcher, add("/large", b"a" * (LIMIT + 1)))
    assert (error.reason, error.retry) == ("too-large", False)


def test_a_gzip_bomb_is_given_up_at_the_limit(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as bomb:
        for _ in range(60):
            bomb.write(bytes(1_000_000))
    fetcher = change(fetch_max_bytes=1_000_000)
    url = site.add("/", packed.getvalue(), Content_Encoding="gzip")
    assert len(packed.getvalue()) < 100_000
    assert refused(fetcher, url).reason == "too-large"


def test_a_declared_length_above_the_limit_is_refused(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    """The fetcher does not wait for the body."""

    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(LIMIT + 1))
        handler.end_headers()

    assert refused(change(fetch_max_bytes=LIMIT), site.answer("/", by)).reason == "too-large"


def test_compressed_bytes_count_although_they_decompress_to_nothing(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    empty_block = b"\0\0\0\xff\xff"
    nothing = gzip.compress(b"")[:10] + empty_block * LIMIT
    assert zlib.decompressobj(wbits=31).decompress(nothing) == b""
    url = site.answer("/", _chunked(nothing, Content_Encoding="gzip"))
    assert refused(change(fetch_max_bytes=LIMIT), url).reason == "too-large"


@pytest.mark.parametrize(
    "coding",
    ["gzip, gzip", "deflate,gzip", "identity, gzip", "br", "zstd", "compress", "nonsense"],
)
def test_other_or_stacked_compression_is_refused(
    coding: str, site: OddSite, fetcher: Fetcher
) -> None:
    url = site.add("/", gzip.compress(gzip.compress(b"a")), Content_Encoding=coding)
    error = refused(fetcher, url)
    assert (error.reason, error.retry) == ("unknown-coding", False)


def test_damaged_compression_is_a_broken_answer(site: OddSite, fetcher: Fetcher) -> None:
    error = refused(fetcher, site.add("/", b"no gzip", Content_Encoding="gzip"))
    assert (error.reason, error.retry) == ("broken-answer", False)


# Time. Each of these answers would go on for half a minute. A fetcher that only limits single waits
# would read them to the end and return them.

DRIPS = 600


def _drip(handler: BaseHTTPRequestHandler, drops: bytes) -> None:
    for _ in range(DRIPS):
        handler.wfile.write(drops)
        time.sleep(0.05)


def slow_body(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(DRIPS))
    handler.end_headers()
    _drip(handler, b"a")


def slow_empty_body(handler: BaseHTTPRequestHandler) -> None:
    """Send compressed nothing now and then."""
    packer = zlib.compressobj(wbits=31)
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(packer.flush(zlib.Z_SYNC_FLUSH))
    _drip(handler, b"\0\0\0\xff\xff")


def slow_headers(handler: BaseHTTPRequestHandler) -> None:
    """Send one letter of a header now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ")
    _drip(handler, b"a")
    handler.wfile.write(b"\r\n\r\n")


def slow_beginning(handler: BaseHTTPRequestHandler) -> None:
    """Send an interim answer (102) again and again."""
    _drip(handler, b"HTTP/1.1 102 Processing\r\n\r\n")
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def slow_redirects(handler: BaseHTTPRequestHandler) -> None:
    """Redirect to a new URL after a short while."""
    time.sleep(0.2)
    handler.send_response(302)
    handler.send_header("Location", f"/?{time.monotonic_ns()}")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize("answer", [slow_body, slow_empty_body, slow_headers, slow_beginning])
@pytest.mark.parametrize("who", ["settings", "caller"])
def test_a_slow_answer_is_given_up_at_the_time_limit(
    who: str,
    answer: Callable[[BaseHTTPRequestHandler], None],
    site: OddSite,
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_total_s=0.3 if who == "settings" else 60)
    deadline = time.monotonic() + 0.3 if who == "caller" else None
    error = refused(fetcher, site.answer("/", answer), deadline=deadline)
    assert (error.reason, error.retry) == ("timeout", True)


def test_all_redirects_share_one_time_limit(site: OddSite, change: Callable[..., Fetcher]) -> None:
    site.default_answer = slow_redirects
    fetcher = change(fetch_total_s=0.5, fetch_redirects=50)
    assert refused(fetcher, f"{site.url}/").reason == "timeout"


def test_all_addresses_share_one_time_limit(
    names: Names, change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may have a thousand addresses, none of which answers."""
    tried: list[float] = []

    def connect(_self: Any, _host: str, _port: int, timeout: float, *_rest: Any) -> None:
        tried.append(timeout)
        time.sleep(min(timeout, 0.2))
        raise httpcore2.ConnectTimeout

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect)
    names.answers["many.example"] = [[f"127.0.{n // 250}.{n % 250 + 1}" for n in range(500)]]
    fetcher = change(fetch_total_s=0.5, fetch_timeout_s=15)
    assert refused(fetcher, "http://many.example/").reason == "timeout"
    assert len(tried) < 10
    assert max(tried) <= 0.5


@pytest.mark.parametrize("answer", [slow_headers, slow_beginning])
def test_headers_have_their_own_time_limit(
    answer: Callable[[BaseHTTPRequestHandler], None],
    site: OddSite,
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_first_byte_s=0.3, fetch_total_s=600, fetch_timeout_s=600)
    assert refused(fetcher, site.answer("/", answer)).reason == "timeout"


def test_the_body_may_take_longer_than_the_headers(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "30")
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b"a")
            time.sleep(0.05)

    fetcher = change(fetch_first_byte_s=1, fetch_total_s=60)
    assert fetcher.get(site.answer("/", by)).body == b"a" * 30


def test_a_name_server_that_is_slow_is_given_up(
    change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The C resolver has no time limit, so a slow name server could block it for minutes."""
    answer = threading.Event()

    def look_up(*_args: Any, **_kwargs: Any) -> list[Any]:
        answer.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    fetcher = change(fetch_connect_s=0.2, fetch_total_s=600, fetch_timeout_s=600)
    error = refused(fetcher, "http://slow.example/")
    assert (error.reason, error.retry) == ("timeout", True)
    assert not answer.is_set()
    answer.set()


def test_all_addresses_share_one_time_limit_for_connecting(
    names: Names, change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def connect(_self: Any, _host: str, _port: int, timeout: float, *_rest: Any) -> None:
        tried.append(timeout)
        time.sleep(min(timeout, 0.1))
        raise httpcore2.ConnectTimeout

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect)
    names.answers["many.example"] = [[f"127.0.0.{n + 1}" for n in range(200)]]
    fetcher = change(fetch_connect_s=0.3, fetch_total_s=600, fetch_timeout_s=600)
    assert refused(fetcher, "http://many.example/").reason == "timeout"
    assert max(tried) <= 0.3


def test_a_single_silent_wait_is_limited(site: OddSite, change: Callable[..., Fetcher]) -> None:
    silence = threading.Event()
    fetcher = change(fetch_timeout_s=0.2, fetch_total_s=60)
    error = refused(fetcher, site.answer("/", lambda _handler: silence.wait(30)))
    assert (error.reason, error.retry) == ("timeout", True)
    silence.set()


def test_a_silent_tls_handshake_is_given_up_at_the_time_limit(
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_timeout_s=600, fetch_total_s=0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert refused(fetcher, f"https://127.0.0.1:{port}/").reason == "timeout"


def test_each_thread_has_its_own_time_limit(site: OddSite, fetcher: Fetcher) -> None:
    asked, answer = threading.Event(), threading.Event()

    def by(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        answer.wait(5)
        handler.send_response(302)
        handler.send_header("Location", "/on")
        handler.end_headers()

    url = site.answer("/", by)
    site.add("/on", b"here")
    bodies: list[bytes] = []
    patient = threading.Thread(target=lambda: bodies.append(fetcher.get(url).body))
    patient.start()
    assert asked.wait(5)
    assert refused(fetcher, url, deadline=time.monotonic()).reason == "timeout"
    answer.set()
    patient.join()
    assert bodies == [b"here"]
