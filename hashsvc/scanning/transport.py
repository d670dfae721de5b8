"""
Makes requests over checked connections.

It connects only to allowed ports, limits the bytes of an answer, and ignores proxies that the
environment names.
"""

import ssl
from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2

from hashsvc.scanning.connections import CheckedBackend, ThreadDeadline
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.proxies import Proxy
from hashsvc.scanning.tolerant_http import TolerantBackend
from hashsvc.settings import Settings


class CheckedTransport:
    """
    Requests URLs over connections that a `CheckedBackend` opens, through one proxy or none.

    Raises:
        FetchError: From `get` and `connect`, if the port is not allowed.
    """

    def __init__(self, settings: Settings, deadline: ThreadDeadline, proxy: Proxy | None) -> None:
        self._ports = settings.fetch_ports
        self._max_bytes = settings.fetch_max_bytes
        self._backend = CheckedBackend(
            settings.fetch_networks, deadline, connect_s=settings.fetch_connect_s, proxy=proxy
        )
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=15,
            network_backend=TolerantBackend(self._backend),
        )

    def get(
        self, url: httpx2.URL, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any]
    ) -> httpx2.Response:
        """Return the answer to a GET request, with its body still to be read."""
        port = {"http": 80, "https": 443}[url.scheme] if url.port is None else url.port
        self._check(port)
        response = self._pool.handle_request(
            httpcore2.Request(
                method="GET",
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=[(b"Host", url.netloc), *headers],
                # An empty tuple sends no body chunk; None would send one empty chunk.
                content=(),
                extensions=extensions,
            )
        )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, self._max_bytes),
            extensions=response.extensions,
        )

    def connect(self, host: str, port: int) -> httpcore2.NetworkStream:
        """Return a connection to a host."""
        self._check(port)
        return self._backend.connect_tcp(host, port)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _check(self, port: int) -> None:
        if port not in self._ports:
            raise FetchError("forbidden-port")


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response, max_bytes: int) -> None:
        self._response = response
        self._left = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._response.iter_stream():
            # Count the compressed bytes: they may decompress to nothing, without end.
            self._left -= len(chunk)
            if self._left < 0:
                raise FetchError("too-large")
            yield chunk

    def close(self) -> None:
        self._response.close()
