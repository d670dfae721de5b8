"""
What an image file says about itself, read by our own parsers before a library sees the bytes.

There are two reasons. The libraries for WebP and GIF reserve memory for whatever a header claims.
And every library reads metadata, which no signal needs and which most attacks use. So JPEG, PNG and
GIF are passed on without metadata, after the EXIF orientation was read. What a parser here does not
understand is left for the library to refuse. Each parser ends after one pass.

Sources: ITU-T T.81 annex B (JPEG); PNG, third edition, with APNG; RFC 9649 (WebP); GIF89a; TIFF
6.0; CIPA DC-008 (EXIF); ISO/IEC 23008-12 (HEIF, AVIF).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_FRAMES = 1000
"""Frames are counted up to this number; later frames are ignored."""

Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """
    What a file says about itself.

    Attributes:
        formats: Pillow's names for the possible formats; two if the container can hold either.

        data: The bytes, without metadata where that can be cut out.

        pixels: Pixels of the largest frame; 0 if the library can tell without reserving memory.

        frames: At most 1000; 0 if the library can tell.

        orientation: As in EXIF; 1 if the library turns the image itself.
    """

    formats: tuple[str, ...]
    data: bytes
    pixels: int = 0
    frames: int = 0
    orientation: int = 1


def read_header(data: bytes) -> Header | None:
    """Return what a file says about itself; None if its format is not supported."""
    for beginning, reader in _READERS:
        if beginning.match(data):
            return reader(data)
    return None


def begins_like_image(data: bytes) -> bool:
    """Return whether the first bytes are those of a supported format; nothing else is checked."""
    return any(beginning.match(data) for beginning, _ in _READERS)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation in a block of EXIF, unchecked; 1 if there is none."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _byte_order(tiff)
    if order is None:
        return 1
    page = int.from_bytes(tiff[4:8], order)
    end = page + 2 + 12 * int.from_bytes(tiff[page : page + 2], order)
    for offset in range(page + 2, min(end, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[offset + at : offset + at + 2], order) for at in (0, 2))
        if (tag, kind) == (0x0112, 3):
            return int.from_bytes(tiff[offset + 8 : offset + 10], order)
    return 1


_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""Matches no stuffed byte, no restart within a scan, and no fill byte before the marker."""

_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
# APP0 and APP14 describe the colours. The rest is metadata, thumbnails, comments.
_JPEG_METADATA = frozenset({*range(_APP0, 0xF0), 0xFE}) - {_APP0, _APP14}


def jpeg_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG, without those of thumbnails in its metadata."""
    return sum(marker == _SOS for marker, _, _ in _jpeg_segments(data))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment; skip the bytes in between."""
    offset = 2
    while found := _JPEG_MARKER.search(data, offset):
        marker, offset = found[1][0], found.end()
        if marker in (_SOI, _EOI):
            return
        if marker == 0x01:  # The one other marker without a length.
            continue
        length = int.from_bytes(data[offset : offset + 2])
        if length < 2 or offset + length > len(data):
            return
        offset += length
        yield marker, found.start(), offset


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
    offset, kind, in_pixels = 8, b"", False
    while offset + 8 <= len(data) and kind != b"IEND":
        length, kind = int.from_bytes(data[offset : offset + 4]), data[offset + 4 : offset + 8]
        end = offset + 12 + length
        if kind in _PNG_KEPT:
            kept.append(data[offset:end])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[offset + 8 : end - 4])
        # The still image counts as a frame of its own if no frame was announced before it.
        frames += kind == b"fcTL" or (kind == b"IDAT" and not in_pixels and not frames)
        in_pixels = in_pixels or kind == b"IDAT"
        offset = end
    return Header(("PNG",), b"".join(kept), frames=_clamped_count(frames), orientation=orientation)


