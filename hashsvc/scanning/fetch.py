"""
Downloads URLs from public addresses, within limits on time, bytes and redirects.

Every download ends with bytes or with a FetchError that gives a one-word reason. No proxy
from the environment is used, nothing is written to disk, and cookies last for one visit to a URL.
"""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import httpcore2
import httpx2

from hashsvc.clock import utc_now
from hashsvc.scanning.browsing import Browsing
from hashsvc.scanning.connections import ThreadDeadline, Tunnel
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.facts import INCOMPLETE, Fact, facts_of
from hashsvc.scanning.hosts import Hosts, retry_after_s
from hashsvc.scanning.proxies import DEFAULT_PROXY, read_proxies
from hashsvc.scanning.robots import (
    ALL_ALLOWED,
    MAX_ROBOTS_BYTES,
    NONE_ALLOWED,
    Robots,
    RobotsCache,
    read_robots,
)
from hashsvc.scanning.transport import CheckedTransport
from hashsvc.scanning.urls import normalise_url, resolve_url
from hashsvc.settings import Settings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
# The headers that a browser acts upon.
_BROWSED_HEADERS = ("content-type", "refresh", "referrer-policy")


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """
    A downloaded resource.

    Attributes:
        url: Where it came from, after redirects.

        content_type: The media type that the server claims, in lower case; may be wrong.

        body: The bytes, decompressed.

        status: The HTTP status. It can differ from 200 only if `get` was given `browsing`.

        headers: The headers that a browser acts upon, by name in lower case. The value of a missing
            header is empty.

        facts: Facts about the download for the record: `url`, `status`, `fetched_at`, the server's
            `address`, some `headers`, the `redirects` that led there, `certificate_sha256` if TLS
            was used, and `incomplete` if the answer was cut off.
    """

    url: str
    content_type: str
    body: bytes
    facts: Mapping[str, Fact] = field(default_factory=dict, compare=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


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
        self._transports = {
            name: CheckedTransport(settings, self._deadline, proxy)
            for name, proxy in proxies.items()
        }
        if DEFAULT_PROXY not in proxies:
            self._transports[DEFAULT_PROXY] = CheckedTransport(settings, self._deadline, None)
        self._hosts = Hosts(
            at_once=settings.fetch_downloads_per_host,
            delay_s=settings.fetch_host_delay_s,
            clock=clock,
        )
        self._robots = RobotsCache(clock)
        self._headers = [
            (b"User-Agent", settings.fetch_user_agent.encode("ascii")),
            (b"Accept-Encoding", b"gzip, deflate"),
            (b"Accept", b"*/*"),
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

    def get(
        self,
        url: str,
        *,
        deadline: float | None = None,
        via: str | None = None,
        browsing: Browsing | None = None,
    ) -> Fetched:
        """
        Return what is at a URL.

        Args:
            url: Where to look.

            deadline: When to give up, by the clock, if that is before the settings' limit.

            via: Name of a proxy in the settings; None means the default proxy, or no proxy if the
                settings have no default.

            browsing: Why a browser would make the request. If it is given, `get` sends a browser's
                headers. It then also returns a body that comes with an error such as 404, or that
                was cut off twice, because browsers show both. None sends the headers of a simple
                program, without cookies.

        Raises:
            FetchError: If the URL cannot be fetched; `retry` says whether it may work later.
        """
        transport = self._transport(via)
        limit = self._clock() + self._settings.fetch_total_s
        self._deadline.until = limit if deadline is None else min(limit, deadline)
        fetched = self._get(url, transport, browsing)
        if INCOMPLETE not in fetched.facts:
            return fetched
        # The connection may have broken by chance, so ask again. If the second answer is cut off
        # too, the cause is the server.
        with contextlib.suppress(FetchError):
            fetched = max(fetched, self._get(url, transport, browsing), key=_completeness)
        return fetched

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

    def _transport(self, via: str | None) -> CheckedTransport:
        transport = self._transports.get(via or DEFAULT_PROXY)
        if transport is None:
            raise FetchError("unknown-proxy")
        return transport

    def _get(self, url: str, transport: CheckedTransport, browsing: Browsing | None) -> Fetched:
        with _as_fetch_errors():
            max_bytes, obeys = self._settings.fetch_max_bytes, self._settings.fetch_robots
            return self._follow(normalise_url(url), transport, max_bytes, browsing, obeys=obeys)

    def _follow(
        self,
        url: str,
        transport: CheckedTransport,
        max_bytes: int,
        browsing: Browsing | None = None,
        *,
        obeys: bool,
    ) -> Fetched:
        """Return what is at a URL, after following its redirects."""
        redirects: list[dict[str, int | str]] = []
        seen: set[tuple[tuple[bytes, bytes], ...]] = set()
        for _ in range(self._settings.fetch_redirects + 1):
            if obeys and not self._robots_of(url, transport).allows(url):
                raise FetchError("robots-txt")
            headers = (
                self._headers
                if browsing is None
                else [*self._headers[:-1], *browsing.headers_for(url)]
            )
            # A redirect back to the same URL is not a loop if the answer has set a cookie.
            request = ((b"", url.encode()), *headers)
            if request in seen:
                raise FetchError("redirect-loop")
            seen.add(request)
            host = urlsplit(url).hostname or ""
            with self._hosts.turn(host, until=self._deadline.until):
                answer = self._get_once(url, transport, max_bytes, redirects, headers, browsing)
            if isinstance(answer, Fetched):
                return answer
            redirects.append({"url": url, "status": answer[0]})
            url = answer[1]
        raise FetchError("too-many-redirects")

    def _get_once(
        self,
        url: str,
        transport: CheckedTransport,
        max_bytes: int,
        redirects: list[dict[str, int | str]],
        headers: list[tuple[bytes, bytes]],
        browsing: Browsing | None,
    ) -> Fetched | tuple[int, str]:
        """Return what is at a URL, or the status and the URL that it redirects to."""
        # Use the transport without httpx2's client, which would read the environment.
        with self._deadline.within(self._settings.fetch_first_byte_s):
            response = transport.get(httpx2.URL(url), headers, self._extensions)
        with contextlib.closing(response):
            status = response.status_code
            if browsing is not None:
                browsing.keep_cookies(url, response)
            if status in _REDIRECTS and (location := _location(response)):
                return status, resolve_url(url, location)
            refusal = None
            if status != httpx2.codes.OK:
                refusal = self._refusal(url, response, redirects)
                if browsing is None or refusal.retry or status in _REDIRECTS:
                    raise refusal
            facts = facts_of(url, response, redirects)
            body, is_whole = _body(response, max_bytes, keeps_part=browsing is not None)
            if refusal is not None and not body:
                raise refusal
            if not is_whole:
                facts[INCOMPLETE] = 1
            told = {name: response.headers.get(name, "") for name in _BROWSED_HEADERS}
            media_type = told["content-type"].partition(";")[0].strip().lower()
            return Fetched(url, media_type, body, facts, status, told)

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
            facts=facts_of(url, response, redirects),
        )

    def _robots_of(self, url: str, transport: CheckedTransport) -> Robots:
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


def _completeness(fetched: Fetched) -> tuple[bool, int]:
    return INCOMPLETE not in fetched.facts, len(fetched.body)


def _location(response: httpx2.Response) -> str:
    """Return where a redirect leads; bytes that are not ASCII are percent-encoded as they are."""
    raw = next((value for name, value in response.headers.raw if name.lower() == b"location"), b"")
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)


def _body(response: httpx2.Response, max_bytes: int, *, keeps_part: bool) -> tuple[bytes, bool]:
    """Return the body and whether it is whole; `keeps_part` allows a body that is not."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        # We did not ask for this coding, or several codings are stacked. In a stack, one coding can
        # decode to endless data while the body stays empty, and no size limit would stop that.
        raise FetchError("unknown-coding")
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > max_bytes:
        raise FetchError("too-large")
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > max_bytes:
                raise FetchError("too-large")
    except httpcore2.RemoteProtocolError:
        # If an answer was cut off, browsers show the part that came.
        if not body or not keeps_part:
            raise
        return bytes(body), False
    return bytes(body), True
