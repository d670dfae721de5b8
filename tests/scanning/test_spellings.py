"""No spelling of a forbidden address in a URL leads to a connection to it."""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, product
from typing import Any

import httpcore2
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hashsvc.scanning import Fetcher, FetchError
from hashsvc.settings import Settings
from tests.scanning.special_addresses import SPECIAL_ADDRESSES

FORBIDDEN = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1",  # noqa: S104
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "198.18.0.1", "203.0.113.5", "224.0.0.251", "255.255.255.255",
)  # fmt: skip
ELSEWHERE = "93.184.215.14"


class Outside:
    """
    A network in which every name has a public address, and every connection is refused.

    Attributes:
        tried: The addresses to which a connection was attempted.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)
        monkeypatch.setattr(socket, "create_connection", self._connect)

    def _look_up(self, host: str, port: int, **kwargs: Any) -> list[Any]:
        if host.rstrip(".").lower() in ("localhost", "ip6-localhost", "localhost.localdomain"):
            host = "127.0.0.1"
        try:
            return _getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **kwargs)
        except socket.gaierror:
            return _getaddrinfo(ELSEWHERE, port, **kwargs)

    def _connect(self, address: tuple[str, int], *_rest: Any, **_options: Any) -> None:
        self.tried.append(address[0])
        raise ConnectionRefusedError

    def names(self, host: str) -> str | None:
        """Return the address that the C resolver reads a host as; None if it is a name."""
        try:
            answers = _getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return None
        return str(answers[0][4][0])


_getaddrinfo = socket.getaddrinfo


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """Return the network of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        yield Outside(patch)


@pytest.fixture(scope="module")
def fetcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetcher]:
    """Yield a fetcher that may use any port, and no extra network."""
    with Fetcher(
        Settings(data_dir=tmp_path_factory.mktemp("data"), fetch_ports=frozenset(range(1, 65536)))
    ) as fetcher:
        yield fetcher


def reason(fetcher: Fetcher, url: str) -> str:
    """Return the reason why a URL cannot be fetched."""
    with pytest.raises(FetchError) as caught:
        fetcher.get(url)
    return caught.value.reason


def number_spellings(number: int) -> list[str]:
    """Return the spellings of one number that the C resolver reads."""
    return [str(number), f"0{number:o}", f"000{number:o}", f"0x{number:x}", f"0X{number:04X}"]


def v4_spellings(text: str) -> Iterator[str]:
    """Yield spellings of an IPv4 address: one to four numbers, each in any base."""
    a, b, c, d = IPv4Address(text).packed
    for numbers in (
        (int(IPv4Address(text)),),
        (a, b << 16 | c << 8 | d),
        (a, b, c << 8 | d),
        (a, b, c, d),
    ):
        for spelled in product(*map(number_spellings, numbers)):
            yield ".".join(spelled)


def v6_spellings(text: str) -> Iterator[str]:
    """Yield IPv6 addresses that lead to an IPv4 address, in several spellings."""
    hidden = int(IPv4Address(text))
    turned = hidden ^ 0xFFFF_FFFF
    for value in (
        hidden,  # Compatible.
        0xFFFF << 32 | hidden,  # Mapped.
        0xFFFF << 48 | hidden,  # Translated.
        0x64_FF9B << 96 | hidden,  # NAT64.
        0x64_FF9B_0001 << 80 | hidden,
        0x2002 << 112 | hidden << 80 | 1,  # 6to4.
        0x2001 << 112 | 0x4136_E378 << 64 | 0x8000_0000 << 32 | turned,  # Teredo.
        0x2A00_1450 << 96 | 0x5EFE << 32 | hidden,  # ISATAP.
        0x2A00_1450 << 96 | 0x0200_5EFE << 32 | hidden,
        0xFE80 << 112 | 0x5EFE << 32 | hidden,
    ):
        address = IPv6Address(value)
        yield f"[{address}]"
        yield f"[{address.exploded.upper()}]"
        head = address.exploded.rpartition(":")[0].rpartition(":")[0]
        yield f"[{head}:{text}]"
        yield f"[{address}%25lo]"
        yield f"[{address}%lo]"


