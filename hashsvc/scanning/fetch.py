"""
Downloads what is reported, from public addresses only, within limits of time, bytes and redirects.

A name is resolved once; every address it has must be allowed; the connection goes to the address
that was checked, so an answer that changes between check and connection gains nothing.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

import httpcore2
import httpx2

from hashsvc.scanning.addresses import is_public
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.urls import normalise_url, resolve_url
from hashsvc.settings import Network, Settings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """
    A downloaded resource.

    Attributes:
        url: Where it came from, after redirects.

        content_type: The media type that the server claims, in lower case; may be a lie.

        body: The bytes, decompressed.
    """

    url: str
    content_type: str
    body: bytes


class Fetcher:
    """Fetches URLs by the limits of the settings; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._time = _Time()
        self._transport = _CheckedTransport(settings, self._time)
        self._headers = {
            "User-Agent": settings.fetch_user_agent,
            "Accept": "text/html,image/*;q=0.9,*/*;q=0.5",
            "Accept-Encoding": "gzip, deflate",
        }
        limits = dict.fromkeys(("connect", "read", "write", "pool"), settings.fetch_timeout_s)
        self._extensions = {"timeout": limits}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def get(self, url: str, *, deadline: float | None = None) -> Fetched:
        """
        Return what is at a URL.

        Args:
            url: Where to look.

            deadline: When to give up, by `time.monotonic()`, if that is before the settings' limit.

        Raises:
            FetchError: With the reason; its `retry` says whether it may work later.
        """
        limit = time.monotonic() + self._settings.fetch_total_s
        self._time.deadline = limit if deadline is None else min(limit, deadline)
        for _ in range(self._settings.fetch_redirects + 1):
            answer = self._get_once(url)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise FetchError("too-many-redirects")

    def _get_once(self, url: str) -> Fetched | str:
        """Return what is at a URL, or the URL that it redirects to."""
        try:
            url = normalise_url(url)
            # The transport alone, without httpx2's client: so no cookie is ever kept.
            request = httpx2.Request("GET", url, headers=self._headers, extensions=self._extensions)
            with contextlib.closing(self._transport.handle_request(request)) as response:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    return resolve_url(url, response.headers["location"])
                if response.status_code != httpx2.codes.OK:
                    raise FetchError(
                        f"http-{response.status_code}", retry=response.status_code in _RETRIED
                    )
                media_type = response.headers.get("content-type", "").partition(";")[0]
                return Fetched(
                    url=url,
                    content_type=media_type.strip().lower(),
                    body=self._body(response),
                )
        except (BadUrlError, httpx2.InvalidURL) as error:
            raise FetchError("bad-url") from error
        except httpcore2.TimeoutException as error:
            raise FetchError("timeout", retry=True) from error
        except httpx2.DecodingError as error:
            raise FetchError("broken-answer") from error
        except httpcore2.ProtocolError as error:
            # Most often an answer that was cut off.
            raise FetchError("broken-answer", retry=True) from error
        except httpcore2.NetworkError as error:
            raise FetchError("connection-failed", retry=True) from error

    def _body(self, response: httpx2.Response) -> bytes:
        if "," in response.headers.get("content-encoding", ""):
            # A layer under another one may be endless and the body empty: no limit would end it.
            raise FetchError("broken-answer")
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._settings.fetch_max_bytes:
                raise FetchError("too-large")
        return bytes(body)


class _Time(threading.local):
    """When the download of this thread has to be over."""

    deadline: float

    def left(self, timeout_s: float | None) -> float:
        """Return how long the next wait may be: `timeout_s`, or less if there is less time."""
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise httpcore2.ReadTimeout
        return left_s if timeout_s is None else min(timeout_s, left_s)


class _CheckedTransport(httpx2.BaseTransport):
    """An HTTP transport whose connections go through _CheckedBackend."""

    def __init__(self, settings: Settings, time_: _Time) -> None:
        self._ports = settings.fetch_ports
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=15,
            network_backend=_CheckedBackend(settings.fetch_networks, time_),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        port = request.url.port
        if port is None:
            port = {"http": 80, "https": 443}[request.url.scheme]
        if port not in self._ports:
            raise FetchError("forbidden-port")
        response = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _CheckedBackend(httpcore2.NetworkBackend):
    """Resolves a name once, refuses it when any address is forbidden, connects by address."""

    def __init__(self, extra: tuple[Network, ...], time_: _Time) -> None:
        self._extra = extra
        self._time = time_
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in self._resolve(host, port):
            try:
                connected = self._sockets.connect_tcp(
                    str(address), port, self._time.left(timeout), local_address, socket_options
                )
                return _TimedStream(connected, self._time)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        raise FetchError("forbidden-address")

    def _resolve(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchError("unknown-host", retry=True) from error
        addresses = []
        for *_, place in answers:
            # The C resolver reads many spellings (0x7f.1, 2130706433); what it made of them is
            # what counts, so the check comes after it.
            with contextlib.suppress(ValueError):
                addresses.append(ip_address(str(place[0]).partition("%")[0]))
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise FetchError("forbidden-address")
        return list(dict.fromkeys(addresses))

    def _allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return is_public(address) or any(address in network for network in self._extra)


class _TimedStream(httpcore2.NetworkStream):
    """
    A connection on which nothing waits longer than the download may take.

    The timeouts of httpcore2 are for one read each: by them a server that sends a byte now and
    then keeps a thread for days.
    """

    def __init__(self, stream: httpcore2.NetworkStream, time_: _Time) -> None:
        self._stream = stream
        self._time = time_

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._time.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._time.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = self._time.left(timeout)
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, left_s), self._time
        )

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
