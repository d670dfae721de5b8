"""A small web site on loopback, served from memory."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class _SiteServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: clients may hang up at any time."""


class Site:
    """
    Serves pages and images by path; paths can be added and taken off while the site is up.

    Attributes:
        url: The site's URL, without a slash at the end.

        server: The HTTP server.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bytes]] = {}
        self.server = _SiteServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port that the site listens on."""
        return int(self.server.server_address[1])

    def add_image(self, path: str, data: bytes) -> str:
        """Put a JPEG on the site and return its URL."""
        self._files[path] = ("image/jpeg", data)
        return self.url + path

    def add_page(self, path: str, images: list[str]) -> str:
        """Put a page with these images on the site and return its URL."""
        figures = "".join(f'<figure><img src="{image}"></figure>' for image in images)
        html = f"<!doctype html><title>A page</title><body>{figures}</body>"
        self._files[path] = ("text/html; charset=utf-8", html.encode())
        return self.url + path

    def take_off(self, url: str) -> None:
        """Remove the page or image at a URL, which answers 404 from now on."""
        del self._files[url.removeprefix(self.url)]

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files = self._files

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = files.get(self.path)
                status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
                media_type, body = found or ("text/plain", b"not here")
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Log nothing."""

        return Handler
