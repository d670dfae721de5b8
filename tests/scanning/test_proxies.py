"""Connections through a proxy follow the same rules, and go to addresses that were checked here."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Self

import pytest
from pydantic import SecretStr

from hashsvc.scanning import Fetcher, FetchError, ProxyError
from hashsvc.scanning.proxies import read_proxies
from tests.scanning.support import Names, OddSite


class PlainProxy:
    """
    A proxy on loopback, HTTP or SOCKS 5, that connects to any host.

    Attributes:
        led: Host and port of each requested connection, as the proxy received them.

        login: User name and password that it requires; None if it requires none.

        says: The answer that it gives instead of connecting.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.led: list[tuple[str, int]] = []
        self.login: tuple[str, str] | None = None
        self.says: bytes | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listening.accept()
                threading.Thread(target=self._lead, args=(visitor,), daemon=True).start()

    def _lead(self, visitor: socket.socket) -> None:
        with closing(visitor), suppress(OSError, AssertionError):
            host, port = self._http(visitor) if self.kind == "http" else self._socks(visitor)
            self.led.append((host, port))
            if self.says is not None:
                visitor.sendall(self.says)
                return
            with socket.create_connection((host, port)) as there:
                agreed = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
                if self.kind == "socks5":
                    agreed = b"\x05\x00\x00\x01" + bytes(6)
                visitor.sendall(agreed)
                back = threading.Thread(target=_copy, args=(there, visitor), daemon=True)
                back.start()
                _copy(visitor, there)
                back.join()

    def _http(self, visitor: socket.socket) -> tuple[str, int]:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += visitor.recv(1)
        if self.login is not None and b"\r\nProxy-Authorization: Basic dXM6cEA=\r\n" not in head:
            visitor.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            raise AssertionError
        method, place, _ = head.split(b"\r\n")[0].decode().split()
        assert method == "CONNECT"
        host, _, port = place.rpartition(":")
        return host.strip("[]"), int(port)

    def _socks(self, visitor: socket.socket) -> tuple[str, int]:
        method = b"\x02" if self.login else b"\x00"
        offered = visitor.recv(3)
        visitor.sendall(b"\x05" + (method if offered[2:] == method else b"\xff"))
        assert offered[2:] == method
        if self.login:
            assert visitor.recv(100) == b"\x01\x02us\x02p@"
            visitor.sendall(b"\x01\x00")
        head = visitor.recv(4)
        assert head[:3] == b"\x05\x01\x00"
        family, size = (socket.AF_INET, 4) if head[3] == 1 else (socket.AF_INET6, 16)
        assert head[3] in (1, 4), "a name, which only the proxy would look up"
        packed = visitor.recv(size + 2)
        return socket.inet_ntop(family, packed[:size]), int.from_bytes(packed[size:])


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(params=["http", "socks5"])
def proxy(request: pytest.FixtureRequest) -> Iterator[PlainProxy]:
    """Yield a proxy of each kind."""
    with PlainProxy(request.param) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: PlainProxy, change: Callable[..., Fetcher]) -> Fetcher:
    """Return a fetcher that uses the proxy."""
    return change(fetch_proxies=SecretStr(f"default={proxy.kind}://{proxy.place}"))


def reason(fetcher: Fetcher, url: str, via: str | None = None) -> str:
    """Return the reason why a URL cannot be fetched."""
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, via=via)
    return caught.value.reason


def test_a_proxy_receives_the_address_and_the_site_its_name(
    through: Fetcher, proxy: PlainProxy, site: OddSite, names: Names
) -> None:
    site.add("/", b"here")
    names.answers["named.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    fetched = through.get(f"http://named.example:{site.port}/")
    assert fetched.body == b"here"
    assert fetched.facts["address"] == "127.0.0.1"
    assert proxy.led == [("127.0.0.1", site.port)]
    assert names.asked == ["named.example"]
    assert site.asked[0][1]["Host"] == f"named.example:{site.port}"
    assert "Proxy-Authorization" not in site.asked[0][1]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/", "http://0x0a.1/", "http://[::1]/"]
)
def test_a_proxy_is_not_asked_for_forbidden_addresses(
    url: str, through: Fetcher, proxy: PlainProxy, site: OddSite
) -> None:
    assert reason(through, url) == "forbidden-address"
    assert reason(through, site.add("/", status=302, Location=url)) == "forbidden-address"
    assert proxy.led == [("127.0.0.1", site.port)]


