"""
A hostile site costs no more than the limits allow, and does not delay other sites.

Each of its answers ends with a named reason, while pages of other sites are scanned.
"""

import base64
import gzip
import hashlib
import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest
from PIL import Image

from hashsvc.scanning import Fetcher, Looker
from hashsvc.settings import Settings
from hashsvc.signals import Limits, Sandbox
from hashsvc.store import Database
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.waiting import wait_until
from tests.scanning.support import Names, OddSite, Service

Answer = Callable[[BaseHTTPRequestHandler], None]
MINE = generated_photo(1)
COPY = jpeg(MINE.resize((320, 240)), 60)
HTML = "text/html"
MB = 1_000_000
MOST_BYTES = 2 * MB
JPEG_HEAD = COPY[:300]


def head(handler: BaseHTTPRequestHandler, **headers: str) -> None:
    """Send the head of an answer."""
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def for_ever(handler: BaseHTTPRequestHandler, part: bytes, pause_s: float = 0) -> None:
    """Write the same bytes again and again, until the client hangs up."""
    while True:
        handler.wfile.write(part)
        time.sleep(pause_s)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of an image now and then."""
    head(handler, Content_Type="image/jpeg", Content_Length=str(MB))
    for_ever(handler, b"\xff", 0.05)


def dripping_headers(handler: BaseHTTPRequestHandler) -> None:
    """Send a header now and then."""
    handler.send_response(200)
    handler.flush_headers()
    for_ever(handler, b"X: y\r\n", 0.05)


def silence(handler: BaseHTTPRequestHandler) -> None:
    """Send nothing."""
    with suppress(OSError):
        handler.connection.recv(1)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Send an endless body without a length."""
    head(handler, Content_Type="image/jpeg", Connection="close")
    for_ever(handler, JPEG_HEAD + bytes(65536))


def endless_chunks(handler: BaseHTTPRequestHandler) -> None:
    """Send endless chunks."""
    head(handler, Content_Type="text/html", Transfer_Encoding="chunked")
    for_ever(handler, b"10000\r\n" + b"<img src=a>     " * 4096 + b"\r\n")


def endless_headers(handler: BaseHTTPRequestHandler) -> None:
    """Send endless headers."""
    handler.send_response(200)
    handler.flush_headers()
    for_ever(handler, b"X: " + b"y" * 1000 + b"\r\n")


def zeros_packed(megabytes: int) -> bytes:
    """Return megabytes of zeros, compressed to about a thousandth."""
    body = zlib.compressobj(9, wbits=31)
    return b"".join(body.compress(bytes(MB)) for _ in range(megabytes)) + body.flush()


# Made in advance, because the server has to send its first byte within two seconds.
GZIP_BOMB = zeros_packed(100)


def gzip_bomb(handler: BaseHTTPRequestHandler) -> None:
    """Send a hundred megabytes of zeros as a hundred kilobytes."""
    head(handler, Content_Encoding="gzip", Content_Length=str(len(GZIP_BOMB)))
    handler.wfile.write(GZIP_BOMB)


def endless_gzip_of_nothing(handler: BaseHTTPRequestHandler) -> None:
    """Send endless compressed data that decompresses to nothing."""
    head(handler, Content_Encoding="gzip", Connection="close")
    handler.wfile.write(gzip.compress(b"")[:10])
    for_ever(handler, b"\0\0\0\xff\xff" * 10_000)


def longer_than_declared(handler: BaseHTTPRequestHandler) -> None:
    """Declare a length that is shorter than the body."""
    head(handler, Content_Type="image/jpeg", Content_Length="300")
    handler.wfile.write(COPY)
    handler.close_connection = True


def shorter_than_declared(handler: BaseHTTPRequestHandler) -> None:
    """Declare a length and hang up before sending that much."""
    head(handler, Content_Type="image/jpeg", Content_Length=str(len(COPY) + 1))
    handler.wfile.write(COPY)
    handler.close_connection = True


def huge_declared_length(handler: BaseHTTPRequestHandler) -> None:
    """Declare a length that is larger than any disk."""
    head(handler, Content_Length="9" * 18)


