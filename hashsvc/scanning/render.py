"""
Runs a page's scripts in headless Chromium, for pages that show their images by script only.

The browser reaches the network only through a filtering proxy of this module: it resolves no names,
and each connection goes to a checked address, like all connections of this package. It loads no
images, and returns the page's markup as its scripts have changed it. Its profile is kept in memory
and deleted after the page.
"""

import contextlib
import functools
import itertools
import os
import re
import shlex
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, cast
from urllib.parse import urlsplit

import structlog

from hashsvc.scanning.connections import Tunnel
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.fetch import Fetcher
from hashsvc.scanning.urls import normalise_url

_MOST_DOM_BYTES = 10_000_000
_MOST_HEAD_BYTES = 65_536
_PART_BYTES = 65_536
_LONGEST_S = 20.0
_SCRIPTS_MS = 5_000
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - keeps pages off the disk.
# A name, an IPv4 address or an IPv6 address in brackets, and a port.
_PLACE = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_log = structlog.get_logger()

_SWITCHES = (
    "--headless",
    "--incognito",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disk-cache-size=1",
    "--mute-audio",
    "--no-pings",
    "--blink-settings=imagesEnabled=false",
    # Without this, Chromium connects to loopback directly and not through the proxy.
    "--proxy-bypass-list=<-loopback>",
    # Traffic that bypasses the proxy cannot resolve names or use protocols other than TCP.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    f"--virtual-time-budget={_SCRIPTS_MS}",
    "--dump-dom",
)


class Renderer:
    """
    Returns pages as their scripts have changed them; safe to share between threads.

    Args:
        command: The Chromium command, with any further switches that the operator wants.

        fetcher: Opens the browser's connections.

        user_agent: The user agent that the browser sends.

        at_once: Browsers that run at the same time; each takes a few hundred megabytes.
    """

    def __init__(
        self, command: str, fetcher: Fetcher, *, user_agent: str, at_once: int = 1
    ) -> None:
        self._command = shlex.split(command)
        self._fetcher = fetcher
        self._user_agent = user_agent
        self._turns = threading.Semaphore(at_once)

    def dom(self, url: str, *, deadline: float | None, via: str | None = None) -> bytes | None:
        """Return a page's markup after its scripts ran; None if the browser failed or ran late."""
        until = time.monotonic() + _LONGEST_S
        until = until if deadline is None else min(until, deadline)
        if not self._turns.acquire(timeout=max(0.0, until - time.monotonic())):
            return None
        try:
            with (
                FilteringProxy(self._fetcher, until=until, via=via) as proxy,
                tempfile.TemporaryDirectory(
                    dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None, ignore_cleanup_errors=True
                ) as profile,
            ):
                return self._run(url, proxy.port, profile, until)
        except OSError as error:
            _log.error("scan.renderer_failed", error=type(error).__name__)
            return None
        finally:
            self._turns.release()

    def _run(self, url: str, port: int, profile: str, until: float) -> bytes | None:
        command = [
            *self._command,
            *_SWITCHES,
            f"--proxy-server=http://127.0.0.1:{port}",
            f"--user-data-dir={profile}",
            f"--user-agent={self._user_agent}",
            url,
        ]
        process = subprocess.Popen(  # noqa: S603 - the operator's command; the URL starts with http.
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": profile, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        # Kill the browser and its children at the deadline; this also closes the pipe.
        ended = threading.Timer(max(0.0, until - time.monotonic()), _kill_group, (process,))
        ended.start()
        try:
            assert process.stdout is not None
            with process.stdout as output:
                dom = output.read(_MOST_DOM_BYTES)
        finally:
            ended.cancel()
            _kill_group(process)
            code = process.wait()
        return dom if code == 0 and dom else None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class FilteringProxy(socketserver.ThreadingTCPServer):
    """
    An HTTP proxy on loopback that connects only to hosts that a fetcher may reach.

    Args:
        fetcher: Checks and opens the connections.

        until: When all connections have to end, by `time.monotonic()`.

        via: Name of the egress proxy, as for `Fetcher.get`.

    Attributes:
        bytes_left: How many more bytes the browser may receive.

        refused: How many connections were refused.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, fetcher: Fetcher, *, until: float, via: str | None = None) -> None:
        self._open: Callable[[str, int], Tunnel] = functools.partial(
            fetcher.tunnel, until=until, via=via
        )
        self._lock = threading.Lock()
        self.bytes_left = fetcher.max_bytes
        self.refused = 0
        super().__init__(("127.0.0.1", 0), _BrowserConnection)

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
