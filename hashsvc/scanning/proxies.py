"""
Egress proxies: each connection is led through one, to an address that was checked before.

A proxy is told addresses, never names: else it would look the name up a second time, and what it
found there nobody would have checked.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

import httpcore2

from hashsvc.scanning.errors import ProxyError

DEFAULT_PROXY = "default"
_PORTS = {"http": 8080, "socks5": 1080}
_MOST_HEAD = 16_384
# RFC 1928.
_VERSION, _CONNECT, _IPV4, _IPV6 = 5, 1, 1, 4
_NO_LOGIN, _LOGIN = 0, 2
# Of an answer's address, by its kind.
_SIZES = {_IPV4: 4, _IPV6: 16}


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """
    An HTTP proxy that allows CONNECT, or a SOCKS 5 proxy.

    Attributes:
        login: User name and password; None where it asks for none.
    """

    kind: Literal["http", "socks5"]
    host: str
    port: int
    login: tuple[str, str] | None = None

    def lead(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        """
        Make a connection to the proxy one to an address.

        Raises:
            httpcore2.ConnectError: If the proxy refuses.
        """
        (self._connect if self.kind == "http" else self._socks)(stream, address, port)

    def _connect(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        stream.write("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # Byte by byte: what comes after the head is no more of the proxy.
            head += _exactly(stream, 1)
            if len(head) > _MOST_HEAD:
                raise httpcore2.ConnectError("The proxy's answer has no end.")
        version, _, status = head.partition(b"\r\n")[0].partition(b" ")
        if not (version.startswith(b"HTTP/1.") and status.startswith(b"2")):
            raise httpcore2.ConnectError("The proxy refuses.")

    def _socks(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        method = _NO_LOGIN if self.login is None else _LOGIN
        stream.write(bytes([_VERSION, 1, method]))
        _expect(_exactly(stream, 2) == bytes([_VERSION, method]))
        if self.login is not None:
            name, word = (each.encode() for each in self.login)  # RFC 1929.
            stream.write(b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word)
            _expect(_exactly(stream, 2)[1] == 0)
        to = ip_address(address)
        kind = _IPV4 if isinstance(to, IPv4Address) else _IPV6
        stream.write(bytes([_VERSION, _CONNECT, 0, kind]) + to.packed + port.to_bytes(2))
        version, refused, _, bound = _exactly(stream, 4)
        _expect(version == _VERSION and not refused and bound in _SIZES)
        _exactly(stream, _SIZES[bound] + 2)


def read_proxies(text: str) -> Mapping[str, Proxy]:
    """
    Return proxies by name, of `name=URL` with commas between.

    Raises:
        ProxyError: If the text is not written so.
    """
    pairs = [each.strip().partition("=") for each in text.split(",") if each.strip()]
    return {name: _read(url) for name, _, url in pairs}


def _read(url: str) -> Proxy:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _unreadable() from error
    login = None
    if parts.username is not None:
        login = (unquote(parts.username), unquote(parts.password or ""))
        if any(len(each.encode()) > 255 for each in login):
            raise _unreadable()
    if not parts.hostname or parts.path not in ("", "/"):
        raise _unreadable()
    match parts.scheme:
        case "http" | "socks5" as kind:
            return Proxy(kind, parts.hostname, port or _PORTS[kind], login)
    raise _unreadable()


def _unreadable() -> ProxyError:
    return ProxyError(
        "A proxy is written as name=http://host:port or name=socks5://host:port, with "
        "user:password@ before the host where it asks for them."
    )


def _exactly(stream: httpcore2.NetworkStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = stream.read(size - len(data))
        _expect(part != b"")
        data += part
    return data


def _expect(true: bool) -> None:
    if not true:
        raise httpcore2.ConnectError("The proxy refuses.")
