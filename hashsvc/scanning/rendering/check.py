"""
Lets a browser try to send packets past its proxy, and checks that none come through.

The check opens a page whose script asks a STUN server over UDP, which Chromium sends past a proxy
unless a switch forbids it. The server is a socket of this process on loopback. The proxy of this
check connects to nothing, and serves the page itself.
"""

import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, cast

from hashsvc.scanning.errors import IsolationError
from hashsvc.scanning.rendering.browser import Browser

CHECK_URL = "http://check.invalid/"
"""The page that the browser has to open for a check."""

_LONGEST_S = 10.0
# How long the page stays open after the browser began to gather its addresses. The browser sends
# the first packets within milliseconds.
_GATHERING_S = 2.0
_PAGE = b"""<body><script>
try {
  const peer = new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:%d"}]})
  peer.onicecandidate = event => {
    if (event.candidate && event.candidate.protocol === "udp") fetch("/offers-udp")
  }
  peer.createDataChannel("x")
  peer.createOffer().then(offer => peer.setLocalDescription(offer)).then(() => fetch("/gathers"))
} catch (error) { fetch("/gathers") }
</script>"""


def is_kept_behind_proxy(browser: Browser) -> bool:
    """
    Return whether the browser ran the check and sent nothing; False if it did not run the check.

    Args:
        browser: A new browser, which opens CHECK_URL.

    Raises:
        IsolationError: If the browser sent UDP packets past the proxy, or was ready to.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        with _CheckProxy(browser.listener, server.getsockname()[1]) as proxy:
            dom = browser.dom(time.monotonic() + _LONGEST_S)
        packet = b""
        with suppress(BlockingIOError):
            packet = server.recv(1)
    if packet or "offers-udp" in proxy.asked:
        raise IsolationError("The browser sends UDP packets past the proxy.")
    return dom is not None and "gathers" in proxy.asked


class _CheckProxy(ThreadingHTTPServer):
    """
    Serves the check page, and nothing else.

    Attributes:
        asked: The paths that the page asked for.
    """

    def __init__(self, listener: socket.socket, stun_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _CheckPage, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.page = _PAGE % stun_port
        self.asked: set[str] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: the browser may close its connections at any time."""


class _CheckPage(BaseHTTPRequestHandler):
    """One connection from the browser."""

    def do_GET(self) -> None:
        proxy = cast("_CheckProxy", self.server)
        path = self.path.removeprefix(CHECK_URL)
        proxy.asked.add(path)
        if path == "gathers":
            time.sleep(_GATHERING_S)
        answer = b"" if path else proxy.page
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""