def negative(handler: BaseHTTPRequestHandler) -> None:
    """Declare a negative length."""
    head(handler, Content_Length="-1")


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection in the middle of the body."""
    head(handler, Content_Type="image/jpeg", Content_Length=str(len(COPY)))
    handler.wfile.write(COPY[:1000])
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    raise ConnectionResetError


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def fixed(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """Return a function that answers with a body."""

    def by(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return by


def redirect_to(url: str) -> Answer:
    """Return a function that redirects to a URL."""
    return fixed(status=302, Location=url)


def png_of(width: int, height: int) -> bytes:
    """Return a PNG of one colour with all its rows, which compress well."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff_of_many() -> bytes:
    """Return a TIFF whose directories refer to each other in a loop."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "TIFF")
    data = bytearray(file.getvalue())
    entries = struct.unpack_from("<H", data, 8)[0]
    struct.pack_into("<I", data, 10 + 12 * entries, 8)
    return bytes(data)


BOMB = png_of(20_000, 20_000)

# For each URL of the site, the answer, and the final state and reason of its item.
ENDS: dict[str, tuple[Answer, str, str | None]] = {
    "drip": (drip, "dead", "timeout"),
    "dripping-headers": (dripping_headers, "dead", "timeout"),
    "silence": (silence, "dead", "timeout"),
    "endless": (endless, "dead", "too-large"),
    "endless-chunks": (endless_chunks, "dead", "too-large"),
    "endless-headers": (endless_headers, "dead", "broken-answer"),
    "gzip-bomb": (gzip_bomb, "dead", "too-large"),
    "gzip-nothing": (endless_gzip_of_nothing, "dead", "too-large"),
    "gzip-broken": (fixed(b"no gzip", Content_Encoding="gzip"), "dead", "broken-answer"),
    "gzip-layers": (
        fixed(gzip.compress(gzip.compress(b"a")), Content_Encoding="gzip, gzip"),
        "dead",
        "unknown-coding",
    ),
    "brotli": (fixed(b"\x0b\x02\x80", Content_Encoding="br"), "dead", "unknown-coding"),
    "longer": (longer_than_declared, "done", None),
    "shorter": (shorter_than_declared, "done", None),
    "huge": (huge_declared_length, "dead", "too-large"),
    "negative": (negative, "dead", "broken-answer"),
    "reset": (reset, "dead", "connection-failed"),
    "image-called-page": (fixed(COPY, Content_Type=HTML), "done", None),
    "page-called-image": (fixed(b"<p>no image", Content_Type="image/jpeg"), "done", None),
    "film-called-image": (
        fixed(b"\0\0\0\x18ftypmp42" + bytes(500), Content_Type="image/jpeg"),
        "done",
        None,
    ),
    "text-called-image": (
        fixed(b"words", Content_Type="image/jpeg"),
        "dead",
        "neither-page-nor-image",
    ),
    "bomb": (fixed(BOMB, Content_Type="image/png"), "done", None),
    "tiff": (fixed(tiff_of_many(), Content_Type="image/tiff"), "done", None),
    "svg": (fixed(b"<svg><image href='file:///etc/passwd'/></svg>"), "done", None),
    "loop": (redirect_to("/loop"), "dead", "redirect-loop"),
    "to-loopback": (redirect_to("http://127.9.9.9/"), "dead", "forbidden-address"),
    "to-ipv6": (redirect_to("http://[::1]/"), "dead", "forbidden-address"),
    "to-metadata": (redirect_to("http://169.254.169.254/latest/"), "dead", "forbidden-address"),
    "to-number": (redirect_to("//2852039166/"), "dead", "forbidden-address"),
    "to-file": (redirect_to("file:///etc/passwd"), "dead", "bad-url"),
    "to-inside": (redirect_to("http://inside.example/"), "dead", "forbidden-address"),
    "often": (fixed(status=500), "dead", "http-500"),
    "gone": (fixed(status=410), "dead", "http-410"),
    "nothing": (hang_up, "dead", "broken-answer"),
}


@pytest.fixture
def hostile(names: Names) -> Iterator[OddSite]:
    """Yield the hostile site."""
    with OddSite() as site:
        names.answers["inside.example"] = [["10.0.0.7"]]
        yield site


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox with one worker, and limits for a small machine."""
    limits = Limits(max_bytes=MOST_BYTES, max_pixels=50 * MB, max_seconds=20)
    with Sandbox(limits) as sandbox:
        yield sandbox


@pytest.fixture
def strict(settings: Settings) -> Settings:
    """Return settings with short time limits, which allow 127.0.0.1 but not 127.9.9.9."""
    return settings.model_copy(
        update={
            "fetch_networks": (type(settings.fetch_networks[0])("127.0.0.1/32"),),
            "fetch_max_bytes": MOST_BYTES,
            "fetch_first_byte_s": 2.0,
            "fetch_timeout_s": 2.0,
            "fetch_total_s": 4.0,
            "fetch_redirects": 4,
            "fetch_downloads_per_host": 64,
            "scan_threads": 8,
            "scan_items_per_host": 4,
            "scan_attempts": 1,
            "scan_lease_s": 60.0,
        }
    )


@pytest.fixture
def strict_service(
    strict: Settings, database: Database, clock: SetClock, sandbox: Sandbox
) -> Iterator[Service]:
    """Yield a service with the strict settings and the sandbox."""
    service = Service(strict, database, clock)
    service.looker = looker_with(sandbox, service.fetcher)
    yield service
    service.fetcher.close()


def looker_with(sandbox: Sandbox, fetcher: Fetcher) -> Looker:
    """Return a looker that signs images in a sandbox."""
    return Looker(fetcher, images_per_page=60, sign=lambda data, _: sandbox.sign_frames(data))