WIDE = str.maketrans("0123456789.xabcdef", "０１２３４５６７８９．ｘａｂｃｄｅｆ")
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")


def dressed(host: str) -> Iterator[str]:
    """Yield a host written with other Unicode characters."""
    yield host
    yield f"{host}."
    yield f"{host}.."
    yield host.translate(WIDE)
    yield host.translate(CIRCLED)
    yield host.replace(".", "。")
    yield host.replace(".", "｡")
    yield host.replace(".", "%2e")
    yield "".join(f"%{ord(letter):02x}" for letter in host)
    yield f"{host}%00"
    yield f"{host}%00.a.example"
    yield f"{host}\u00ad"
    yield f"\u200b{host}"
    yield f"{host[:1]}\t{host[1:]}"
    yield f"{host[:1]}\n{host[1:]}"
    yield f"{host}%20"
    yield f" {host} "
    yield f"a.example@{host}"
    yield f"a.example:80@{host}"
    yield f"a.example%40{host}"
    yield f"a.example\\@{host}"
    yield f"a.example:80\\@@{host}"
    yield f"{host}\\"


URLS = (
    "http://{}/", "https://{}/", "http://{}", "HTTP://{}:80/", "http://{}:8080/a?b#c", "http:{}",
    "http:/{}/", "http:///{}/", "http:////{}/", "http:\\\\{}\\", "http:/\\{}/", "http://\\{}/",
    "//{}/", "\\\\{}\\", "{}", " http://{}/", "\x00http://{}/", "\thttp://{}/", "ht\ntp://{}/",
    "http://{}#@a.example/", "http://{}?@a.example/", "http://a.example#@{}/", "http://@{}/",
    "http://:@{}/", "http://a.example:80#@{}/", "http://[{}]/", "http://{}:/", "http://{}:0080/",
    "http://{}:99999/", "http://{}:a/", "ftp://{}/", "gopher://{}:6379/_", "file://{}/", "ws://{}/",
    "http+unix://{}/", "javascript://{}/", "http://{}%2f@a.example/", "http://{};a.example/",
    "http://{},a.example/", "http://{}&@a.example/", "url:http://{}/", "http\u200b://{}/",
)  # fmt: skip

NAMES = (
    "localhost", "LOCALHOST", "LocalHost.", "localhost.localdomain", "a.localhost", "A.LocalHost",
    "printer.local", "metadata.google.internal", "metadata.google.internal.", "metadata",
    "intranet", "ip6-localhost", "router.lan", "nas.home.arpa", "x.corp", "ｌｏｃａｌｈｏｓｔ",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "a.localhost。", "%6cocalhost", "kubernetes.default.svc.cluster.local",
    "abcdefghijklmnop.onion",
)  # fmt: skip


def no_forbidden(tried: list[str]) -> bool:
    """Return whether every attempted address is the one that public names have."""
    return set(tried) <= {ELSEWHERE}


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_spelling_the_resolver_knows_reaches_a_forbidden_address(
    address: str, fetcher: Fetcher, outside: Outside
) -> None:
    spellings = list(dict.fromkeys(v4_spellings(address)))
    assert len(spellings) > 500
    for host in spellings:
        assert outside.names(host) == address
        assert reason(fetcher, f"http://{host}/") in ("forbidden-address", "bad-url")
    assert outside.tried == []


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_tunnel_leads_to_a_forbidden_address(
    address: str, fetcher: Fetcher, outside: Outside
) -> None:
    for host in v6_spellings(address):
        assert reason(fetcher, f"http://{host}/") in ("forbidden-address", "bad-url")
    assert outside.tried == []


@pytest.mark.parametrize("host", list(chain(*SPECIAL_ADDRESSES.values())))
def test_no_special_address_is_tried(host: str, fetcher: Fetcher, outside: Outside) -> None:
    place = f"[{host}]" if ":" in host else host
    for url in (f"http://{place}/", f"https://{place}:8443/"):
        assert reason(fetcher, url) == "forbidden-address"
    assert outside.tried == []


