"""
Runs the scripts of a page in a headless Chromium, for pages that show their images by script only.

The browser sees the network through a filtering proxy of ours and no other way: it resolves no
names, and each connection goes to an address that was checked, as every other of this room does. It
loads no images; it gives back the page's markup as the scripts have made it. Its profile is in
memory and gone after the page.
"""

import contextlib
import functools
import itertools
import os
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
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - so that nothing of a page comes onto a disk.
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
    # Else it would connect to loopback without the proxy.
    "--proxy-bypass-list=<-loopback>",
    # Whatever goes around the proxy finds no address, and no other protocol than TCP.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    f"--virtual-time-budget={_SCRIPTS_MS}",
    "--dump-dom",
)


class Renderer:
    """
    Gives back pages as their scripts have made them; threads may share it.

    Args:
        command: Chromium, and further switches of the operator's.

        fetcher: What the browser's connections are made by.

        at_once: Browsers that run at a time; each takes some hundred megabytes.
    """

    def __init__(
        self, command: str, fetcher: Fetcher, *, user_agent: str, at_once: int = 1
    ) -> None:
        self._command = shlex.split(command)
        self._fetcher = fetcher
        self._user_agent = user_agent
        self._turns = threading.Semaphore(at_once)

    def dom(self, url: str, *, deadline: float | None, via: str | None = None) -> bytes | None:
        """Return a page's markup after its scripts ran; None when the browser could not tell."""
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
        process = subprocess.Popen(  # noqa: S603 - the operator's browser; a URL begins with http.
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": profile, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        # Whatever it does, and its children, it ends in time; then the pipe does too.
        ended = threading.Timer(max(0.0, until - time.monotonic()), _end, (process,))
        ended.start()
        try:
            assert process.stdout is not None
            with process.stdout as output:
                dom = output.read(_MOST_DOM_BYTES)
        finally:
            ended.cancel()
            _end(process)
            code = process.wait()
        return dom if code == 0 and dom else None


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class FilteringProxy(socketserver.ThreadingTCPServer):
    """
    An HTTP proxy on loopback that leads only to where a fetcher may go.

    Args:
        until: When it stops leading, by `time.monotonic()`.

    Attributes:
        refused: How many connections it has refused.
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
        super().__init__(("127.0.0.1", 0), _Visitor)

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
        """Say nothing: the browser comes and goes as it likes."""

    def lead(self, place: str, default_port: int) -> Tunnel:
        """
        Return a connection to a host and port, as written in a request.

        Raises:
            FetchError: If it may not or cannot be reached.
        """
        try:
            host = urlsplit(normalise_url(f"http://{place}/")).hostname or ""
            return self._open(host, urlsplit(f"http://{place}/").port or default_port)
        except (BadUrlError, ValueError) as error:
            self.refused += 1
            raise FetchError("bad-url") from error
        except FetchError:
            self.refused += 1
            raise

    def counts(self, part: bytes) -> bool:
        """Take note of what came; False when it was too much."""
        with self._lock:
            self.bytes_left -= len(part)
            return self.bytes_left >= 0


class _Visitor(socketserver.StreamRequestHandler):
    """One connection of the browser's."""

    rbufsize = 0  # What comes after the head stays in the connection.

    def handle(self) -> None:
        proxy = cast("FilteringProxy", self.server)
        first, *others = list(self._head()) or [""]
        method, target, *_ = [*first.split(" "), "", ""]
        begun = b""
        try:
            if method == "CONNECT":
                tunnel = proxy.lead(target, 443)
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                place, _, path = target.removeprefix("http://").partition("/")
                tunnel = proxy.lead(place, 80)
                begun = _head_of([f"{method} /{path} HTTP/1.1", *others])
        except FetchError:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with contextlib.closing(tunnel):
            sent = itertools.chain([begun], self._parts())
            threading.Thread(target=_copy, args=(sent, tunnel.write), daemon=True).start()
            _copy(itertools.takewhile(proxy.counts, tunnel.parts()), self.wfile.write)

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


def _head_of(lines: list[str]) -> bytes:
    """Return a request as the site is to see it: one, without a word of the proxy, or a cookie."""
    left_out = ("proxy-", "connection:", "cookie:")
    kept = [line for line in lines if not line.lower().startswith(left_out)]
    return ("\r\n".join([*kept, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


def _copy(parts: Iterator[bytes], to: Callable[[bytes], object]) -> None:
    with contextlib.suppress(OSError, ValueError, FetchError):
        for part in parts:
            to(part)
