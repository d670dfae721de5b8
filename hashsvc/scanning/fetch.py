"""
Downloads URLs from public addresses, within limits on time, bytes and redirects.

Every download ends with bytes or with a FetchError that gives a one-word reason. No cookie is
kept, no proxy from the environment is used, and nothing is written to disk.
"""

import contextlib
import hashlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore2
import httpx2

from hashsvc.clock import utc_now
from hashsvc.scanning.connections import ADDRESS, CheckedBackend, ThreadDeadline, Tunnel
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.hosts import Hosts, retry_after_s
from hashsvc.scanning.proxies import DEFAULT_PROXY, Proxy, read_proxies
from hashsvc.scanning.robots import (
    ALL_ALLOWED,
    MAX_ROBOTS_BYTES,
    NONE_ALLOWED,
    Robots,
    RobotsCache,
    read_robots,
)
from hashsvc.scanning.urls import normalise_url, resolve_url
from hashsvc.settings import Settings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
# Headers that later show which file it was, and how old.
_KEPT_HEADERS = ("content-type", "content-length", "last-modified", "etag", "date", "server")
_MOST_HEADER = 300

Fact = int | str | dict[str, str] | list[dict[str, int | str]]


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """
    A downloaded resource.

    Attributes:
        url: Where it came from, after redirects.

        content_type: The media type that the server claims, in lower case; may be wrong.

        body: The bytes, decompressed.

        facts: Facts about the download for the record: `url`, `status`, `fetched_at`, the server's
            `address`, some `headers`, the `redirects` that led there, and `certificate_sha256` if
            TLS was used.
    """

    url: str
    content_type: str
    body: bytes
    facts: Mapping[str, Fact] = field(default_factory=dict, compare=False)


