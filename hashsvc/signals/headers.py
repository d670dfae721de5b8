"""
What an image file says about itself, read by our own parsers before a library sees the bytes.

There are two reasons for these parsers. The libraries for WebP and GIF reserve memory for whatever
a header claims. And every library reads metadata, which no signal needs and which most attacks use.
So we read the EXIF orientation here, and hand a library a JPEG or PNG without its metadata, and a
GIF frame by frame. `colour_tags` and `container_colours` read what a file says about its colours.
What a parser does not understand is left for the library to refuse. Each parser ends after one
pass.

Sources: ITU-T T.81 annex B (JPEG); PNG, third edition, with APNG; RFC 9649 (WebP); GIF89a; TIFF
6.0; CIPA DC-008 (EXIF); ISO/IEC 23008-12 (HEIF, AVIF).
"""

import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hashsvc.signals.colour_tags import (
    NO_TAGS,
    ColourTags,
    bmp_tags,
    jpeg_tags,
    png_tags,
    webp_tags,
)
from hashsvc.signals.container_colours import container_tags
from hashsvc.signals.exif import byte_order, exif_orientation
from hashsvc.signals.gif_parts import gif_canvas, gif_frames

MOST_FRAMES = 1000
"""Frames are counted up to this number; later frames are ignored."""


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """
    What a file says about itself.

    Attributes:
        formats: Pillow's names for the possible formats; two if the container can hold either.

        data: The bytes of the file, without metadata where it can be cut out.

        pixels: Number of pixels of the largest frame; 0 if it is left to the library, which reads
            it without reserving memory.

        frames: Number of frames, at most 1000; 0 if it is left to the library.

        orientation: As in EXIF; 1 if the library turns the image itself.

        colours: What the file says about its colours; no tags for TIFF, whose profile Pillow reads.
    """

    formats: tuple[str, ...]
    data: bytes
    pixels: int = 0
    frames: int = 0
    orientation: int = 1
    colours: ColourTags = NO_TAGS


def read_header(data: bytes) -> Header | None:
    """Return what a file says about itself; None if its format is not supported."""
    for beginning, reader in _READERS:
        if beginning.match(data) and (header := reader(data)) is not None:
            # The parser of icons itself reads the colours of the image in the icon.
            read_colours = None if reader is _icon else _COLOUR_READERS.get(header.formats[0])
            return replace(header, colours=read_colours(data)) if read_colours else header
    return None


def begins_like_image(data: bytes) -> bool:
    """Return whether the first bytes are those of a supported format; nothing else is checked."""
    return any(beginning.match(data) for beginning, _ in _READERS)


_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""Matches a marker, but no stuffed byte, no restart marker in a scan, and no fill byte."""

_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
# APP0 and APP14 describe the colours. The rest is metadata, thumbnails, comments.
_JPEG_METADATA = frozenset({*range(_APP0, 0xF0), 0xFE}) - {_APP0, _APP14}


def jpeg_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG, without those of thumbnails in its metadata."""
    return sum(marker == _SOS for marker, _, _ in jpeg_segments(data))


def is_progressive(data: bytes) -> bool:
    """Return whether a JPEG stores its pixels in several scans, and the last completes them."""
    return jpeg_scans(data) > 1 or any(
        marker in _JPEG_PROGRESSIVE for marker, _, _ in jpeg_segments(data)
    )


