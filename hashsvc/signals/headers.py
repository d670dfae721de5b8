"""
What an image file says of itself, read by parsers of our own before a library sees the bytes.

Two reasons. WebP's and GIF's libraries reserve memory for what a header claims as they open it. And
all of them read metadata, which no signal asks for and where most of what is hostile lies: JPEG,
PNG and GIF are therefore handed on without, the EXIF orientation having been taken. What makes no
sense to a parser here is left for the library to refuse; each ends after one pass.

Sources: ITU-T T.81 annex B (JPEG); PNG, third edition, with APNG; RFC 9649 (WebP); GIF89a; TIFF
6.0; CIPA DC-008 (EXIF); ISO/IEC 23008-12 (HEIF, AVIF).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_FRAMES = 1000
"""Frames that are counted; what comes after is not looked at."""

Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """
    What a file says of itself.

    Attributes:
        formats: Pillow's names of what it may be; two for containers of either.

        data: The bytes, without metadata where these can be cut away.

        pixels: Of the largest frame; 0 where the library tells without reserving memory.

        frames: At most 1000; 0 where the library tells.

        orientation: As in EXIF; 1 where the library turns the image itself.
    """

    formats: tuple[str, ...]
    data: bytes
    pixels: int = 0
    frames: int = 0
    orientation: int = 1


def read_header(data: bytes) -> Header | None:
    """Return what a file says of itself; None if it is in none of the formats that are read."""
    for beginning, reader in _READERS:
        if beginning.match(data):
            return reader(data)
    return None


def begins_like_image(data: bytes) -> bool:
    """Tell whether the first bytes are those of a format that is read; no more of them is."""
    return any(beginning.match(data) for beginning, _ in _READERS)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation in a block of EXIF as it stands there; 1 where there is none."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _byte_order(tiff)
    if order is None:
        return 1
    page = int.from_bytes(tiff[4:8], order)
    end = page + 2 + 12 * int.from_bytes(tiff[page : page + 2], order)
    for place in range(page + 2, min(end, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[place + at : place + at + 2], order) for at in (0, 2))
        if (tag, kind) == (0x0112, 3):
            return int.from_bytes(tiff[place + 8 : place + 10], order)
    return 1


_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""No stuffed byte, no restart within a scan, no fill byte before the marker itself."""

_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
# APP0 and APP14 say which colours there are. The rest is metadata, thumbnails, comments.
_JPEG_METADATA = frozenset({*range(_APP0, 0xF0), 0xFE}) - {_APP0, _APP14}


def jpeg_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG, without those of thumbnails in its metadata."""
    return sum(marker == _SOS for marker, _, _ in _jpeg_segments(data))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment; what lies between is passed over."""
    place = 2
    while found := _JPEG_MARKER.search(data, place):
        marker, place = found[1][0], found.end()
        if marker in (_SOI, _EOI):
            return
        if marker == 0x01:  # The one other marker without a length.
            continue
        length = int.from_bytes(data[place : place + 2])
        if length < 2 or place + length > len(data):
            return
        place += length
        yield marker, found.start(), place


def _jpeg(data: bytes) -> Header:
    orientation, kept = 0, [data[:2]]
    for marker, start, end in _jpeg_segments(data):
        if marker == _SOS:
            kept.append(data[start:])
            break
        if marker not in _JPEG_METADATA:
            kept.append(data[start:end])
        elif marker == _APP1 and not orientation and data[start + 4 : start + 10] == b"Exif\0\0":
            orientation = exif_orientation(data[start + 10 : end])
    return Header(("JPEG",), b"".join(kept), frames=1, orientation=orientation or 1)


_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"})


def _png(data: bytes) -> Header:
    orientation, frames, kept = 1, 0, [data[:8]]
    place, kind, in_pixels = 8, b"", False
    while place + 8 <= len(data) and kind != b"IEND":
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        end = place + 12 + length
        if kind in _PNG_KEPT:
            kept.append(data[place:end])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[place + 8 : end - 4])
        # The still image is a frame of its own where no frame was announced before it.
        frames += kind == b"fcTL" or (kind == b"IDAT" and not in_pixels and not frames)
        in_pixels = in_pixels or kind == b"IDAT"
        place = end
    return Header(("PNG",), b"".join(kept), frames=_counted(frames), orientation=orientation)