class Fetcher:
    """
    Fetches URLs within the limits in the settings; safe to share between threads.

    Args:
        clock: Returns seconds, as `time.monotonic` does.

    Raises:
        ProxyError: If the settings name a proxy that cannot be read.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._deadline = ThreadDeadline(clock)
        secret = settings.fetch_proxies
        proxies = read_proxies(secret.get_secret_value()) if secret is not None else {}
        direct = None if DEFAULT_PROXY in proxies else _transport(settings, self._deadline, None)
        self._transports: dict[str, _CheckedTransport] = {
            name: _transport(settings, self._deadline, proxy) for name, proxy in proxies.items()
        }
        if direct is not None:
            self._transports[DEFAULT_PROXY] = direct
        self._hosts = Hosts(
            at_once=settings.fetch_downloads_per_host,
            delay_s=settings.fetch_host_delay_s,
            clock=clock,
        )
        self._robots = RobotsCache(clock)
        self._headers = [
            (b"User-Agent", settings.fetch_user_agent.encode("ascii")),
            (b"Accept", b"text/html,image/*;q=0.9,*/*;q=0.5"),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]
        limits = dict.fromkeys(("connect", "read", "write", "pool"), settings.fetch_timeout_s)
        self._extensions = {"timeout": limits}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()

    def get(self, url: str, *, deadline: float | None = None, via: str | None = None) -> Fetched:
        """
        Return what is at a URL.

        Args:
            url: Where to look.

            deadline: When to give up, by the clock, if that is before the settings' limit.

            via: Name of a proxy in the settings; None means the default proxy, or no proxy if the
                settings have no default.

        Raises:
            FetchError: If the URL cannot be fetched; `retry` says whether it may work later.
        """
        transport = self._transport(via)
        limit = self._clock() + self._settings.fetch_total_s
        self._deadline.until = limit if deadline is None else min(limit, deadline)
        with _as_fetch_errors():
            max_bytes, obeys = self._settings.fetch_max_bytes, self._settings.fetch_robots
            return self._follow(normalise_url(url), transport, max_bytes, obeys=obeys)

    @property
    def max_bytes(self) -> int:
        """The largest allowed download, in bytes."""
        return self._settings.fetch_max_bytes

    def tunnel(self, host: str, port: int, *, until: float, via: str | None = None) -> Tunnel:
        """
        Return a connection to a host, under the same rules as a download.

        Args:
            host: A name or an address.

            port: A port that the settings allow.

            until: When the connection has to end, by the clock.

            via: Name of a proxy, as for `get`.

        Raises:
            FetchError: If the host or port is not allowed, or cannot be reached.
        """
        transport = self._transport(via)
        self._deadline.until = until
        with _as_fetch_errors():
            return Tunnel(transport.connect(host, port), self._deadline, until)

    def _transport(self, via: str | None) -> "_CheckedTransport":
        transport = self._transports.get(via or DEFAULT_PROXY)
        if transport is None:
            raise FetchError("unknown-proxy")
        return transport

    def _follow(
        self, url: str, transport: "_CheckedTransport", max_bytes: int, *, obeys: bool
    ) -> Fetched:
        """Return what is at a URL, after following its redirects."""
        redirects: list[dict[str, int | str]] = []
        seen = {url}
        for _ in range(self._settings.fetch_redirects + 1):
            if obeys and not self._robots_of(url, transport).allows(url):
                raise FetchError("robots-txt")
            host = urlsplit(url).hostname or ""
            with self._hosts.turn(host, until=self._deadline.until):
                answer = self._get_once(url, transport, max_bytes, redirects)
            if isinstance(answer, Fetched):
                return answer
            redirects.append({"url": url, "status": answer[0]})
            url = answer[1]
            if url in seen:
                raise FetchError("redirect-loop")
            seen.add(url)
        raise FetchError("too-many-redirects")

    def _get_once(
        self,
        url: str,
        transport: "_CheckedTransport",
        max_bytes: int,
        redirects: list[dict[str, int | str]],
    ) -> Fetched | tuple[int, str]:
        """Return what is at a URL, or the status and the URL that it redirects to."""
        # Use the transport without httpx2's client, which would keep cookies and read the
        # environment.
        with self._deadline.within(self._settings.fetch_first_byte_s):
            response = transport.get(httpx2.URL(url), self._headers, self._extensions)
        with contextlib.closing(response):
            status = response.status_code
            if status in _REDIRECTS and "location" in response.headers:
                return status, resolve_url(url, response.headers["location"])
            if status != httpx2.codes.OK:
                raise self._refusal(url, response, redirects)
            media_type = response.headers.get("content-type", "").partition(";")[0]
            facts = _facts(url, response, redirects)
            return Fetched(url, media_type.strip().lower(), _body(response, max_bytes), facts)

    def _refusal(
        self, url: str, response: httpx2.Response, redirects: list[dict[str, int | str]]
    ) -> FetchError:
        status = response.status_code
        wait_s = None
        if status in _RETRIED:
            most_s = self._settings.fetch_longest_pause_s
            header = response.headers.get("retry-after")
            wait_s = retry_after_s(header, now=utc_now(), most_s=most_s)
        if status == httpx2.codes.TOO_MANY_REQUESTS and wait_s:
            # 429 concerns us as a client, so the whole host is paused; 503 concerns one resource.
            self._hosts.pause(urlsplit(url).hostname or "", wait_s)
        return FetchError(
            f"http-{status}",
            retry=status in _RETRIED,
            retry_after=wait_s,
            facts=_facts(url, response, redirects),
        )

    def _robots_of(self, url: str, transport: "_CheckedTransport") -> Robots:
        root = resolve_url(url, "/robots.txt")
        known = self._robots.get(root)
        if known is not None:
            return known
        program = self._settings.fetch_user_agent.partition("/")[0].strip()
        try:
            with _as_fetch_errors():
                body = self._follow(root, transport, MAX_ROBOTS_BYTES, obeys=False).body
            robots = read_robots(body.decode("utf-8", "replace"), program)
        except FetchError as error:
            # RFC 9309, 2.3.1: if there is no robots.txt, everything is allowed; if it cannot be
            # reached, nothing is.
            if error.retry:
                raise
            is_missing = error.reason.startswith("http-4")
            robots = ALL_ALLOWED if is_missing else NONE_ALLOWED
        self._robots.put(root, robots)
        return robots


def _transport(
    settings: Settings, deadline: ThreadDeadline, proxy: Proxy | None
) -> "_CheckedTransport":
    backend = CheckedBackend(
        settings.fetch_networks, deadline, connect_s=settings.fetch_connect_s, proxy=proxy
    )
    return _CheckedTransport(settings.fetch_ports, settings.fetch_max_bytes, backend)


@contextlib.contextmanager
def _as_fetch_errors() -> Iterator[None]:
    try:
        yield
    except (BadUrlError, httpx2.InvalidURL) as error:
        raise FetchError("bad-url") from error
    except httpcore2.TimeoutException as error:
        raise FetchError("timeout", retry=True) from error
    except httpx2.DecodingError as error:
        raise FetchError("broken-answer") from error
    except httpcore2.ProtocolError as error:
        # The usual cause is an answer that was cut off.
        raise FetchError("broken-answer", retry=True) from error
    except httpcore2.NetworkError as error:
        if _is_certificate_error(error):
            raise FetchError("bad-certificate") from error
        raise FetchError("connection-failed", retry=True) from error


def _is_certificate_error(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        # We did not ask for this coding, or several codings are stacked. A lower layer can be
        # endless while the decoded body stays empty, and then no size limit would stop it.
        raise FetchError("unknown-coding")
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > max_bytes:
        raise FetchError("too-large")
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise FetchError("too-large")
    return bytes(body)


def _facts(
    url: str, response: httpx2.Response, redirects: list[dict[str, int | str]]
) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "url": url,
        "status": response.status_code,
        "fetched_at": utc_now().isoformat(timespec="seconds"),
        "redirects": redirects,
        "headers": {
            name: "".join(filter(str.isprintable, value[:_MOST_HEADER]))
            for name in _KEPT_HEADERS
            if (value := response.headers.get(name)) is not None
        },
    }
    stream = response.extensions.get("network_stream")
    if isinstance(stream, httpcore2.NetworkStream):
        address = stream.get_extra_info(ADDRESS)
        if isinstance(address, str):
            facts["address"] = address
        tls = stream.get_extra_info("ssl_object")
        certificate = tls.getpeercert(True) if tls is not None else None
        if certificate:
            facts["certificate_sha256"] = hashlib.sha256(certificate).hexdigest()
    return facts


class _CheckedTransport:
    """Requests URLs over connections that a CheckedBackend opens."""

    def __init__(self, ports: frozenset[int], max_bytes: int, backend: CheckedBackend) -> None:
        self._ports = ports
        self._max_bytes = max_bytes
        self._backend = backend
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=15,
            network_backend=backend,
        )

    def get(
        self, url: httpx2.URL, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any]
    ) -> httpx2.Response:
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
        self._check(port)
        return self._backend.connect_tcp(host, port)

    def close(self) -> None:
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
