"""Serves the pages on loopback, with another picture at each path, and notes what is asked for."""

import base64
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

from benchmarks.pages.making import HOST, IMAGE_HOST, PICTURE, MadePage
from benchmarks.pages.pictures import digest_key, drawing, picture

SECOND_NAME = "localhost"
"""The other name of the server's host, 127.0.0.1."""

_LARGEST_REPORT = 20_000_000


class PageServer(ThreadingHTTPServer):
    """
    Serves documents, and pictures at all paths that name one.

    Args:
        pages: The pages whose documents to serve.

        scripts: The script to put into the head of a document, by the document's path.

        on_report: Called with the path's query and the body of each POST.

    Attributes:
        asked: The name (see `key_of`) of each picture that was asked for, in order.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        pages: Iterable[MadePage],
        *,
        scripts: Mapping[str, str] = MappingProxyType({}),
        on_report: Callable[[str, bytes], object] = lambda _query, _body: None,
    ) -> None:
        self.documents = {
            path: document for page in pages for path, document in page.documents.items()
        }
        self._folders = {_folder_of(path) for path in self.documents}
        self.scripts = scripts
        self.on_report = on_report
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: clients may hang up at any time."""

    def is_page_folder(self, path: str) -> bool:
        """Return whether a path is in the folder of a page."""
        return _folder_of(path) in self._folders

    def key_of(self, url: str) -> str:
        """
        Return an image's name: its path and query, or the digest of its bytes.

        The name is the same on every port. That of an image on the second host begins with the
        host.
        """
        if url.startswith("data:"):
            head, _, data = url.partition(",")
            body = base64.b64decode(unquote(data)) if ";base64" in head else unquote(data).encode()
            return digest_key(body)
        parts = urlsplit(urljoin(self.url, url))
        if parts.path.endswith(".svg"):
            return digest_key(picture(parts.path))
        host = SECOND_NAME if parts.hostname == SECOND_NAME else ""
        key = host + parts.path + (f"?{parts.query}" if parts.query else "")
        return re.sub(rf"(?:127\.0\.0\.1|{SECOND_NAME})(?::|%3A){self.port}", "host", key)


def _folder_of(path: str) -> str:
    return "/".join(path.split("/")[:3])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send head and body in one packet: a second packet would wait until the first is confirmed.
    wbufsize = -1
    server: PageServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        document = self.server.documents.get(path)
        if document is not None:
            hosts = {HOST: "127.0.0.1", IMAGE_HOST: SECOND_NAME}
            script = self.server.scripts.get(path, "").encode()
            body = document.body
            for mark, host in hosts.items():
                body = body.replace(mark.encode(), f"{host}:{self.server.port}".encode())
            self._answer(document.media_type, body.replace(b"</title>", b"</title>" + script, 1))
        elif PICTURE.search(self.path):
            self._answer_picture(path)
        else:
            self._answer("text/plain", b"not here", HTTPStatus.NOT_FOUND)

    def _answer_picture(self, path: str) -> None:
        host = self.headers.get("Host", "")
        self.server.asked.append(self.server.key_of(f"http://{host}{self.path}"))
        if self.server.is_page_folder(path):
            # A page's own folder holds no pictures, so the client has resolved a URL wrongly.
            self._answer("text/plain", b"not here", HTTPStatus.NOT_FOUND)
        elif path.endswith(".svg"):
            self._answer("image/svg+xml", drawing(path))
        else:
            self._answer("image/jpeg", picture(self.path))

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", "0")), _LARGEST_REPORT)
        body = self.rfile.read(length)
        self._answer("text/plain", b"")
        self.server.on_report(urlsplit(self.path).query, body)

    def _answer(self, media_type: str, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""