def jpeg_scan_ends(data: bytes) -> Iterator[int]:
    """
    Yield the offset of each marker after the beginning of the first scan.

    Stop after the first marker that cannot begin a segment.
    """
    offset = next((end for marker, _, end in jpeg_segments(data) if marker == _SOS), len(data))
    while found := _JPEG_MARKER.search(data, offset):
        yield found.start()
        offset = found.end()
        length = int.from_bytes(data[offset : offset + 2])
        if found[1][0] in (_SOI, _EOI) or length < 2:
            return
        offset += length


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a JPEG; skip the bytes in between."""
    offset = 2
    while found := _JPEG_MARKER.search(data, offset):
        marker, offset = found[1][0], found.end()
        if marker in (_SOI, _EOI):
            return
        if marker == 0x01:  # TEM, the only other marker without a length.
            continue
        length = int.from_bytes(data[offset : offset + 2])
        if length < 2 or offset + length > len(data):
            return
        offset += length
        yield marker, found.start(), offset


def _jpeg(data: bytes) -> Header:
    orientation, has_exif, kept = 1, False, [data[:2]]
    for marker, start, end in jpeg_segments(data):
        if marker == _SOS:
            kept.append(data[start:])
            break
        if marker not in _JPEG_METADATA:
            kept.append(data[start:end])
        elif marker == _APP1 and not has_exif and data[start + 4 : start + 9] == b"Exif\0":
            # Only the first EXIF block counts, and browsers ignore the byte after "Exif\0".
            orientation, has_exif = exif_orientation(data[start + 10 : end]), True
    return Header(("JPEG",), b"".join(kept), frames=1, orientation=orientation)


_PNG_BEGINNING = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"})


_PNG_PIXELS = frozenset({b"IDAT", b"fdAT"})
_GREY, _RGB, _PALETTE = 0, 2, 3


def _png(data: bytes) -> Header:
    """Return the header of a PNG, cut off after the first pixels that have a wrong checksum."""
    orientation, frames, kept, last = 0, 0, [], b""
    seen: set[bytes] = set()
    for kind, body, whole, is_valid in png_chunks(data):
        if kind == b"eXIf" and is_valid and not seen & {b"eXIf", b"IDAT"}:
            orientation = 1 if body.startswith(b"Exif") else exif_orientation(body)
        if _is_used(kind, last, seen, is_valid=is_valid):
            kept.append(whole)
        # The still image counts as a frame of its own if no frame was announced before it.
        frames += kind == b"fcTL" or (kind == b"IDAT" and kind not in seen and not frames)
        if kind in _PNG_PIXELS and not is_valid:
            break
        seen.add(kind)
        last = kind
    mended = b"".join((data[:8], *_with_mended_colours(kept)))
    return Header(("PNG",), mended, frames=_clamped_count(frames), orientation=orientation or 1)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Yield each chunk: its kind, its body, all its bytes, and whether its checksum is right."""
    offset, kind = 8, b""
    while offset + 8 <= len(data) and kind != b"IEND":
        length, kind = int.from_bytes(data[offset : offset + 4]), data[offset + 4 : offset + 8]
        body, end = data[offset + 8 : offset + 8 + length], offset + 12 + length
        is_valid = zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(data[end - 4 : end])
        yield kind, body, data[offset:end], is_valid
        offset = end


def _is_used(kind: bytes, last: bytes, seen: set[bytes], *, is_valid: bool) -> bool:
    """
    Return whether browsers use a chunk.

    They use chunks of pixels only if these follow one another, and transparency only if it is valid
    and comes before the pixels.
    """
    if kind == b"IDAT":
        return kind == last or kind not in seen
    if kind == b"tRNS":
        return is_valid and not seen & {b"tRNS", b"IDAT"}
    return kind in _PNG_KEPT


def _with_mended_colours(chunks: list[bytes]) -> Iterator[bytes]:
    """Yield a PNG's chunks so that Pillow reads its palette and transparency as browsers do."""
    depth, colour, entries = 8, _RGB, 0
    for chunk in chunks:
        kind, body = chunk[4:8], chunk[8:-4]
        if kind == b"IHDR":
            depth, colour = body[8], body[9]
        elif kind == b"PLTE" and colour == _PALETTE:
            entries = len(body) // 3
            # Pixels beyond the palette have its last colour.
            body += body[-3:] * ((1 << depth) - entries)
        elif kind == b"tRNS":
            body = _transparency(body, depth, colour, entries)
        if kind != b"tRNS" or body:
            yield chunk if body == chunk[8:-4] else png_chunk(kind, body)


