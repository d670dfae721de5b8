"""
A small internet on loopback, whose platforms show, move, hide and remove images on command.

Each platform has its own address in 127.0.0.0/8; on Linux all of these belong to the machine.
"""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_HTML = "text/html; charset=utf-8"
_LOGIN = b"<!doctype html><title>Log in</title><form><input type=password></form>"
_SOFT = b"<!doctype html><title>Not available</title><p>This is not here any more.</p>"
Answer = tuple[int, str, bytes]

NOT_FOUND: Answer = (404, "text/plain", b"not here")


class Shown(StrEnum):
    """How a platform shows a copy."""

    UP = "up"
    MOVED = "moved"
    """The page shows the image, which has a new URL."""

    PAGE_OFF = "page-off"
    """The page is gone, but the image is still at its URL."""

    REMOVED = "removed"
    PLACEHOLDER = "placeholder"
    """The image's URL shows another picture."""

    WALL = "wall"
    """Page and image redirect to a login page."""

    SOFT_404 = "soft-404"
    """Page and image answer 200, with a page that says that nothing is there."""


_SEEN = {
    Shown.UP: "still-there",
    Shown.MOVED: "still-there",
    Shown.PAGE_OFF: "still-there",
    Shown.REMOVED: "page-gone",
    Shown.PLACEHOLDER: "image-replaced",
    Shown.WALL: "unreachable",
    Shown.SOFT_404: "unreachable",
}


@dataclass(slots=True, eq=False)
class Copy:
    """
    One image on one platform, and the page that shows it.

    Attributes:
        photo: Number of the photo, for the ledger.

        on_front: Whether its page is the platform's front page, which stays.
    """

    photo: int
    page_url: str
    image_url: str
    data: bytes = field(repr=False)
    on_front: bool = False
    shown: Shown = Shown.UP

    @property
    def seen(self) -> str:
        """The outcome that a re-check must have now."""
        if self.on_front and self.shown is Shown.REMOVED:
            return "image-gone"
        return _SEEN[self.shown]


class _InternetServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: clients may hang up at any time."""


class Internet:
    """
    Serves platforms by name, each on its own address.

    Args:
        names: Names of the platforms, in the order of their addresses.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._answers: dict[tuple[str, str], partial[Answer]] = {}
        self._fronts: dict[str, list[Copy]] = {name: [] for name in names}
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self.hosts = {name: f"127.0.0.{number}" for number, name in enumerate(names, start=11)}
        for name, host in self.hosts.items():
            self._servers[name] = _InternetServer((host, 0), self._handler(name))
            self._answers[name, "/login"] = partial(_fixed, (200, _HTML, _LOGIN))
            self._answers[name, "/new"] = partial(self._front, name)

    def __enter__(self) -> Self:
        for each in self._servers.values():
            threading.Thread(target=each.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for each in self._servers.values():
            each.shutdown()
            each.server_close()

    def url(self, name: str, path: str) -> str:
        """Return the URL of a path on a platform."""
        server = self._servers[name]
        return f"http://{self.hosts[name]}:{server.server_address[1]}{path}"

    def upload(
        self, name: str, photo: int, data: bytes, *, images_on: str | None = None, front: bool
    ) -> Copy:
        """
        Put an image on a platform, on its own page or on the front page.

        Args:
            images_on: The platform that serves the image itself; None if it is the same one.
        """
        number, store = len(self._answers), images_on or name
        page, image, moved = f"/p/{number}", f"/i/{number}.jpg", f"/m/{number}.jpg"
        copy = Copy(
            photo=photo,
            page_url=self.url(name, "/new" if front else page),
            image_url=self.url(store, image),
            data=data,
            on_front=front,
        )
        if front:
            self._fronts[name].append(copy)
        else:
            self._answers[name, page] = partial(_page, copy, self.url(store, moved))
        self._answers[store, image] = partial(_image, copy)
        self._answers[store, moved] = partial(_moved, copy)
        return copy

    def _front(self, name: str) -> Answer:
        shown = [each.image_url for each in self._fronts[name] if each.shown is Shown.UP]
        return 200, _HTML, _html(shown)

    def _handler(self, name: str) -> type[BaseHTTPRequestHandler]:
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = answers.get((name, self.path))
                status, media_type, body = found() if found else NOT_FOUND
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/login")
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Log nothing."""

        return Handler


def _fixed(answer: Answer) -> Answer:
    return answer


def _page(copy: Copy, moved_url: str) -> Answer:
    if copy.shown in (Shown.REMOVED, Shown.PAGE_OFF):
        return NOT_FOUND
    if copy.shown is Shown.WALL:
        return 302, "text/plain", b""
    if copy.shown is Shown.SOFT_404:
        return 200, _HTML, _SOFT
    return 200, _HTML, _html([moved_url if copy.shown is Shown.MOVED else copy.image_url])


def _image(copy: Copy) -> Answer:
    if copy.shown in (Shown.REMOVED, Shown.MOVED):
        return NOT_FOUND
    if copy.shown is Shown.WALL:
        return 302, "text/plain", b""
    if copy.shown is Shown.SOFT_404:
        return 200, _HTML, _SOFT
    return 200, "image/jpeg", _PLACEHOLDER if copy.shown is Shown.PLACEHOLDER else copy.data


def _moved(copy: Copy) -> Answer:
    return (200, "image/jpeg", copy.data) if copy.shown is Shown.MOVED else NOT_FOUND


def _html(images: Sequence[str]) -> bytes:
    figures = "".join(f'<figure><img src="{each}"></figure>' for each in images)
    return f"<!doctype html><title>A page</title><body>{figures}</body>".encode()


def made_up_photo(seed: int, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """Return a picture with slow shades, sharp edges and detail, always the same for a seed."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (8, 11, 3), dtype=np.uint8))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(24):
        x, y = (int(rng.integers(0, side)) for side in size)
        colour = tuple(int(each) for each in rng.integers(0, 256, 3))
        corners = [
            (x + int(rng.integers(-70, 70)), y + int(rng.integers(-70, 70))) for _ in range(4)
        ]
        draw.polygon(corners, fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(1))


def as_copy(photo: Image.Image, rng: np.random.Generator, *, cropped: bool = False) -> bytes:
    """Return an altered copy of a photo: smaller, compressed, and cropped if asked."""
    if cropped:
        width, height = photo.size
        photo = photo.crop((width // 10, height // 12, width, height))
    scale = float(rng.uniform(0.8, 1.0))
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(70, 95)))
    return file.getvalue()


_PLACEHOLDER = as_copy(made_up_photo(999_999), np.random.default_rng(0))
