"""Image files made byte by byte: unusual ones, and ones with false headers."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tests.conftest import generated_photo


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """Return an image as a file's bytes."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png(width: int, height: int, pixels: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG with these filtered rows; there may be too few of them."""
    return _png(width, height, zlib.compress(pixels), depth, colour, interlaced=0)


def interlaced_png(image: Image.Image) -> bytes:
    """Return an RGB image as an interlaced PNG, which Pillow does not write."""
    pixels = np.asarray(image)
    rows = bytearray()
    for top, left, down, across in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        for row in pixels[top::down, left::across]:
            rows += b"\0" + row.tobytes()
    return _png(image.width, image.height, zlib.compress(bytes(rows)), 8, 2, interlaced=1)


def _png(
    width: int, height: int, packed: bytes, depth: int, colour: int, *, interlaced: int
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Return a PNG with chunks inserted after its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def with_segments(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    """Return a JPEG with segments inserted at its beginning."""
    made = (bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2) + body for kind, body in segments)
    return data[:2] + b"".join(made) + data[2:]


def webp(kind: bytes, body: bytes) -> bytes:
    """Return a WebP of one chunk."""
    padded = kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(padded) + 4) + b"WEBP" + padded


def gif(
    canvas: tuple[int, int], frames: Sequence[tuple[int, int]], *, before: bytes = b""
) -> bytes:
    """Return a GIF whose frames, of these sizes, hold too few pixels."""
    one = b"".join(
        before + b"," + struct.pack("<HHHH", 0, 0, *size) + b"\0\x02\x02\x44\x01\0"
        for size in frames
    )
    palette = b"\0\0\0\xff\xff\xff"
    return b"GIF89a" + struct.pack("<HH", *canvas) + b"\x80\0\0" + palette + one + b";"


def tiff(*pages: Sequence[tuple[int, int, int, int]], ring: bool = False) -> bytes:
    """
    Return a TIFF of pages, each of (tag, type, count, value) entries.

    With `ring`, the last page points back to the first.
    """
    data = b"II*\0" + struct.pack("<I", 8)
    for number, page in enumerate(pages):
        after = len(data) + 2 + 12 * len(page) + 4
        is_last = number == len(pages) - 1
        data += struct.pack("<H", len(page)) + b"".join(struct.pack("<HHII", *tag) for tag in page)
        data += struct.pack("<I", (8 if ring else 0) if is_last else after)
    return data


def grey_tags(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return the tags of a grey image whose pixels are the file's first bytes."""
    size = width * height
    values = {
        256: width,
        257: height,
        258: 8,
        259: 1,
        262: 1,
        273: 0,
        277: 1,
        278: height,
        279: size,
    }
    return [(tag, 4, 1, value) for tag, value in values.items()]


def slow_bmp(runs: int) -> bytes:
    """Return a BMP with run-length coding, one pixel a run, which is decoded in Python."""
    width, height = 1000, -(-runs // 1000)
    palette = bytes(1024)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2 * runs, 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    return (
        b"BM" + struct.pack("<IHHI", start + 2 * runs, 0, 0, start) + header + palette
    ) + b"\x01\x07" * runs


def bombs() -> dict[str, bytes]:
    """Return small files that claim more pixels than the default limit, by name."""
    photo = generated_photo(1, (64, 48))
    jpeg = bytearray(saved(photo, "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    avif = saved(photo, "AVIF")
    size = avif.index(b"ispe") + 8
    bmp = bytearray(saved(photo, "BMP"))
    bmp[18:26] = struct.pack("<ii", 50_000, 50_000)
    keep = b"!\xf9\x04\x08\0\0\0\0"
    return {
        "jpeg": bytes(jpeg),
        "png": png(30_000, 30_000, bytes(1000)),
        "webp-lossless": webp(b"VP8L", b"\x2f" + struct.pack("<I", 0x3FFF_FFFE >> 2) + bytes(9)),
        "webp-lossy": webp(b"VP8 ", b"\x30\1\0\x9d\1\x2a" + struct.pack("<HH", 16383, 16383)),
        "webp-extended": webp(b"VP8X", bytes(4) + b"\xfe\xff\0\xfe\xff\0"),
        "gif-canvas": gif((65_535, 65_535), [(1, 1)]),
        "gif-first-frame": gif((1, 1), [(20_000, 20_000)], before=keep),
        "avif": avif[:size] + struct.pack(">II", 16_000, 16_000) + avif[size + 8 :],
        "bmp": bytes(bmp),
        "tiff": tiff(grey_tags(50_000, 50_000)),
        "tiff-second-page": tiff(grey_tags(1, 1), grey_tags(50_000, 50_000)),
    }