def _transparency(body: bytes, depth: int, colour: int, entries: int) -> bytes:
    """Return a PNG's transparency in the depth that Pillow decodes to; empty if it is invalid."""
    if colour == _PALETTE:
        if not entries or len(body) > 256:
            return b""
        # Pixels beyond the palette are as transparent as its last colour.
        return (
            body
            if len(body) < entries
            else body[:entries].ljust(1 << depth, body[entries - 1 : entries])
        )
    if colour == _GREY and len(body) == 2:
        shade = int.from_bytes(body)
        is_scaled = depth in (2, 4) and shade < 1 << depth
        return (shade * 255 // ((1 << depth) - 1)).to_bytes(2) if is_scaled else body
    if colour == _RGB and len(body) == 6:
        # Pillow keeps the upper byte of deep colours, so this is exact within one shade of 255.
        return body if depth == 8 else bytes((0, body[0], 0, body[2], 0, body[4]))
    return b""


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4)


def _webp(data: bytes) -> Header:
    """Return the header of a WebP, whose EXIF orientation browsers ignore."""
    frames, pixels, offset, frames_end = 0, 0, 12, 0
    while offset + 8 <= len(data):
        kind, length = data[offset : offset + 4], _little_endian(data[offset + 4 : offset + 8])
        body = offset + 8
        if offset == 12:
            pixels = _webp_pixels(kind, data[body : body + 10])
        offset = body + length + length % 2
        if kind == b"ANMF" and offset <= len(data):
            frames, frames_end = frames + 1, offset
    if frames and offset > len(data):
        # The library refuses an animation whose end is missing.
        data = b"RIFF" + (frames_end - 8).to_bytes(4, "little") + data[8:frames_end]
    return Header(("WEBP",), data, pixels, _clamped_count(frames))


def _webp_pixels(kind: bytes, body: bytes) -> int:
    if kind == b"VP8X":
        return (_little_endian(body[4:7]) + 1) * (_little_endian(body[7:10]) + 1)
    if kind == b"VP8L":
        bits = _little_endian(body[1:5])
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (_little_endian(body[6:8]) & 0x3FFF) * (_little_endian(body[8:10]) & 0x3FFF)


def webp_pixels(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """
    Return the coded pixels of a WebP's first frame, cut off or not; None if there are none.

    Returns:
        The chunks that come before the pixels if the frame is stored as a still image; the kind of
        the chunk that holds the pixels; the body of that chunk.
    """
    extended, alpha, offset = b"", b"", 12
    while offset + 8 <= len(data):
        kind, length = data[offset : offset + 4], _little_endian(data[offset + 4 : offset + 8])
        body = data[offset + 8 : offset + 8 + length]
        end = offset + 8 + length + length % 2
        if kind in (b"VP8 ", b"VP8L"):
            return extended + alpha, kind, body
        if kind == b"VP8X":
            # Keep the size, and whether there is transparency.
            extended = data[offset : offset + 8] + bytes((data[offset + 8] & 0x10,)) + body[1:10]
        elif kind == b"ALPH":
            alpha = data[offset:end]
        elif kind == b"ANMF":
            # A frame of an animation begins with its place and size; then come its own chunks.
            extended = extended[:12] + body[6:12]
            end = offset + 24
        offset = end
    return None


def _gif(data: bytes) -> Header:
    """Return the header of a GIF, with the canvas's pixels; later frames may be larger."""
    frames = [*itertools.islice(gif_frames(data), MOST_FRAMES)]
    if not frames:
        return Header(("GIF",), data)
    width, height = gif_canvas(data, frames[0])
    return Header(("GIF",), data[: frames[-1].end], width * height, len(frames))


def _tiff(data: bytes) -> Header:
    """Return the header of a TIFF; no page counts twice, even if the chain of pages is a ring."""
    order = byte_order(data)
    assert order is not None
    pages: set[int] = set()
    page = int.from_bytes(data[4:8], order)
    while 8 <= page < len(data) and page not in pages and len(pages) < MOST_FRAMES:
        pages.add(page)
        after = page + 2 + 12 * int.from_bytes(data[page : page + 2], order)
        page = int.from_bytes(data[after : after + 4], order)
    return Header(("TIFF",), data, frames=_clamped_count(len(pages)))


_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def _bmp(data: bytes) -> Header | None:
    # Check the size of the header too, because a text may begin with the same two letters.
    size = _little_endian(data[14:18])
    if size not in _BMP_HEADERS:
        return None
    side = 2 if size == 12 else 4
    width, height = (
        int.from_bytes(data[at : at + side], "little", signed=side == 4) for at in (18, 18 + side)
    )
    return Header(("BMP",), data, abs(width * height), frames=1)


_MOST_BRAND_BYTES = 1024
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ("AVIF",)),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), ("HEIF",)),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), ("HEIF",)),
    # Containers that can hold either.
    **dict.fromkeys((b"mif1", b"msf1"), ("AVIF", "HEIF")),
}


