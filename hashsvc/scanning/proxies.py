"""
Egress proxies (HTTP CONNECT and SOCKS 5) that carry connections to checked addresses.

A proxy receives addresses, never names: it would look a name up again, and nobody would check the
address that it finds.
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
# Bytes of the address in a SOCKS answer, by address type.
_ADDRESS_BYTES = {_IPV4: 4, _IPV6: 16}


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """
    An HTTP proxy that allows CONNECT, or a SOCKS 5 proxy.

    Attributes:
        login: User name and password; None if the proxy needs none.
    """

    kind: Literal["http", "socks5"]
    host: str
    port: int
    login: tuple[str, str] | None = None

    def connect(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        """
        Turn a connection to the proxy into a connection to an address.

        Raises:
            httpcore2.ConnectError: If the proxy refuses.
        """
        (self._connect_http if self.kind == "http" else self._connect_socks)(stream, address, port)

    def _connect_http(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        stream.write("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # Read byte by byte: the bytes after the head come from the server, not the proxy.
            head += _read_exactly(stream, 1)
            if len(head) > _MOST_HEAD:
                raise httpcore2.ConnectError(
                    f"The head of the proxy's answer is longer than {_MOST_HEAD} bytes."
                )
        version, _, status = head.partition(b"\r\n")[0].partition(b" ")
        if not (version.startswith(b"HTTP/1.") and status.startswith(b"2")):
            raise httpcore2.ConnectError("The proxy refused the connection.")

    def _connect_socks(self, stream: httpcore2.NetworkStream, address: str, port: int) -> None:
        method = _NO_LOGIN if self.login is None else _LOGIN
        stream.write(bytes([_VERSION, 1, method]))
        _expect(_read_exactly(stream, 2) == bytes([_VERSION, method]))
        if self.login is not None:
            name, word = (each.encode() for each in self.login)  # RFC 1929.
            stream.write(b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word)
            _expect(_read_exactly(stream, 2)[1] == 0)
        to = ip_address(address)
        kind = _IPV4 if isinstance(to, IPv4Address) else _IPV6
        stream.write(bytes([_VERSION, _CONNECT, 0, kind]) + to.packed + port.to_bytes(2))
        version, refused, _, bound = _read_exactly(stream, 4)
        _expect(version == _VERSION and not refused and bound in _ADDRESS_BYTES)
        _read_exactly(stream, _ADDRESS_BYTES[bound] + 2)


def read_proxies(text: str) -> Mapping[str, Proxy]:
    """
    Return proxies by name, from a text such as `name=URL,name=URL`.

    Raises:
        ProxyError: If the text has another format.
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
        "Write a proxy as name=http://host:port or name=socks5://host:port, with "
        "user:password@ before the host if it needs a login."
    )


def _read_exactly(stream: httpcore2.NetworkStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = stream.read(size - len(data))
        _expect(part != b"")
        data += part
    return data


def _expect(is_met: bool) -> None:
    if not is_met:
        raise httpcore2.ConnectError("The proxy refused the connection.")
