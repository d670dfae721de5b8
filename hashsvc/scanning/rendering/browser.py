"""Runs one isolated browser for one page, through the keeper process."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

from hashsvc.scanning.errors import IsolationError

Isolation = Literal["namespace", "flags"]

SCRIPTS_MS = 5_000
"""How long a page's scripts run, in milliseconds of the page's virtual clock."""

_MOST_DOM_BYTES = 10_000_000
_MOST_REASON_BYTES = 1_000
_START_S = 10.0
_END_S = 5.0
_KEEPER = Path(__file__).with_name("keeper.py")

# Chromium's own services, which would ask Google's hosts about every page.
_FEATURES_OFF = (
    "AimEnabled",
    "AimServerEligibilityEnabled",
    "AimServerRequestOnStartupEnabled",
    "AutofillServerCommunication",
    "CertificateTransparencyComponentUpdater",
    "DialMediaRouteProvider",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PreconnectToSearch",
    "Translate",
)
# Chromium refuses port 1 before it asks a proxy.
_NOWHERE = "http://localhost:1"
_SWITCHES = (
    "--headless",
    "--incognito",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    f"--disable-features={','.join(_FEATURES_OFF)}",
    "--disable-field-trial-config",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disk-cache-size=1",
    "--dns-prefetch-disable",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-pings",
    "--no-service-autorun",
    f"--gaia-url={_NOWHERE}",
    f"--gcm-checkin-url={_NOWHERE}",
    f"--gcm-mcs-endpoint={_NOWHERE}",
    f"--gcm-registration-url={_NOWHERE}",
    f"--google-apis-url={_NOWHERE}",
    f"--google-base-url={_NOWHERE}",
    f"--google-url={_NOWHERE}",
    "--blink-settings=imagesEnabled=false",
    # Without this, Chromium connects to loopback directly and not through the proxy.
    "--proxy-bypass-list=<-loopback>",
    # Traffic that bypasses the proxy cannot resolve names or use protocols other than TCP. The
    # namespace stops such traffic too.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    f"--virtual-time-budget={SCRIPTS_MS}",
    "--dump-dom",
)


class Browser:
    """
    A browser that opens one page and prints its markup; a context manager that ends it.

    Args:
        command: The Chromium command, with the operator's switches.

        user_agent: The user agent that the browser sends.

        url: The page.

        isolation: What keeps the browser behind the proxy: "namespace" for a network namespace and
            Chromium's switches, "flags" for the switches alone.

    Attributes:
        listener: The socket on which the browser expects its proxy.

    Raises:
        IsolationError: If the browser cannot be isolated. It is then not started.

        OSError: If no process can be started.
    """

    def __init__(
        self, command: list[str], *, user_agent: str, url: str, isolation: Isolation
    ) -> None:
        self._control, theirs = socket.socketpair()
        told = [isolation, *command, *_SWITCHES, f"--user-agent={user_agent}", url]
        try:
            with theirs:
                self._keeper = subprocess.Popen(  # noqa: S603 - our file and the operator's command.
                    [sys.executable, "-I", "-S", str(_KEEPER), str(theirs.fileno()), *told],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except BaseException:
            self._control.close()
            raise
        try:
            self.listener = self._receive_listener()
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def dom(self, until: float) -> bytes | None:
        """Return the page's markup; None if the browser failed, or did not end by `until`."""
        assert self._keeper.stdout is not None
        # At the deadline, make the keeper end the browser. That closes the pipe, so `read` returns.
        ended = threading.Timer(max(0.0, until - time.monotonic()), self._hang_up)
        ended.start()
        try:
            dom = self._keeper.stdout.read(_MOST_DOM_BYTES)
        finally:
            ended.cancel()
        return dom if self._end() == 0 and dom else None

    def _receive_listener(self) -> socket.socket:
        self._control.settimeout(_START_S)
        message, numbers, _, _ = socket.recv_fds(self._control, _MOST_REASON_BYTES, 1)
        if not numbers:
            raise IsolationError(message.decode(errors="replace") or "The keeper did not start.")
        return socket.socket(fileno=numbers[0])

    def _hang_up(self) -> None:
        """Tell the keeper to end the browser."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def _end(self) -> int:
        """End the browser and the keeper; return the browser's exit status."""
        self._hang_up()
        self._control.close()
        assert self._keeper.stdout is not None
        self._keeper.stdout.close()
        try:
            return self._keeper.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._keeper.kill()  # The browser dies with the keeper.
            return self._keeper.wait()