def _container(data: bytes) -> Header | None:
    """Return the header of an ISO container; the first known brand in it gives the format."""
    end = min(_little_endian(data[3::-1]), _MOST_BRAND_BYTES)
    brands = (data[8:12], *(data[at : at + 4] for at in range(16, end, 4)))
    brand = next((each for each in brands if each in _BRANDS), None)
    if brand is None:
        return None
    # The libraries look at the first brand only.
    named = data if brand == data[8:12] else data[:8] + brand + data[12:]
    return Header(_BRANDS[brand], named)


def is_image_container(data: bytes) -> bool:
    """Return whether an ISO container, which can also hold a film, says that it holds an image."""
    return data[4:8] == b"ftyp" and _container(data) is not None


def _icon(data: bytes) -> Header | None:
    """Return the header of the largest image of an icon or cursor, which is a PNG or a bitmap."""
    entries = [data[at : at + 16] for at in range(6, 6 + 16 * _little_endian(data[4:6]), 16)]
    largest = max(entries, key=lambda each: ((each[0] or 256) * (each[1] or 256), each[6:8][::-1]))
    image = data[_little_endian(largest[12:16]) :]
    if image.startswith(_PNG_BEGINNING):
        return replace(_png(image), colours=png_tags(image))
    if image[14:16] == b"\x20\0" and image[:4] == b"\x28\0\0\0":
        # The last byte of a pixel of 32 bits is its opacity, but only in icons.
        image = b"\x38\0\0\0" + image[4:40] + bytes(12) + b"\0\0\0\xff" + image[40:]
    # A bitmap in an icon has no file header, and its height includes a mask below it.
    height = (_little_endian(image[8:12]) // 2).to_bytes(4, "little")
    return _bmp(b"BM" + bytes(12) + image[:8] + height + image[12:])


def _clamped_count(frames: int) -> int:
    return min(max(frames, 1), MOST_FRAMES)


def _little_endian(data: bytes) -> int:
    return int.from_bytes(data, "little")


_READERS = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(re.escape(_PNG_BEGINNING)), _png),
    (re.compile(rb"RIFF....WEBPVP8[ LX]", re.DOTALL), _webp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"....ftyp", re.DOTALL), _container),
    (re.compile(rb"II\*\0|MM\0\*"), _tiff),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"\0\0[\1\2]\0[\1-\x40]\0"), _icon),
)
_COLOUR_READERS = {
    "JPEG": jpeg_tags,
    "PNG": png_tags,
    "WEBP": webp_tags,
    "BMP": bmp_tags,
    "AVIF": container_tags,
    "HEIF": container_tags,
}
