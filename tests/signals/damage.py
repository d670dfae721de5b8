"""Bytes that are not images, and images that were damaged at random."""

import itertools
from collections.abc import Sequence

from hypothesis import strategies as st
from PIL import Image

from tests.conftest import generated_photo
from tests.signals.forged import chunk, interlaced_png, saved
from tests.signals.odd_files import bitmaps, random_apng, random_gif

NO_IMAGES = {
    "empty": b"",
    "text": b"hello",
    "html": b"<!doctype html><html><img src=x></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "zip": b"PK\x03\x04" + bytes(100),
    "text-like-bmp": b"BMW builds cars, and this is no image of one.",
    "video": b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
    "sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    "tga": saved(Image.new("RGB", (16, 16)), "TGA"),
}

SMALL = generated_photo(4, (60, 44))
MOVING: dict[str, object] = {"save_all": True, "append_images": [generated_photo(5, (60, 44))]}
SEEDS = [
    *(saved(SMALL, form) for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "HEIF", "BMP")),
    *(saved(SMALL, form, **MOVING) for form in ("PNG", "WEBP", "GIF", "TIFF", "AVIF")),
    saved(SMALL, "JPEG", progressive=True),
    saved(SMALL.convert("CMYK"), "JPEG"),
    saved(SMALL.quantize(20), "PNG"),
    saved(SMALL, "TIFF", compression="tiff_lzw"),
    saved(SMALL.convert("RGBA"), "WEBP", lossless=True),
    interlaced_png(SMALL),
    saved(SMALL, "ICO", sizes=[(44, 44)]),
    saved(SMALL, "ICO", sizes=[(44, 44)], bitmap_format="bmp"),
    saved(SMALL, "WEBP", lossless=True),
    saved(SMALL, "JPEG", restart_marker_rows=1),
    random_gif(SMALL, 1)[0],
    random_apng(SMALL, 1)[0],
    *itertools.islice(bitmaps(SMALL.resize((20, 20))).values(), 0, None, 5),
]
# Byte strings that the parsers of image formats look for.
PARTS = [
    *(
        b"\xff\xd8",
        b"\xff\xd9",
        b"\xff\xda\0\x08",
        b"\xff\xc4\0\x02",
        b"\xff\xe1\xff\xff",
        b"\xff" * 40,
    ),
    *(chunk(b"IHDR", b"\0" * 13), chunk(b"acTL", b"\xff" * 8), chunk(b"fcTL", b"\0" * 26)),
    *(chunk(b"IDAT", b""), b"\xff\xff\xff\xffIDAT", b"ANMF\xff\xff\xff\x7f", b"VP8X\x0a\0\0\0"),
    *(b"\0\2\xff\xff", b"\0\1", b"\0\0", chunk(b"tRNS", bytes(6)), b"infe\2", b"VP8L\xff"),
    *(b"!\xf9\x04\xff\xff\xff\xff\0", b"!\xff\0", b",\0\0\0\0\xff\xff\xff\xff\x80", b";"),
    *(b"II*\0\x08\0\0\0\xff\xff", b"ispe", b"\0\0\0\0meta", b"\0\0\0\x08mdat", b"\x7f\xff\xff\xff"),
]


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes] = SEEDS) -> bytes:
    """Return a file with flipped bits, inserted and repeated parts, or a missing end."""
    data = bytearray(draw(st.sampled_from(seeds)))
    offsets = st.floats(0, 1, exclude_max=True).map(lambda share: int(share * len(data)))
    for offset, bits in draw(st.lists(st.tuples(offsets, st.integers(1, 255)), max_size=6)):
        data[offset] ^= bits
    for offset, part in draw(st.lists(st.tuples(offsets, st.sampled_from(PARTS)), max_size=2)):
        data[offset:offset] = part
    if draw(st.booleans()):
        start, end = sorted((draw(offsets), draw(offsets)))
        data[end:end] = data[start:end]
    return bytes(data[: draw(offsets) + 1] if draw(st.booleans()) else data)
