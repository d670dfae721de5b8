"""Nothing but public addresses is reached, and no answer costs more than the limits."""

import gzip
import hashlib
import io
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hashsvc.scanning import Fetched, Fetcher, FetchError
from hashsvc.settings import Settings
from tests.scanning.conftest import Names, OddSite, wait_until

PUBLIC = "93.184.215.14"
ANY_PORT = frozenset(range(1, 65536))


def refused(fetcher: Fetcher, url: str, **how: Any) -> FetchError:
    """Return why a URL cannot be fetched."""
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, **how)
    return caught.value


# Which addresses are reached.

LOOPBACK = {
    "127.0.0.1": "forbidden-address",
    "127.1": "forbidden-address",
    "2130706433": "forbidden-address",
    "0x7f.1": "forbidden-address",
    "0x7f000001": "forbidden-address",
    "017700000001": "forbidden-address",
    "127.0.1": "forbidden-address",
    "127.0.0.1.": "forbidden-address",
    "１２７.０.０.１": "forbidden-address",
    "0": "forbidden-address",
    "0.0.0.0": "forbidden-address",  # noqa: S104 - nothing is bound.
    "localhost": "forbidden-address",
    "LocalHost.": "forbidden-address",
    "[::1]": "forbidden-address",
    "[0:0:0:0:0:0:0:1]": "forbidden-address",
    "[::]": "forbidden-address",
    "[::127.0.0.1]": "forbidden-address",
    "[::ffff:127.0.0.1]": "forbidden-address",
    "[64:ff9b::7f00:1]": "forbidden-address",
    # Octal numbers are read so by no two libraries; they get no further than the reading.
    "0177.0.0.1": "bad-url",
    "127.0.0.1%00": "bad-url",
    "[::1%25lo]": "bad-url",
}


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_refused_however_it_is_written(
    host: str, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    site.add("/")
    fetcher = change(fetch_networks=())
    error = refused(fetcher, f"http://{host}:{site.port}/")
    assert (error.reason, error.retry) == (LOOPBACK[host], False)
    assert site.connections == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "https://localhost/", "http://169.254.169.254/latest/meta-data/"]
)
def test_the_default_settings_refuse_what_is_not_public(url: str) -> None:
    with Fetcher(Settings()) as fetcher:
        assert refused(fetcher, url).reason == "forbidden-address"