def test_a_proxy_can_receive_an_ipv6_address(
    proxy: PlainProxy, names: Names, change: Callable[..., Fetcher]
) -> None:
    names.answers["six.example"] = [["2606:4700:4700::1111"]]
    proxy.says = b"HTTP/1.1 502 Bad Gateway\r\n\r\n" if proxy.kind == "http" else b"\x05\x04\0\x01"
    fetcher = change(fetch_proxies=SecretStr(f"default={proxy.kind}://{proxy.place}"))
    assert reason(fetcher, "https://six.example/") == "connection-failed"
    assert proxy.led == [("2606:4700:4700::1111", 443)]


@pytest.mark.parametrize("login", ["us:p%40@", "us:wrong@", ""])
def test_a_proxy_may_ask_for_a_login(
    login: str, proxy: PlainProxy, site: OddSite, change: Callable[..., Fetcher]
) -> None:
    proxy.login = ("us", "p@")
    url = site.add("/", b"here")
    fetcher = change(fetch_proxies=SecretStr(f"default={proxy.kind}://{login}{proxy.place}"))
    if login == "us:p%40@":
        assert fetcher.get(url).body == b"here"
    else:
        assert reason(fetcher, url) == "connection-failed"
        assert site.connections == 0


@pytest.mark.parametrize(
    "says",
    [b"", b"\x05", b"\x05\xff\x00\x01", b"\x04\x00\x00\x01", b"\x05\x00\x00\x03",
     b"HTTP/1.1 403 No\r\n\r\n", b"HTTP/1.1 200", b"nonsense\r\n\r\n", b"X" * 100_000],
)  # fmt: skip
def test_a_refusal_by_the_proxy_is_a_failed_connection(
    says: bytes, through: Fetcher, proxy: PlainProxy, site: OddSite
) -> None:
    proxy.says = says
    assert reason(through, site.add("/")) == "connection-failed"
    assert site.connections == 0


def test_a_scan_chooses_its_proxy_by_name(site: OddSite, change: Callable[..., Fetcher]) -> None:
    url = site.add("/", b"here")
    with PlainProxy("http") as one, PlainProxy("socks5") as two:
        text = f"be=http://{one.place}, nl=socks5://{two.place},"
        fetcher = change(fetch_proxies=SecretStr(text))
        for via in (None, "nl", "be", "nl"):  # The last download uses a kept connection.
            assert fetcher.get(url, via=via).body == b"here"
        assert (len(one.led), len(two.led)) == (1, 1)
        assert reason(fetcher, url, via="de") == "unknown-proxy"
    assert site.connections == 3


def test_an_unreachable_proxy_is_a_failed_connection(
    site: OddSite, change: Callable[..., Fetcher]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    fetcher = change(fetch_proxies=SecretStr(f"default=http://127.0.0.1:{port}"))
    assert reason(fetcher, site.add("/")) == "connection-failed"
    assert site.connections == 0


def test_a_silent_proxy_is_given_up(change: Callable[..., Fetcher], site: OddSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        for kind in ("http", "socks5"):
            fetcher = change(
                fetch_proxies=SecretStr(f"default={kind}://{place}"), fetch_connect_s=0.2
            )
            assert reason(fetcher, site.add("/")) == "timeout"


@pytest.mark.parametrize(
    "text",
    ["sekrit", "a=", "a=ftp://sekrit/", "a=http://", "a=http://sekrit:port", "a=http://sekrit/path",
     "a=https://sekrit/", f"a=socks5://{'u' * 256}@sekrit", "a=http://[sekrit"],
)  # fmt: skip
def test_an_unreadable_proxy_setting_is_an_error_at_the_start(text: str) -> None:
    with pytest.raises(ProxyError, match="name=http://host:port") as caught:
        read_proxies(text)
    assert "sekrit" not in str(caught.value)


def test_proxies_have_default_ports() -> None:
    read = read_proxies("a=http://one.example,b=socks5://two.example/")
    assert [(each.host, each.port) for each in read.values()] == [
        ("one.example", 8080),
        ("two.example", 1080),
    ]
    assert "one" not in repr(read)
