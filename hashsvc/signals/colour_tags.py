"""
What an image file says about its colours, read by our own parsers.

Sources: PNG, third edition, 11.3.2; ICC.1:2022 annex B.4 (JPEG); RFC 9649 (WebP); Microsoft's
BITMAPV4HEADER and BITMAPV5HEADER. `container_colours` reads HEIF and AVIF. Where a file contradicts
itself, these parsers decide as Chromium does, because people see what browsers show.
"""

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_PNG_PROFILE_BYTES = 10 * 1024**2
"""Chromium ignores longer profiles in a PNG too."""

DEFAULT_PEAK = 1000.0
"""Candelas per square metre of the brightest light of an HDR image that does not state it."""

Chromaticities = tuple[float, ...]
"""x and y of red, green, blue and white, in this order."""


@dataclass(frozen=True, slots=True, repr=False)
class ColourTags:
    """
    What a file says about its colours.

    Attributes:
        codes: Codes of ITU-T H.273 for colour primaries and transfer characteristics. If
            `encodings` knows them, `peak` is the only other attribute that counts.

        icc: An ICC profile, unchecked. If it is valid, `is_srgb`, `gammas` and `chromaticities` do
            not count.

        is_srgb: Whether the file says that it is sRGB.

        gammas: Exponents that turn values of red, green and blue into light.

        chromaticities: x and y of primaries and white, unchecked; None means those of sRGB.

        peak: Candelas per square metre of the brightest light of an HDR image.
    """

    codes: tuple[int, int] | None = None
    icc: bytes = b""
    is_srgb: bool = False
    gammas: tuple[float, float, float] | None = None
    chromaticities: Chromaticities | None = None
    peak: float = DEFAULT_PEAK


NO_TAGS = ColourTags()

_PNG_COLOURS = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cLLI", b"mDCV"})
_BEFORE_PALETTE = frozenset({b"cICP", b"cLLI", b"mDCV"})


def png_tags(data: bytes) -> ColourTags:
    """Return what a PNG says about its colours."""
    chunks = _png_chunks(data)
    codes, gammas, chromaticities = None, None, None
    coded = chunks.get(b"cICP", b"")
    if len(coded) == 4 and coded[2:] == b"\0\1":  # RGB, and the full range of values.
        codes = coded[0], coded[1]
    gamma = chunks.get(b"gAMA", b"")
    if len(gamma) == 4 and any(gamma):
        gammas = (100_000 / int.from_bytes(gamma),) * 3
        # Without primaries, a gamma within a twentieth of 1/2.2 means sRGB.
        if b"cHRM" not in chunks and abs(2.2 / gammas[0] - 1) < 0.05:
            gammas = None
    if len(chunks.get(b"cHRM", b"")) == 32:
        white_x, white_y, *primaries_xy = struct.unpack(">8I", chunks[b"cHRM"])
        chromaticities = tuple(each / 100_000 for each in (*primaries_xy, white_x, white_y))
    return ColourTags(
        codes=codes,
        icc=_png_profile(chunks.get(b"iCCP", b"")),
        is_srgb=len(intent := chunks.get(b"sRGB", b"")) == 1 and intent[0] < 4,
        gammas=gammas,
        chromaticities=chromaticities,
        peak=_png_peak(chunks),
    )


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return, of each kind that describes colours, the first valid chunk before the pixels."""
    chunks: dict[bytes, bytes] = {}
    offset, kind, has_palette = 8, b"", False
    while offset + 12 <= len(data) and kind != b"IDAT":
        length, kind = int.from_bytes(data[offset : offset + 4]), data[offset + 4 : offset + 8]
        end = offset + 12 + length
        is_late = has_palette and kind in _BEFORE_PALETTE
        if kind in _PNG_COLOURS and kind not in chunks and not is_late:
            body = data[offset + 8 : end - 4]
            if zlib.crc32(kind + body) == int.from_bytes(data[end - 4 : end]):
                chunks[kind] = body
        has_palette = has_palette or kind == b"PLTE"
        offset = end
    return chunks


def _png_profile(body: bytes) -> bytes:
    name, _, packed = body.partition(b"\0")
    if not name or packed[:1] != b"\0":
        return b""
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _MAX_PNG_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""


def _png_peak(chunks: Mapping[bytes, bytes]) -> float:
    light, display = chunks.get(b"cLLI", b""), chunks.get(b"mDCV", b"")
    brightest = int.from_bytes(light[:4]) if len(light) == 8 else 0
    if not brightest and len(display) == 24:
        brightest = int.from_bytes(display[16:20])
    return brightest / 10_000 or DEFAULT_PEAK


_START_OF_SCAN = 0xDA
_JPEG_SEGMENT = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_ICC_SEGMENT = b"\xe2", b"ICC_PROFILE\0"


def jpeg_tags(data: bytes) -> ColourTags:
    """Return the profile that a JPEG's segments hold in parts; no tags if a part is missing."""
    parts: dict[int, bytes] = {}
    expected, offset = 0, 2
    while (found := _JPEG_SEGMENT.search(data, offset)) and found[1][0] != _START_OF_SCAN:
        start = found.end() + 2
        offset = found.end() + max(int.from_bytes(data[start - 2 : start]), 2)
        body = data[start:offset]
        if found[1] != _ICC_SEGMENT[0] or not body.startswith(_ICC_SEGMENT[1]) or len(body) < 15:
            continue
        number, count = body[12:14]
        expected = expected or count
        if not 1 <= number <= count == expected or number in parts:
            return NO_TAGS
        parts[number] = body[14:]
        if len(parts) == expected:
            return ColourTags(icc=b"".join(parts[each] for each in sorted(parts)))
    return NO_TAGS


_WEBP_HAS_PROFILE = 0x20


def webp_tags(data: bytes) -> ColourTags:
    """Return the profile of a WebP, if its first chunk announces one."""
    if data[12:16] != b"VP8X" or not data[20] & _WEBP_HAS_PROFILE:
        return NO_TAGS
    offset = 12
    while offset + 8 <= len(data):
        length = int.from_bytes(data[offset + 4 : offset + 8], "little")
        if data[offset : offset + 4] == b"ICCP":
            return ColourTags(icc=data[offset + 8 : offset + 8 + length])
        offset += 8 + length + length % 2
    return NO_TAGS


def bmp_tags(data: bytes) -> ColourTags:
    """Return what a BMP says about its colours; only headers of versions 4 and 5 describe them."""
    size = int.from_bytes(data[14:18], "little")
    if size not in (108, 124) or len(data) < 14 + size:
        return NO_TAGS
    kind = data[70:74]
    if kind == b"DEBM" and size == 124:
        start, length = struct.unpack_from("<II", data, 14 + 112)
        return ColourTags(icc=data[14 + start : 14 + start + length])
    if kind != bytes(4):
        return NO_TAGS
    points = struct.unpack_from("<9I", data, 74)
    primaries_xy = (points[at] / 2**30 for at in (0, 1, 3, 4, 6, 7))
    red, green, blue = (each / 2**16 for each in struct.unpack_from("<3I", data, 110))
    # The header states no white point; Chromium uses that of sRGB.
    return ColourTags(gammas=(red, green, blue), chromaticities=(*primaries_xy, 0.31271, 0.32902))