def _webp(data: bytes) -> Header:
    orientation, frames, pixels, offset = 1, 0, 0, 12
    while offset + 8 <= len(data):
        kind, length = data[offset : offset + 4], _little_endian(data[offset + 4 : offset + 8])
        body = offset + 8
        if offset == 12:
            pixels = _webp_pixels(kind, data[body : body + 10])
        elif kind == b"EXIF":
            orientation = exif_orientation(data[body : body + length])
        frames += kind == b"ANMF"
        offset = body + length + length % 2
    return Header(("WEBP",), data, pixels, _clamped_count(frames), orientation)


def _webp_pixels(kind: bytes, body: bytes) -> int:
    if kind == b"VP8X":
        return (_little_endian(body[4:7]) + 1) * (_little_endian(body[7:10]) + 1)
    if kind == b"VP8L":
        bits = _little_endian(body[1:5])
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (_little_endian(body[6:8]) & 0x3FFF) * (_little_endian(body[8:10]) & 0x3FFF)


_GIF_BLOCK = re.compile(rb"[!,;]")


def _gif(data: bytes) -> Header:
    """Return the header of a GIF, whose canvas grows if a frame reaches beyond it."""
    width, height = _little_endian(data[6:8]), _little_endian(data[8:10])
    offset, frames = 13 + _gif_palette(data[10:11]), 0
    kept = [data[:offset]]
    while (found := _GIF_BLOCK.search(data, offset)) and frames < MOST_FRAMES:
        start = found.start()
        if found[0] == b";":
            break
        if found[0] == b",":
            left, top, frame_width, frame_height = (
                _little_endian(data[start + at : start + at + 2]) for at in (1, 3, 5, 7)
            )
            width, height = max(width, left + frame_width), max(height, top + frame_height)
            frames += 1
            offset = _past_blocks(data, start + 11 + _gif_palette(data[start + 9 : start + 10]))
            kept.append(data[start:offset])
        else:
            offset = _past_blocks(data, start + 2)
            # Keep the duration, the transparency, and how a frame is removed before the next one.
            if data[start + 1 : start + 3] == b"\xf9\x04":
                kept.append(data[start : start + 7] + b"\0")
    return Header(("GIF",), b"".join(kept), width * height, _clamped_count(frames))


def _gif_palette(flags: bytes) -> int:
    return 6 << (flags[0] & 7) if flags and flags[0] & 0x80 else 0


def _past_blocks(data: bytes, offset: int) -> int:
    while offset < len(data) and data[offset]:
        offset += 1 + data[offset]
    return offset + 1


def _tiff(data: bytes) -> Header:
    """Return the header of a TIFF; its chain of pages may be a ring."""
    order = _byte_order(data)
    assert order is not None
    pages: set[int] = set()
    page = int.from_bytes(data[4:8], order)
    while 8 <= page < len(data) and page not in pages and len(pages) < MOST_FRAMES:
        pages.add(page)
        after = page + 2 + 12 * int.from_bytes(data[page : page + 2], order)
        page = int.from_bytes(data[after : after + 4], order)
    return Header(("TIFF",), data, frames=_clamped_count(len(pages)))


def _byte_order(tiff: bytes) -> Order | None:
    orders: dict[bytes, Order] = {b"II*\0": "little", b"MM\0*": "big"}
    return orders.get(tiff[:4])


_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def _bmp(data: bytes) -> Header | None:
    # Check the size of the header too, because a text may begin with the same two letters.
    return Header(("BMP",), data, frames=1) if _little_endian(data[14:18]) in _BMP_HEADERS else None


_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ("AVIF",)),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), ("HEIF",)),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), ("HEIF",)),
    # Containers that can hold either.
    **dict.fromkeys((b"mif1", b"msf1"), ("AVIF", "HEIF")),
}


def _container(data: bytes) -> Header | None:
    formats = _BRANDS.get(data[8:12])
    return Header(formats, data) if formats else None


def _clamped_count(frames: int) -> int:
    return min(max(frames, 1), MOST_FRAMES)


def _little_endian(data: bytes) -> int:
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
