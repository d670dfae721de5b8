"""Images whose files say which colours their values stand for: profiles, chunks and codes."""

import struct

import numpy as np
from PIL import Image

from tests.conftest import generated_photo
from tests.helpers.icc_profiles import (
    ADOBE_POINTS,
    D50_POINT,
    INVERTING_CURVE,
    P3_POINTS,
    PROPHOTO_POINTS,
    SRGB_POINTS,
    gamma,
    grey_profile,
    lookup_table,
    rgb_profile,
    table_profile,
)
from tests.signals.forged import chunk, saved, with_chunks

PHOTO = generated_photo(1, (320, 240))
_COLOURS = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3, indexing="ij"), axis=-1)
_INKS = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 4, indexing="ij"), axis=-1)
# These inks cover less than the plain formula from CMYK to RGB assumes.
_PRINTED = ((1 - _INKS[..., :3] * (0.9, 0.8, 0.7)) * (1 - 0.9 * _INKS[..., 3:])).clip(0, 1)


def _between(space: bytes, profile: bytes) -> bytes:
    """Return a profile that leads to another colour space."""
    return profile[:20] + space + profile[24:]


RGB_PROFILES = {
    "srgb": rgb_profile(),
    "display-p3": rgb_profile(P3_POINTS),
    "adobe-rgb": rgb_profile(ADOBE_POINTS, gamma(563 / 256)),
    "prophoto": rgb_profile(PROPHOTO_POINTS, gamma(1.8), white=D50_POINT),
    "linear": rgb_profile(SRGB_POINTS, gamma(1)),
    "inverting": rgb_profile(SRGB_POINTS, INVERTING_CURVE),
    "one-channel-inverting": rgb_profile(SRGB_POINTS, gamma(2.2), INVERTING_CURVE, gamma(2.2)),
    "channels-swapped": rgb_profile((0.30, 0.60, 0.15, 0.06, 0.64, 0.33)),
    "table": table_profile(b"RGB ", _COLOURS**2),
    "wide-table": table_profile(b"RGB ", _COLOURS**2, wide=True),
    "inverting-table": table_profile(b"RGB ", 1 - _COLOURS),
    "table-before-curves": _between(
        b"Lab ", rgb_profile(more={b"A2B0": lookup_table(1 - _COLOURS)})
    ),
    "codes-of-p3": rgb_profile(more={b"cicp": b"cicp\0\0\0\0\x0c\x0d\0\1"}),
    "codes-of-pq": rgb_profile(more={b"cicp": b"cicp\0\0\0\0\x09\x10\0\1"}),
    "unknown-primaries-with-pq": rgb_profile(more={b"cicp": b"cicp\0\0\0\0\x63\x10\0\1"}),
    "unknown-codes": rgb_profile(
        SRGB_POINTS, gamma(1), more={b"cicp": b"cicp\0\0\0\0\x63\x63\0\1"}
    ),
}
GREY_PROFILES = {
    "grey-2.2": grey_profile(gamma(2.2)),
    "grey-linear": grey_profile(gamma(1)),
    "grey-inverting": grey_profile(INVERTING_CURVE),
}
CMYK_PROFILES = {
    "cmyk-table": table_profile(b"CMYK", _PRINTED),
    "cmyk-wide-table": table_profile(b"CMYK", _PRINTED, wide=True),
    "cmyk-inverting-table": table_profile(b"CMYK", 1 - _PRINTED),
}
_WHOLE = RGB_PROFILES["linear"]
REFUSED_PROFILES = {
    "cut": _WHOLE[:-8],
    "empty": b"",
    "no-profile": b"no profile at all" * 20,
    "other-signature": _WHOLE[:36] + b"acsq" + _WHOLE[40:],
    "version-5": _WHOLE[:8] + b"\5" + _WHOLE[9:],
    "no-curves": rgb_profile()[:132] + b"\0" * 228,
    "tag-beyond-the-end": _WHOLE[:140] + b"\0\0\xff\xff" + _WHOLE[144:],
    "for-lab": _WHOLE[:16] + b"Lab " + _WHOLE[20:],
    "between-rgb": _between(b"RGB ", _WHOLE),
    "short-table": _between(
        b"Lab ", rgb_profile(more={b"A2B0": lookup_table(1 - _COLOURS)[:-900]})
    ),
    "short-table-back": rgb_profile(SRGB_POINTS, gamma(1), more={b"B2A0": b"mft1" + bytes(80)}),
}
"""Profiles that viewers ignore, so that the image is shown as it is stored."""


def tagged_png(image: Image.Image, **chunks: bytes) -> bytes:
    """Return an image as a PNG with further chunks, in this order."""
    made = (chunk(kind.encode(), body) for kind, body in chunks.items())
    return with_chunks(saved(image, "PNG"), *made)


def png_gamma(exponent: float) -> bytes:
    """Return the body of the chunk gAMA for values that were encoded by a power."""
    return struct.pack(">I", round(100_000 * exponent))


def png_primaries(points: tuple[float, ...]) -> bytes:
    """Return the body of the chunk cHRM for primaries with the white of sRGB."""
    return struct.pack(">8I", *(round(100_000 * each) for each in (0.3127, 0.3290, *points)))


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return an AVIF or HEIF with other codes in its colour box."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def without_nclx(data: bytes) -> bytes:
    """Return an AVIF whose codes are in its stream only."""
    return data.replace(b"colrnclx", b"freenclx")


def bmp_with_colours(
    *,
    points: tuple[float, ...] = SRGB_POINTS,
    exponent: float = 2.2,
    kind: bytes = bytes(4),
    profile: bytes = b"",
) -> bytes:
    """
    Return a BMP with the header of version 5.

    Args:
        points: x and y of red, green and blue.

        exponent: Exponent that turns values into light.

        kind: Four bytes that say which description of the colours counts.

        profile: An ICC profile, which is put after the pixels.
    """
    plain = saved(PHOTO, "BMP")
    pixels = plain[54:]
    ends = [
        round(each * 2**30)
        for x, y in zip(points[0::2], points[1::2], strict=True)
        for each in (x, y, 1 - x - y)
    ]
    header = struct.pack("<I", 124) + plain[18:54]
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0) + kind
    header += struct.pack("<9I3I", *ends, *[round(exponent * 2**16)] * 3)
    header += struct.pack("<4I", 4, 124 + len(pixels), len(profile), 0)
    whole = header + pixels + profile
    return b"BM" + struct.pack("<IHHI", 14 + len(whole), 0, 0, 14 + 124) + whole


def icc_segment(number: int, count: int, part: bytes) -> tuple[int, bytes]:
    """Return a segment of a JPEG that holds a part of a profile, for `with_segments`."""
    return 0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + part