def test_each_hostile_answer_ends_with_its_reason_and_good_pages_are_scanned(
    strict_service: Service, hostile: OddSite, names: Names
) -> None:
    service = strict_service
    service.open_case(MINE)
    names.answers["good.example"] = [["127.0.0.1"]]
    with OddSite() as good:
        image = good.add_image("/copy.jpg", COPY)
        pages = [good.add_page(f"/{number}", [image]) for number in range(30)]
        pages = [each.replace("127.0.0.1", "good.example") for each in pages]
        bad = [hostile.answer(f"/{name}", by) for name, (by, _, _) in ENDS.items()]
        scan = service.scan(*bad, *pages)
        scanner = service.another_scanner()
        scanner.start()
        try:
            wait_until(lambda: service.work_list.progress(scan).is_over)
        finally:
            scanner.stop()
    ended = {each.url: (each.state, each.reason) for each in service.items(scan)}
    assert {name: ended[f"{hostile.url}/{name}"] for name in ENDS} == {
        name: (state, reason) for name, (_, state, reason) in ENDS.items()
    }
    assert [ended[page] for page in pages] == [("done", None)] * 30
    found = {each.image_url for each in service.matches()}
    assert found >= {f"{good.url}/copy.jpg", f"{hostile.url}/image-called-page"}


def test_good_sites_do_not_wait_for_a_hostile_one(
    strict_service: Service, sandbox: Sandbox, hostile: OddSite, names: Names
) -> None:
    """The hostile answers never end by themselves, and the good pages are done in the meantime."""
    service, never = strict_service, threading.Event()
    service.settings = service.settings.model_copy(
        update={"fetch_first_byte_s": 50.0, "fetch_timeout_s": 50.0, "fetch_total_s": 50.0}
    )
    service.fetcher.close()
    service.fetcher = Fetcher(service.settings)
    service.looker = looker_with(sandbox, service.fetcher)
    names.answers["good.example"] = [["127.0.0.1"]]

    def wait(handler: BaseHTTPRequestHandler) -> None:
        never.wait(60)
        hang_up(handler)

    bad = [hostile.answer(f"/{number}", wait) for number in range(40)]
    with OddSite() as good:
        image = good.add_image("/copy.jpg", COPY)
        pages = [
            good.add_page(f"/{number}", [image]).replace("127.0.0.1", "good.example")
            for number in range(30)
        ]
        scan = service.scan(*bad, *pages)
        scanner = service.another_scanner()
        scanner.start()
        try:
            wait_until(lambda: service.work_list.progress(scan).items.get("done") == 30)
            # As many hostile items are leased as one host may have; the others wait.
            assert service.work_list.progress(scan).items["leased"] == 4
        finally:
            never.set()
            scanner.stop()


def test_of_500_images_on_a_page_60_are_fetched(strict_service: Service, hostile: OddSite) -> None:
    service = strict_service
    service.open_case(MINE)
    hostile.add_image("/copy.jpg", COPY)
    small = jpeg(generated_photo(5, (40, 30)))
    images = "".join(
        f'<img src="{hostile.answer(f"/{number}.jpg", fixed(small))}" width="200" height="150">'
        for number in range(500)
    )
    page = hostile.add("/page", f'{images}<img src="copy.jpg">'.encode(), Content_Type=HTML)
    scan = service.scan(page)
    assert service.finish() == 1
    (item,) = service.items(scan)
    assert (item.state, item.images, item.images_failed) == ("done", 60, 0)
    assert len(hostile.asked) == 61
    # The image that the page does not declare small is among them.
    assert [each.image_url for each in service.matches()] == [f"{hostile.url}/copy.jpg"]


def test_decompression_bombs_on_a_page_do_not_hide_its_other_images(
    strict_service: Service, hostile: OddSite
) -> None:
    service = strict_service
    service.open_case(MINE)
    slow = ("silence", "drip", "dripping-headers")
    bad = [name for name in ENDS if name not in ("longer", "shorter", "image-called-page", *slow)]
    for name in bad:
        hostile.answer(f"/{name}", ENDS[name][0])
    inline = "data:image/png;base64," + base64.b64encode(BOMB).decode()
    hostile.add_image("/copy.jpg", COPY)
    images = "".join(f'<img src="/{name}">' for name in bad)
    page = f'{images}<img src="{inline}"><img src="copy.jpg">'.encode()
    looks = list(service.looker.look(hostile.add("/page", page, Content_Type=HTML)))
    failed = {each.image_url: each.reason for each in looks if each.image is None}
    digest = hashlib.sha256(BOMB).hexdigest()
    assert failed.pop(f"{hostile.url}/page#inline-{digest[:16]}") == "ImageTooLargeError"
    assert failed == {
        f"{hostile.url}/{name}": {
            "bomb": "ImageTooLargeError",
            "page-called-image": "NotAnImageError",
            "film-called-image": "BrokenImageError",
            "text-called-image": "NotAnImageError",
            "svg": "drawing",
        }.get(name, ENDS[name][2])
        for name in bad
        if name != "tiff"
    }
    assert looks[-1].image is not None
    assert looks[-1].image_url == f"{hostile.url}/copy.jpg"
