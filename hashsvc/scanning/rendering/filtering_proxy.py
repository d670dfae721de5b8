"""
An HTTP proxy for a browser. It connects only to hosts that a fetcher may reach.

It resolves no names itself. Each connection goes to a checked address, like all connections of the
scanning room.
"""

import contextlib
import functools
import itertools
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Self, cast
from urllib.parse import urlsplit

from hashsvc.scanning.connections import Tunnel
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.fetch import Fetcher
from hashsvc.scanning.urls import normalise_url

_MOST_HEAD_BYTES = 65_536
_PART_BYTES = 65_536
# A name, an IPv4 address or an IPv6 address in brackets, and a port.
_PLACE = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class FilteringProxy(socketserver.ThreadingTCPServer):
    """
    An HTTP proxy on loopback that connects only to hosts that a fetcher may reach.

    Args:
        fetcher: Checks and opens the connections.

        listener: The listening socket to serve, which may belong to another network namespace; the
            proxy closes it. None listens on a free port of this machine's loopback.

        until: When all connections have to end, by `time.monotonic()`.

        via: Name of the egress proxy, as for `Fetcher.get`.

    Attributes:
        bytes_left: How many more bytes the browser may receive.

        refused: How many connections were refused.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        until: float,
        via: str | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self._open: Callable[[str, int], Tunnel] = functools.partial(
            fetcher.tunnel, until=until, via=via
        )
        self._lock = threading.Lock()
        self.bytes_left = fetcher.max_bytes
        self.refused = 0
        super().__init__(("127.0.0.1", 0), _BrowserConnection, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket, self.server_address = listener, listener.getsockname()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: the browser may close its connections at any time."""

    def connect(self, place: str, default_port: int) -> Tunnel:
        """
        Return a connection to the host and port that a request names.

        Raises:
            FetchError: If the host or port is not allowed, or cannot be reached.
        """
        # Accept only a host and a port, and no text that two parsers could read differently.
        if not _PLACE.fullmatch(place):
            self.refused += 1
            raise FetchError("bad-url")
        try:
            host = urlsplit(normalise_url(f"http://{place}/")).hostname or ""
            return self._open(host, urlsplit(f"http://{place}/").port or default_port)
        except (BadUrlError, ValueError) as error:
            self.refused += 1
            raise FetchError("bad-url") from error
        except FetchError:
            self.refused += 1
            raise

    def count(self, part: bytes) -> bool:
        """Count received bytes; return False once they exceed the limit."""
        with self._lock:
            self.bytes_left -= len(part)
            return self.bytes_left >= 0


class _BrowserConnection(socketserver.StreamRequestHandler):
    """One connection from the browser."""

    rbufsize = 0  # Leave the bytes after the head in the connection.

    def handle(self) -> None:
        proxy = cast("FilteringProxy", self.server)
        first, *others = list(self._head()) or [""]
        method, target, *_ = [*first.split(" "), "", ""]
        head = b""
        try:
            if method == "CONNECT":
                tunnel = proxy.connect(target, 443)
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                place, _, path = target.removeprefix("http://").partition("/")
                tunnel = proxy.connect(place, 80)
                head = _request_head([f"{method} /{path} HTTP/1.1", *others])
        except FetchError:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with contextlib.closing(tunnel):
            sent = itertools.chain([head], self._parts())
            threading.Thread(target=_copy, args=(sent, tunnel.write), daemon=True).start()
            _copy(itertools.takewhile(proxy.count, tunnel.parts()), self.wfile.write)

    def _head(self) -> Iterator[str]:
        left = _MOST_HEAD_BYTES
        while left > 0:
            line = self.rfile.readline(left)
            left -= len(line)
            if line in (b"\r\n", b"\n", b""):
                return
            yield line.decode("latin-1").rstrip("\r\n")

    def _parts(self) -> Iterator[bytes]:
        while part := bytes(self.connection.recv(_PART_BYTES)):
            yield part


def _request_head(lines: list[str]) -> bytes:
    """Return the request head for the site, without proxy headers, cookies and keep-alive."""
    left_out = ("proxy-", "connection:", "cookie:")
    kept = [line for line in lines if not line.lower().startswith(left_out)]
    return ("\r\n".join([*kept, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


def _copy(parts: Iterator[bytes], to: Callable[[bytes], object]) -> None:
    with contextlib.suppress(OSError, ValueError, FetchError):
        for part in parts:
            to(part)