def _webp(data: bytes) -> Header:
    orientation, frames, pixels, place = 1, 0, 0, 12
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], _little(data[place + 4 : place + 8])
        body = place + 8
        if place == 12:
            pixels = _webp_pixels(kind, data[body : body + 10])
        elif kind == b"EXIF":
            orientation = exif_orientation(data[body : body + length])
        frames += kind == b"ANMF"
        place = body + length + length % 2
    return Header(("WEBP",), data, pixels, _counted(frames), orientation)


def _webp_pixels(kind: bytes, body: bytes) -> int:
    if kind == b"VP8X":
        return (_little(body[4:7]) + 1) * (_little(body[7:10]) + 1)
    if kind == b"VP8L":
        bits = _little(body[1:5])
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (_little(body[6:8]) & 0x3FFF) * (_little(body[8:10]) & 0x3FFF)


_GIF_BLOCK = re.compile(rb"[!,;]")


def _gif(data: bytes) -> Header:
    """A frame may reach beyond the canvas, which then grows."""
    width, height = _little(data[6:8]), _little(data[8:10])
    place, frames = 13 + _gif_palette(data[10:11]), 0
    kept = [data[:place]]
    while (found := _GIF_BLOCK.search(data, place)) and frames < MOST_FRAMES:
        start = found.start()
        if found[0] == b";":
            break
        if found[0] == b",":
            left, top, across, down = (
                _little(data[start + at : start + at + 2]) for at in (1, 3, 5, 7)
            )
            width, height = max(width, left + across), max(height, top + down)
            frames += 1
            place = _past_blocks(data, start + 11 + _gif_palette(data[start + 9 : start + 10]))
            kept.append(data[start:place])
        else:
            place = _past_blocks(data, start + 2)
            # Duration, transparency, and what becomes of the frame before the next.
            if data[start + 1 : start + 3] == b"\xf9\x04":
                kept.append(data[start : start + 7] + b"\0")
    return Header(("GIF",), b"".join(kept), width * height, _counted(frames))


def _gif_palette(flags: bytes) -> int:
    return 6 << (flags[0] & 7) if flags and flags[0] & 0x80 else 0


def _past_blocks(data: bytes, place: int) -> int:
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1


def _tiff(data: bytes) -> Header:
    """Follow the chain of pages, which may be a ring."""
    order = _byte_order(data)
    assert order is not None
    pages: set[int] = set()
    page = int.from_bytes(data[4:8], order)
    while 8 <= page < len(data) and page not in pages and len(pages) < MOST_FRAMES:
        pages.add(page)
        after = page + 2 + 12 * int.from_bytes(data[page : page + 2], order)
        page = int.from_bytes(data[after : after + 4], order)
    return Header(("TIFF",), data, frames=_counted(len(pages)))


def _byte_order(tiff: bytes) -> Order | None:
    orders: dict[bytes, Order] = {b"II*\0": "little", b"MM\0*": "big"}
    return orders.get(tiff[:4])


_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def _bmp(data: bytes) -> Header | None:
    # Two letters are little to go by: a text may begin with them.
    return Header(("BMP",), data, frames=1) if _little(data[14:18]) in _BMP_HEADERS else None


_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ("AVIF",)),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), ("HEIF",)),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), ("HEIF",)),
    # Containers of either.
    **dict.fromkeys((b"mif1", b"msf1"), ("AVIF", "HEIF")),
}


def _container(data: bytes) -> Header | None:
    formats = _BRANDS.get(data[8:12])
    return Header(formats, data) if formats else None


def _counted(frames: int) -> int:
    return min(max(frames, 1), MOST_FRAMES)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_READERS = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBPVP8[ LX]", re.DOTALL), _webp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"....ftyp", re.DOTALL), _container),
    (re.compile(rb"II\*\0|MM\0\*"), _tiff),
    (re.compile(rb"BM"), _bmp),
)
