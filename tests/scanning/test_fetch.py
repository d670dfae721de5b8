"""Only public addresses are reached, and only by http and https."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import httpcore2
import pytest

from hashsvc.scanning import Fetched, Fetcher, FetchError
from hashsvc.settings import Settings
from tests.scanning.support import Names, OddSite, refused

PUBLIC = "93.184.215.14"
ANY_PORT = frozenset(range(1, 65536))


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
    # Octal, as browsers read it.
    "0177.0.0.1": "forbidden-address",
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
def test_a_network_in_the_settings_allows_itself_and_no_other(
    network: str, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    site.add("/", b"here")
    fetcher = change(fetch_networks=(ip_network(network),))
    reasons: dict[str, bytes | str] = {}
    for host in ("127.0.0.1", "[::1]", "10.0.0.1", "[::ffff:127.0.0.1]"):
        try:
            reasons[host] = fetcher.get(f"http://{host}:{site.port}/").body
        except FetchError as error:
            reasons[host] = error.reason
    opened = {"127.0.0.1": b"here"} if network == "127.0.0.0/8" else {"[::1]": "connection-failed"}
    assert reasons == dict.fromkeys(reasons, "forbidden-address") | opened


def test_a_name_that_changes_after_the_check_does_not_change_the_connection(
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
    # The next download looks the name up again, and gets the new answer.
    assert refused(fetcher, "http://rebind.example:8000/").reason == "forbidden-address"
    assert connected == [PUBLIC]


def test_the_next_address_is_tried_when_one_does_not_answer(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/", b"here")
    names.answers["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    assert fetcher.get(f"http://two.example:{site.port}/").body == b"here"
    assert names.asked == ["two.example"]


def test_the_request_names_the_host_although_the_connection_goes_to_an_address(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/")
    names.answers["named.example"] = [["127.0.0.1"]]
    fetcher.get(f"http://named.example:{site.port}/")
    ((_, headers),) = site.asked
    assert headers["Host"] == f"named.example:{site.port}"


def test_a_kept_connection_is_reused_only_for_its_own_name(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:
    site.add("/", b"here")
    names.answers |= {
        "good.example": [["127.0.0.1"], ["10.0.0.1"]],
        "bad.example": [["10.0.0.1"]],
        "mixed.example": [["127.0.0.1", "10.0.0.1"]],
    }
    for _ in range(2):  # The second download reuses the connection of the first.
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


def test_refused_addresses_use_up_no_connections(
    site: OddSite, names: Names, fetcher: Fetcher
) -> None:  # fmt: skip
    site.add("/", b"here")
    for number in range(100):  # The pool has at most 64 connections.
        host = f"bad{number}.example"
        names.answers[host] = [["10.0.0.1"]]
        refused(fetcher, f"http://{host}:{site.port}/")
    assert fetcher.get(f"{site.url}/").body == b"here"


def test_an_unknown_name_is_retried(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_no_redirect_reaches_a_forbidden_place(
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
def test_a_redirect_is_followed_and_the_final_url_is_returned(
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


def test_a_redirect_loop_is_reported_as_one(site: OddSite, change: Callable[..., Fetcher]) -> None:
    fetcher = change(fetch_redirects=50)
    for number in range(3):
        site.add(f"/{number}", status=302, Location=f"/{(number + 1) % 3}#x")
    error = refused(fetcher, f"{site.url}/0")
    assert (error.reason, error.retry) == ("redirect-loop", False)
    assert len(site.asked) == 3


def test_a_redirect_without_a_location_is_reported_by_its_status(
    site: OddSite, fetcher: Fetcher
) -> None:
    assert refused(fetcher, site.add("/", status=302)).reason == "http-302"


# Ports and schemes.


def test_only_ports_in_the_settings_are_reached(
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