@pytest.mark.parametrize(
    "addresses",
    [
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, "::1"],
        ["2606:4700:4700::1111", "10.0.0.1"],
        ["10.0.0.1"],
        ["fd00:ec2::254"],
        [],
    ],
)
def test_a_name_with_one_forbidden_address_is_refused(
    addresses: list[str],
    site: OddSite,
    names: Names,
    change: Callable[..., Fetcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", _no_connection)
    names.answers["mixed.example"] = [addresses]
    fetcher = change(fetch_networks=())
    error = refused(fetcher, f"http://mixed.example:{site.port}/")
    assert error.reason == "forbidden-address"


def _no_connection(*_args: Any, **_kwargs: Any) -> None:
    pytest.fail("A connection was made.")


@pytest.mark.parametrize("network", ["127.0.0.0/8", "::1/128"])
def test_a_network_of_the_settings_opens_itself_and_no_other(
    network: str, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    site.add("/", b"here")
    fetcher = change(fetch_networks=(ip_network(network),))
    reasons = {}
    for host in ("127.0.0.1", "[::1]", "10.0.0.1", "[::ffff:127.0.0.1]"):
        try:
            reasons[host] = fetcher.get(f"http://{host}:{site.port}/").body
        except FetchError as error:
            reasons[host] = error.reason
    opened = {"127.0.0.1": b"here"} if network == "127.0.0.0/8" else {"[::1]": "connection-failed"}
    assert reasons == dict.fromkeys(reasons, "forbidden-address") | opened


def test_a_name_that_changes_between_check_and_connection_gains_nothing(
    names: Names, change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    def connect(_self: Any, host: str, *_rest: Any) -> None:
        connected.append(host)
        raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect)
    names.answers["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    fetcher = change(fetch_networks=())
    assert refused(fetcher, "http://rebind.example:8000/").reason == "connection-failed"
    assert names.asked == ["rebind.example"]
    assert connected == [PUBLIC]
    # The next download looks the name up again, and is told the truth.
    assert refused(fetcher, "http://rebind.example:8000/").reason == "forbidden-address"
    assert connected == [PUBLIC]


def test_the_next_address_is_tried_when_one_does_not_answer(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/", b"here")
    names.answers["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    assert fetcher.get(f"http://two.example:{site.port}/").body == b"here"
    assert names.asked == ["two.example"]


def test_the_name_stays_in_the_request_though_the_address_is_connected_to(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/")
    names.answers["named.example"] = [["127.0.0.1"]]
    fetcher.get(f"http://named.example:{site.port}/")
    ((_, headers),) = site.asked
    assert headers["Host"] == f"named.example:{site.port}"


def test_a_kept_connection_serves_its_own_name_only(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/", b"here")
    names.answers |= {
        "good.example": [["127.0.0.1"], ["10.0.0.1"]],
        "bad.example": [["10.0.0.1"]],
        "mixed.example": [["127.0.0.1", "10.0.0.1"]],
    }
    for _ in range(2):  # The second time by the connection of the first.
        assert fetcher.get(f"http://good.example:{site.port}/").body == b"here"
    assert site.connections == 1
    assert names.asked == ["good.example"]
    for host in ("bad.example", "mixed.example", "10.0.0.1"):
        error = refused(fetcher, f"http://{host}:{site.port}/")
        assert error.reason == "forbidden-address"
    assert site.connections == 1


def test_a_new_connection_to_a_known_name_is_checked_again(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/", b"here", Connection="close")
    names.answers["good.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    assert fetcher.get(f"http://good.example:{site.port}/").body == b"here"
    error = refused(fetcher, f"http://good.example:{site.port}/")
    assert error.reason == "forbidden-address"


def test_refusals_use_up_no_connections(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:  # fmt: skip
    site.add("/", b"here")
    for number in range(100):  # There are 64 connections at most.
        host = f"bad{number}.example"
        names.answers[host] = [["10.0.0.1"]]
        refused(fetcher, f"http://{host}:{site.port}/")
    assert fetcher.get(f"{site.url}/").body == b"here"


def test_an_unknown_name_may_be_known_later(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    error = refused(fetcher, "http://nowhere.example/")
    assert (error.reason, error.retry) == ("unknown-host", True)


@pytest.mark.parametrize("label", [64, 300])
def test_a_name_too_long_to_look_up_is_unknown(label: int, fetcher: Fetcher) -> None:
    assert refused(fetcher, f"http://{'a' * label}.example/").reason == "unknown-host"


# Redirects.

FORBIDDEN_PLACES = {
    "http://10.0.0.1/": "forbidden-address",
    "http://169.254.169.254/latest/meta-data/": "forbidden-address",
    "http://2852039166/": "forbidden-address",
    "//[::1]/": "forbidden-address",
    "http://mixed.example/": "forbidden-address",
    "https://metadata.example/": "forbidden-address",
    "file:///etc/passwd": "bad-url",
    "ftp://127.0.0.1/": "bad-url",
    "gopher://127.0.0.1:6379/_INFO": "bad-url",
    "javascript:0": "bad-url",
    "//user:word@127.0.0.1/": "bad-url",
    "http://[": "bad-url",
    "/" + "a" * 2001: "bad-url",
}


@pytest.mark.parametrize("to", FORBIDDEN_PLACES)
def test_no_redirect_leads_to_a_forbidden_place(
    to: str, site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    names.answers |= {
        "mixed.example": [["127.0.0.1", "192.168.0.1"]],
        "metadata.example": [["169.254.169.254"]],
    }
    error = refused(fetcher, site.add("/", status=302, Location=to))
    assert (error.reason, error.retry) == (FORBIDDEN_PLACES[to], False)
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_its_end_is_named(
    status: int, site: OddSite, fetcher: Fetcher
) -> None:
    site.add("/a/b?c", status=status, Location="../d/e")
    site.add("/d/e", b"here", Content_Type="Image/JPEG; a=b")
    fetched = fetcher.get(f"{site.url}/a/b?c")
    assert fetched == Fetched(f"{site.url}/d/e", "image/jpeg", b"here")


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_redirects_are_followed_as_often_as_the_limit_says(
    limit: int, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    fetcher = change(fetch_redirects=limit)
    for number in range(limit + 1):
        site.add(f"/{number + 1}", status=302, Location=f"/{number}")
    site.add("/0", b"end")
    assert fetcher.get(f"{site.url}/{limit}").body == b"end"
    assert len(site.asked) == limit + 1
    error = refused(fetcher, f"{site.url}/{limit + 1}")
    assert (error.reason, error.retry) == ("too-many-redirects", False)
    assert [path for path, _ in site.asked[limit + 1 :]] == [
        f"/{n + 1}" for n in range(limit, -1, -1)
    ]


def test_redirects_in_a_circle_are_seen_to_be_one(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    fetcher = change(fetch_redirects=50)
    for number in range(3):
        site.add(f"/{number}", status=302, Location=f"/{(number + 1) % 3}#x")
    error = refused(fetcher, f"{site.url}/0")
    assert (error.reason, error.retry) == ("redirect-loop", False)
    assert len(site.asked) == 3


def test_a_redirect_to_nowhere_is_an_answer_like_others(site: OddSite, fetcher: Fetcher) -> None:
    assert refused(fetcher, site.add("/", status=302)).reason == "http-302"


# Ports and schemes.


def test_only_the_ports_of_the_settings_are_reached(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    site.add("/", b"here")
    assert change(fetch_ports=frozenset({site.port})).get(f"{site.url}/").body == b"here"
    web = change(fetch_ports=frozenset({80, 443}))
    for url in (f"{site.url}/", "http://127.0.0.1:0/", "https://127.0.0.1:22/"):
        error = refused(web, url)
        assert (error.reason, error.retry) == ("forbidden-port", False)
    for url in ("http://127.0.0.1/", "https://127.0.0.1:80/"):
        assert refused(web, url).reason == "connection-failed"
    other = change(fetch_ports=frozenset({site.port}))
    assert refused(other, "https://127.0.0.1/").reason == "forbidden-port"
    site.add("/away", status=302, Location="http://127.0.0.1:1/")
    assert refused(other, f"{site.url}/away").reason == "forbidden-port"
    assert site.connections == 2


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "unix:///run/a.sock", "127.0.0.1", "", "ws://a/"],
)
def test_only_http_and_https_are_spoken(url: str, fetcher: Fetcher) -> None:
    error = refused(fetcher, url)
    assert (error.reason, error.retry) == ("bad-url", False)


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
def test_a_download_is_as_large_as_the_limit_and_no_larger(
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


def test_a_length_that_is_told_is_believed_when_it_is_too_large(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    """Nothing of the body is waited for."""

    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(LIMIT + 1))
        handler.end_headers()

    assert refused(change(fetch_max_bytes=LIMIT), site.answer("/", by)).reason == "too-large"


def test_what_unpacks_to_nothing_counts_as_it_came(
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
def test_other_compression_and_layers_of_it_are_refused(
    coding: str, site: OddSite, fetcher: Fetcher
) -> None:
    url = site.add("/", gzip.compress(gzip.compress(b"a")), Content_Encoding=coding)
    error = refused(fetcher, url)
    assert (error.reason, error.retry) == ("unknown-coding", False)


def test_damaged_compression_is_a_broken_answer(site: OddSite, fetcher: Fetcher) -> None:
    error = refused(fetcher, site.add("/", b"no gzip", Content_Encoding="gzip"))
    assert (error.reason, error.retry) == ("broken-answer", False)


# Time. Each of these answers would go on for half a minute; a fetcher that only counts single
# waits would take them to their end and return what they said.

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
    """Send a letter of a header now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ")
    _drip(handler, b"a")
    handler.wfile.write(b"\r\n\r\n")


def slow_beginning(handler: BaseHTTPRequestHandler) -> None:
    """Ask for patience again and again."""
    _drip(handler, b"HTTP/1.1 102 Processing\r\n\r\n")
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def slow_redirects(handler: BaseHTTPRequestHandler) -> None:
    """Lead on to the same, a little later."""
    time.sleep(0.2)
    handler.send_response(302)
    handler.send_header("Location", f"/?{time.monotonic_ns()}")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize("answer", [slow_body, slow_empty_body, slow_headers, slow_beginning])
@pytest.mark.parametrize("who", ["settings", "caller"])
def test_a_slow_answer_is_given_up_when_the_time_is_over(
    who: str,
    answer: Callable[[BaseHTTPRequestHandler], None],
    site: OddSite,
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_total_s=0.3 if who == "settings" else 60)
    deadline = time.monotonic() + 0.3 if who == "caller" else None
    error = refused(fetcher, site.answer("/", answer), deadline=deadline)
    assert (error.reason, error.retry) == ("timeout", True)


def test_redirects_share_the_time(site: OddSite, change: Callable[..., Fetcher]) -> None:
    class Everywhere(dict[str, Any]):
        def get(self, _path: str, _default: Any = None) -> Any:
            return slow_redirects

    site._answers = Everywhere()
    fetcher = change(fetch_total_s=0.5, fetch_redirects=50)
    assert refused(fetcher, f"{site.url}/").reason == "timeout"


def test_addresses_share_the_time(
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
def test_headers_have_a_limit_of_their_own(
    answer: Callable[[BaseHTTPRequestHandler], None],
    site: OddSite,
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_first_byte_s=0.3, fetch_total_s=600, fetch_timeout_s=600)
    assert refused(fetcher, site.answer("/", answer)).reason == "timeout"


def test_after_the_headers_the_body_may_take_its_time(
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
    """The C resolver knows no time limit: somebody else's server could hold it for minutes."""
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


def test_addresses_share_the_time_to_connect(
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


def test_one_silent_wait_is_limited_too(site: OddSite, change: Callable[..., Fetcher]) -> None:
    silence = threading.Event()
    fetcher = change(fetch_timeout_s=0.2, fetch_total_s=60)
    error = refused(fetcher, site.answer("/", lambda _handler: silence.wait(30)))
    assert (error.reason, error.retry) == ("timeout", True)
    silence.set()


def test_a_silent_handshake_is_given_up_when_the_time_is_over(
    change: Callable[..., Fetcher],
) -> None:
    fetcher = change(fetch_timeout_s=600, fetch_total_s=0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert refused(fetcher, f"https://127.0.0.1:{port}/").reason == "timeout"


def test_threads_have_their_own_time(site: OddSite, fetcher: Fetcher) -> None:
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


# Other answers.

STATUSES = {
    "later": (408, 425, 429, 500, 502, 503, 504),
    "never": (204, 206, 300, 304, 400, 401, 403, 404, 410, 418, 451, 501, 505),
}


@pytest.mark.parametrize(
    ("status", "retry"),
    [(status, when == "later") for when, several in STATUSES.items() for status in several],
)
def test_a_status_says_whether_it_may_work_later(
    status: int, retry: bool, site: OddSite, fetcher: Fetcher
) -> None:
    error = refused(fetcher, site.add("/", status=status))
    assert (error.reason, error.retry) == (f"http-{status}", retry)


WAITS = {
    (429, "7"): 7,
    (429, "99999999"): 3600,
    (503, "7"): 7,
    (503, None): None,
    (503, "nonsense"): None,
    (404, "7"): None,
}


@pytest.mark.parametrize(("status", "header"), WAITS)
def test_a_site_may_say_when_to_come_back(
    status: int, header: str | None, site: OddSite, fetcher: Fetcher
) -> None:
    headers = {"Retry_After": header} if header else {}
    assert (
        refused(fetcher, site.add("/", status=status, **headers)).retry_after
        == (WAITS[status, header])
    )


def test_a_host_that_gets_too_many_requests_gets_no_more(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    names.answers["other.example"] = [["127.0.0.1"]]
    site.add("/good", b"here")
    refused(fetcher, site.add("/busy", status=503, Retry_After="60"))
    assert fetcher.get(f"{site.url}/good").body == b"here"
    refused(fetcher, site.add("/often", status=429, Retry_After="60"))
    error = refused(fetcher, f"{site.url}/good")
    assert (error.reason, error.retry) == ("asked-to-wait", True)
    assert 0 < error.retry_after <= 60
    assert len(site.asked) == 3
    assert fetcher.get(f"http://other.example:{site.port}/good").body == b"here"


def test_so_many_downloads_of_a_host_go_on_at_once(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    go_on = threading.Event()

    def by(handler: BaseHTTPRequestHandler) -> None:
        assert go_on.wait(30)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fetcher = change(fetch_downloads_per_host=2, fetch_total_s=60, fetch_timeout_s=60)
    url = site.answer("/", by)
    threads = [threading.Thread(target=fetcher.get, args=(url,)) for _ in range(2)]
    for each in threads:
        each.start()
    wait_until(lambda: len(site.asked) == 2)
    late = refused(fetcher, url, deadline=time.monotonic() + 0.2)
    assert (late.reason, len(site.asked)) == ("timeout", 2)
    go_on.set()
    for each in threads:
        each.join()
    fetcher.get(url)


BROKEN = {
    "nothing": b"",
    "nonsense": b"nonsense\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "long headers": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_that_is_no_http_or_is_cut_off_may_be_whole_later(
    answer: bytes, site: OddSite, fetcher: Fetcher
) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    error = refused(fetcher, site.answer("/", by))
    assert (error.reason, error.retry) == ("broken-answer", True)


def test_a_server_that_is_not_there_may_be_there_later(fetcher: Fetcher) -> None:
    with OddSite() as gone:
        url = f"{gone.url}/"
    error = refused(fetcher, url)
    assert (error.reason, error.retry) == ("connection-failed", True)


def test_https_to_a_server_that_does_not_speak_it_fails(site: OddSite, fetcher: Fetcher) -> None:
    assert refused(fetcher, f"https://127.0.0.1:{site.port}/").reason == "connection-failed"


def test_a_certificate_has_to_be_the_names_though_the_address_is_connected_to(
    names: Names, change: Callable[..., Fetcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, bool, ssl.VerifyMode]] = []

    class Stream(httpcore2.NetworkStream):
        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore2.NetworkStream:
            asked.append((server_hostname, ssl_context.check_hostname, ssl_context.verify_mode))
            raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", lambda *_rest: Stream())
    names.answers["named.example"] = [[PUBLIC]]
    fetcher = change(fetch_networks=())
    assert refused(fetcher, "https://named.example/").reason == "connection-failed"
    assert asked == [("named.example", True, ssl.CERT_REQUIRED)]


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[tuple[OddSite, Path, bytes]]:
    """A site over TLS, its certificate's file, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with OddSite() as site:
        site._server.socket = context.wrap_socket(site._server.socket, server_side=True)
        yield site, file, certificate.public_bytes(serialization.Encoding.DER)


def test_the_record_holds_the_certificate(
    secure_site: tuple[OddSite, Path, bytes],
    names: Names,
    change: Callable[..., Fetcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, file, certificate = secure_site
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    names.answers |= {"secure.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    site.add("/", b"here")
    fetcher = change()
    for _ in range(2):  # The second time by the connection of the first.
        facts = fetcher.get(f"https://secure.example:{site.port}/").facts
        assert facts["certificate_sha256"] == hashlib.sha256(certificate).hexdigest()
        assert facts["address"] == "127.0.0.1"
    error = refused(fetcher, f"https://other.example:{site.port}/")
    assert (error.reason, error.retry) == ("bad-certificate", False)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure_site: tuple[OddSite, Path, bytes], names: Names, fetcher: Fetcher
) -> None:
    site, _, _ = secure_site
    names.answers["secure.example"] = [["127.0.0.1"]]
    site.add("/", b"here")
    assert refused(fetcher, f"https://secure.example:{site.port}/").reason == "bad-certificate"
    assert site.asked == []


def test_the_record_holds_what_the_server_said(site: OddSite, fetcher: Fetcher) -> None:
    site.add("/a", status=301, Location="/b")
    site.add("/b", status=302, Location="/c?d")
    site.add(
        "/c?d",
        b"here",
        Content_Type="Image/JPEG; a=b",
        Last_Modified="Tue, 01 Jan 2030 00:00:00 GMT",
        ETag='"' + "x" * 1000 + '"',
        Set_Cookie="sekrit=1",
        X_Other="sekrit",
    )
    facts = dict(fetcher.get(f"{site.url}/a").facts)
    headers = facts.pop("headers")
    age = datetime.now(UTC) - datetime.fromisoformat(facts.pop("fetched_at"))
    assert timedelta() <= age < timedelta(minutes=5)
    assert facts == {
        "url": f"{site.url}/c?d",
        "status": 200,
        "address": "127.0.0.1",
        "redirects": [
            {"url": f"{site.url}/a", "status": 301},
            {"url": f"{site.url}/b", "status": 302},
        ],
    }
    assert headers.pop("date")
    assert headers.pop("server")
    assert headers == {
        "content-type": "Image/JPEG; a=b",
        "content-length": "4",
        "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT",
        "etag": '"' + "x" * 299,
    }
    assert "sekrit" not in json.dumps(facts)


def test_no_cookie_and_no_word_of_the_page_before_is_sent(site: OddSite, fetcher: Fetcher) -> None:
    site.add("/a", status=302, Location="/b", Set_Cookie="id=1; Path=/")
    site.add("/b", b"here", Set_Cookie="id=2")
    for _ in range(2):
        fetcher.get(f"{site.url}/a")
    assert [path for path, _ in site.asked] == ["/a", "/b", "/a", "/b"]
    for _, headers in site.asked:
        assert sorted(name.lower() for name in headers) == [
            "accept",
            "accept-encoding",
            "host",
            "user-agent",
        ]


def test_the_scanner_says_who_it_is(site: OddSite, change: Callable[..., Fetcher]) -> None:
    site.add("/")
    change(fetch_user_agent="somebody/1").get(f"{site.url}/")
    assert site.asked[0][1]["User-Agent"] == "somebody/1"


def test_no_error_repeats_the_url(
    site: OddSite, names: Names, change: Callable[..., Fetcher]
) -> None:
    names.answers |= {
        "sekrit.example": [["10.0.0.1"]],
        "sekrit-open.example": [["127.0.0.1"]],
        "sekrit-none.example": [["127.0.0.2"]],
    }
    fetcher = change(fetch_max_bytes=1000, fetch_redirects=0)
    here = f"http://sekrit-open.example:{site.port}"
    site.add("/sekrit/large", bytes(1001))
    site.add("/sekrit/packed", b"sekrit", Content_Encoding="gzip")
    site.add("/sekrit/away", status=302, Location="/sekrit/on")
    site.add("/sekrit/wrong", status=302, Location="ftp://sekrit.example/")
    site.answer("/sekrit/bad", lambda handler: handler.wfile.write(b"sekrit\r\n\r\n"))
    urls = {
        f"{here}/sekrit/large": "too-large",
        f"{here}/sekrit/packed": "broken-answer",
        f"{here}/sekrit/bad": "broken-answer",
        f"{here}/sekrit/away": "too-many-redirects",
        f"{here}/sekrit/wrong": "bad-url",
        f"{here}/sekrit/missing": "http-404",
        f"http://sekrit-none.example:{site.port}/": "connection-failed",
        f"http://{'sekrit' * 20}.example:{site.port}/": "unknown-host",
        "http://sekrit.example:8000/": "forbidden-address",
        "http://sekrit@a.example/": "bad-url",
        "http://256.256.256.256/sekrit": "bad-url",
        "http://sekrit☃.example/": "bad-url",
    }
    errors = [refused(fetcher, url) for url in urls]
    assert [each.reason for each in errors] == list(urls.values())
    errors.append(refused(fetcher, f"{here}/sekrit", deadline=time.monotonic()))
    for each in errors:
        assert each.args == (each.reason,)
        assert vars(each) == {"reason": each.reason, "retry": each.retry, "retry_after": None}
        assert "sekrit" not in f"{each} {each!r}"


def test_a_download_does_not_show_itself(site: OddSite, fetcher: Fetcher) -> None:
    fetched = fetcher.get(site.add("/sekrit", b"sekrit"))
    assert "sekrit" not in repr(fetched)