@pytest.mark.parametrize("host", NAMES)
def test_private_names_are_not_even_looked_up(
    host: str, fetcher: Fetcher, outside: Outside
) -> None:
    assert reason(fetcher, f"http://{host}/") in ("forbidden-address", "bad-url")
    assert outside.tried == []


def test_ordinary_names_are_looked_up(fetcher: Fetcher, outside: Outside) -> None:
    for host in (
        "a.example",
        "localhost.example",
        "local.example",
        "internal-b.example",
        "1.example",
    ):
        assert reason(fetcher, f"http://{host}/") == "connection-failed"
    assert outside.tried == [ELSEWHERE] * 5
    outside.tried.clear()


@pytest.mark.parametrize("url", URLS)
def test_no_spelling_of_a_url_reaches_a_forbidden_address(
    url: str, fetcher: Fetcher, outside: Outside
) -> None:
    for host in ("127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "localhost"):
        for spelled in dressed(host):
            reason(fetcher, url.format(spelled))
    assert no_forbidden(outside.tried)
    outside.tried.clear()


numbers = st.one_of(
    st.integers(0, 300),
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 10, 127, 169, 172, 192, 254, 255, 256, 2130706433, 2852039166]),
)
spelled_numbers = st.builds(
    lambda form, number: form.format(number),
    st.sampled_from(["{}", "0{:o}", "00{:o}", "0x{:x}", "0X{:X}", "0x00{:x}"]),
    numbers,
)
hosts = st.one_of(
    st.lists(spelled_numbers, min_size=1, max_size=5).map(".".join),
    st.builds(lambda value: f"[{IPv6Address(value)}]", st.integers(0, 2**128 - 1)),
    st.builds(
        lambda high, low: f"[{IPv6Address(high << 96 | low)}]",
        st.sampled_from([0, 0xFFFF, 0x64FF9B, 0x20020000, 0x20010000, 0xFE800000, 0xFC000000]),
        st.integers(0, 2**32 - 1),
    ),
    st.text("0123456789.xabcdefABCDEFX:%[]@\\/０１２。．", max_size=20),
)


@hypothesis_settings(max_examples=400, deadline=None)
@given(
    host=hosts, form=st.sampled_from(["http://{}/", "https://{}./", "http://a@{}/", "http://{}"])
)
@example(host="0177.0.0.1", form="http://{}/")
@example(host="127.1", form="http://{}/")
def test_only_public_addresses_are_tried_whatever_the_host(
    host: str, form: str, fetcher: Fetcher, outside: Outside
) -> None:
    outside.tried.clear()
    refusal = reason(fetcher, form.format(host))
    # An independent check: Python's own list of global addresses.
    for each in outside.tried:
        address = ip_address(each)
        assert address.is_global
        assert not address.is_multicast
        assert getattr(address, "sixtofour", None) is None
        assert getattr(address, "teredo", None) is None
    meant = outside.names(host.strip("[]"))
    if meant is not None and not ip_address(meant).is_global:
        assert refusal in ("forbidden-address", "bad-url")
        assert outside.tried == []


def test_a_proxy_in_the_environment_is_not_used(
    outside: Outside, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.tried.clear()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "")
    with Fetcher(Settings(data_dir=tmp_path)) as fetcher:
        for url in ("http://a.example/", "https://a.example/"):
            assert reason(fetcher, url) == "connection-failed"
    assert outside.tried == [ELSEWHERE] * 2
    outside.tried.clear()


def test_the_library_connects_only_through_the_recorded_call() -> None:
    """These tests record that call, so they would prove nothing if the library used another."""
    with pytest.MonkeyPatch.context() as patch:
        outside = Outside(patch)
        with pytest.raises(httpcore2.ConnectError):
            httpcore2.SyncBackend().connect_tcp("127.0.0.1", 9)
        assert outside.tried == ["127.0.0.1"]
