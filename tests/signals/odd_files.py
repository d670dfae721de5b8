"""Valid image files of rare layouts, made byte by byte: bitmaps, icons, animations."""

import random
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.signals.forged import chunk, saved

_RED, _GREEN, _BLUE, _ALPHA = 0xFF0000, 0xFF00, 0xFF, 0xFF000000
_Words = NDArray[np.integer[Any]]


def detailed_photo(seed: int, size: tuple[int, int]) -> Image.Image:
    """Return a picture with details of all sizes everywhere, as photographs of nature have."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for number in range(2, 8):
        cells = rng.integers(0, 256, (3 * 2**number // 4, 2**number, 3), dtype=np.uint8)
        layer = Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)
        total += np.asarray(layer) / 1.5**number
    total -= total.min()
    return Image.fromarray((total * 255 / total.max()).astype(np.uint8))


def bmp(
    size: tuple[int, int],
    bits: int,
    pixels: bytes,
    *,
    header: int = 40,
    compression: int = 0,
    masks: Sequence[int] = (),
    palette: bytes = b"",
    colours: int = 0,
) -> bytes:
    """Return a bitmap; a negative height means that the first row in the file is the topmost."""
    packed_masks = struct.pack(f"<{len(masks)}I", *masks)
    if header == 12:
        head = struct.pack("<IHHHH", 12, *size, 1, bits)
    else:
        fields = (header, *size, 1, bits, compression, len(pixels), 2835, 2835, colours, 0)
        head = struct.pack("<IiiHHIIiiII", *fields)
        head += packed_masks.ljust(header - 40, b"\0") if header > 40 else packed_masks
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + palette + pixels


def packed(rows: NDArray[np.uint8], bits: int) -> bytes:
    """Return rows of numbers, packed into bits; each row is padded to a multiple of four bytes."""
    width = rows.shape[1]
    flags = np.unpackbits(rows[:, :, None], axis=2)[:, :, 8 - bits :].reshape(len(rows), -1)
    filled = np.zeros((len(rows), -(-width * bits // 32) * 32), np.uint8)
    filled[:, : flags.shape[1]] = flags
    return np.packbits(filled, axis=1).tobytes()


def bitmaps(photo: Image.Image) -> dict[str, bytes]:
    """Return the photo as bitmaps of many layouts, by name."""
    size = photo.size
    pixels = np.asarray(photo.convert("RGB")).astype(np.uint32)[::-1]
    red, green, blue = (pixels[:, :, band] for band in range(3))
    alpha = np.broadcast_to(np.linspace(0, 255, size[0]).astype(np.uint32), red.shape)
    bgr = red << 16 | green << 8 | blue
    std = (_RED, _GREEN, _BLUE)

    def words(values: _Words) -> bytes:
        return values.astype("<u4").tobytes()

    def short(values: _Words) -> bytes:
        row = np.zeros((len(values), size[0] + size[0] % 2), "<u2")
        row[:, : size[0]] = values
        return row.tobytes()

    top_down = (size[0], -size[1])
    in_555 = red >> 3 << 10 | green >> 3 << 5 | blue >> 3
    in_565 = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
    in_444 = red >> 4 << 8 | green >> 4 << 4 | blue >> 4
    in_30 = red << 22 | green << 12 | blue << 2
    made = {
        "24": saved(photo, "BMP"),
        "24-os2": bmp(size, 24, _rows_of_24(pixels), header=12),
        "24-os2-v2": bmp(size, 24, _rows_of_24(pixels), header=64),
        "24-top-down": bmp(top_down, 24, _rows_of_24(pixels[::-1])),
        "32-rgbx": bmp(size, 32, words(red | green << 8 | blue << 16), compression=3,
                       masks=(_BLUE, _GREEN, _RED)),
        "32-ten-bits": bmp(size, 32, words(in_30), compression=3,
                           masks=(0x3FF00000, 0xFFC00, 0x3FF)),
        "32-of-555": bmp(size, 32, words(in_555), compression=3, masks=(0x7C00, 0x3E0, 0x1F)),
        "32-shifted": bmp(size, 32, words(bgr << 4), compression=3,
                          masks=tuple(each << 4 for each in std)),
        "16-555": bmp(size, 16, short(in_555)),
        "16-565": bmp(size, 16, short(in_565), compression=3, masks=(0xF800, 0x7E0, 0x1F)),
        "16-565-v5": bmp(size, 16, short(in_565), compression=3, header=124,
                         masks=(0xF800, 0x7E0, 0x1F)),
        "16-444": bmp(size, 16, short(in_444), compression=3, masks=(0xF00, 0xF0, 0xF)),
        "16-4444-alpha": bmp(size, 16, short(in_444 | 0xF000), compression=6,
                             masks=(0xF00, 0xF0, 0xF, 0xF000)),
        "16-1555-v4": bmp(size, 16, short(in_555 | 0x8000), compression=3, header=108,
                          masks=(0x7C00, 0x3E0, 0x1F, 0x8000)),
    }  # fmt: skip
    for name, shade in {"no": 0 * red, "full": 255 + 0 * red, "some": alpha}.items():
        with_alpha = words(bgr | shade << 24)
        made |= {
            f"32-{name}-alpha": bmp(size, 32, with_alpha),
            f"32-{name}-alpha-fields": bmp(size, 32, with_alpha, compression=3, masks=std),
            f"32-{name}-alpha-v4": bmp(size, 32, with_alpha, header=108, masks=(*std, _ALPHA)),
            f"32-{name}-alpha-v4-unused": bmp(size, 32, with_alpha, header=108, masks=std),
            f"32-{name}-alpha-v3-fields": bmp(
                size, 32, with_alpha, header=56, compression=3, masks=(*std, _ALPHA)
            ),
            f"32-{name}-alpha-v5-fields": bmp(
                size, 32, with_alpha, header=124, compression=3, masks=(*std, _ALPHA)
            ),
            f"32-{name}-alpha-own-fields": bmp(
                size, 32, with_alpha, compression=6, masks=(*std, _ALPHA)
            ),
        }
    return made | _with_palettes(photo) | _run_length_coded(photo)


def _rows_of_24(pixels: _Words) -> bytes:
    rows = np.zeros((len(pixels), -(-3 * pixels.shape[1] // 4) * 4), np.uint8)
    rows[:, : 3 * pixels.shape[1]] = pixels[:, :, ::-1].reshape(len(pixels), -1)
    return rows.tobytes()


def _numbers_and_palette(photo: Image.Image, colours: int) -> tuple[NDArray[np.uint8], bytes]:
    """Return palette numbers from the lowest row up, and the palette, four bytes a colour."""
    image = photo.quantize(colours)
    palette = np.zeros((colours, 4), np.uint8)
    found = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)[:colours, ::-1]
    palette[: len(found), :3] = found
    return np.asarray(image)[::-1], palette.tobytes()


def _with_palettes(photo: Image.Image) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for bits in (1, 2, 4, 8):
        numbers, palette = _numbers_and_palette(photo, 1 << bits)
        rows = packed(numbers, bits)
        made |= {
            f"{bits}": bmp(photo.size, bits, rows, palette=palette),
            f"{bits}-counted": bmp(photo.size, bits, rows, palette=palette, colours=1 << bits),
            f"{bits}-too-many": bmp(photo.size, bits, rows, palette=palette, colours=300),
            f"{bits}-v5": bmp(photo.size, bits, rows, palette=palette, header=124),
        }
        if bits != 2:
            bare = b"".join(palette[at : at + 3] for at in range(0, len(palette), 4))
            made[f"{bits}-os2"] = bmp(photo.size, bits, rows, palette=bare, header=12)
    numbers, palette = _numbers_and_palette(photo, 200)
    made["8-few"] = bmp(photo.size, 8, packed(numbers, 8), palette=palette, colours=200)
    return made


def _run_length_coded(photo: Image.Image) -> dict[str, bytes]:
    numbers, palette = _numbers_and_palette(photo, 16)
    half = len(numbers) // 2
    skipped = runs(numbers[:half], end=b"") + b"\0\2\x09\x06" + runs(numbers[half + 6 :, 9:])
    pieces = {
        "rle8": runs(numbers),
        "rle8-stored": runs(numbers, stored=True),
        "rle8-no-end": runs(numbers, end=b""),
        "rle8-early-end": runs(numbers[:half]),
        "rle8-skipping": skipped,
        "rle4": runs(numbers, four_bits=True),
        "rle4-stored": runs(numbers, four_bits=True, stored=True),
    }
    return {
        name: bmp(
            photo.size,
            4 if "rle4" in name else 8,
            data,
            compression=2 if "rle4" in name else 1,
            palette=palette,
            colours=16,
        )
        for name, data in pieces.items()
    }


def runs(
    rows: NDArray[np.uint8],
    *,
    four_bits: bool = False,
    stored: bool = False,
    end: bytes = b"\0\1",
) -> bytes:
    """Return rows in the run-length coding of bitmaps, as runs or as stored pixels."""
    coded = bytearray()
    for row in rows.tolist():
        at = 0
        while at < len(row):
            part = row[at : at + 252]
            if stored and len(part) > 2:
                body = bytes(part)
                if four_bits:
                    pairs = zip(part[::2], [*part[1::2], 0], strict=False)
                    body = bytes(first << 4 | second for first, second in pairs)
                coded += bytes((0, len(part))) + body + bytes(len(body) % 2)
            else:
                part = part[: next((n for n, each in enumerate(part) if each != part[0]), 252)]
                coded += bytes((len(part), part[0] * (17 if four_bits else 1)))
            at += len(part)
        coded += b"\0\0"
    return bytes(coded) + end


def icon(*images: tuple[int, int, bytes], kind: int = 1) -> bytes:
    """Return an icon; each image is width, height, and a PNG or a bitmap without file header."""
    head = struct.pack("<HHH", 0, kind, len(images))
    body, start = b"", len(head) + 16 * len(images)
    for width, height, data in images:
        size = width & 255, height & 255
        head += struct.pack("<BBBBHHII", *size, 0, 0, 1, 32, len(data), start + len(body))
        body += data
    return head + body


def icon_bitmap(photo: Image.Image) -> bytes:
    """Return an image as the bitmap of an icon, with its mask."""
    data = saved(photo, "DIB")
    mask = bytes(-(-photo.width // 32) * 4 * photo.height)
    return data[:8] + struct.pack("<i", 2 * photo.height) + data[12:] + mask


def gif_of(
    canvas: tuple[int, int],
    frames: Iterable[tuple[Image.Image, tuple[int, int], int, int | None]],
    *,
    interlaced: bool = False,
) -> bytes:
    """Return a GIF of frames: palette image, place, disposal and transparent colour of each."""
    made = b"GIF89a" + struct.pack("<HH", *canvas) + b"\xf7\1\0" + bytes(range(255, 0, -1)) * 3
    made = made.ljust(13 + 768, b"\0")
    for image, place, disposal, transparent in frames:
        # Let Pillow compress the pixels.
        alone = saved(image, "GIF", interlace=interlaced)
        start = alone.index(b",\0\0\0\0")
        palette = bytes(image.getpalette("RGB") or ()).ljust(768, b"\0")[:768]
        own = 6 << (alone[start + 9] & 7) if alone[start + 9] & 0x80 else 0
        flags = disposal << 2 | (transparent is not None)
        made += b"!\xf9\x04" + bytes((flags, 10, 0, transparent or 0)) + b"\0,"
        made += struct.pack("<HHHH", *place, *image.size) + bytes((0x87 | 0x40 * interlaced,))
        made += palette + alone[start + 10 + own : -1]
    return made + b";"


def random_gif(photo: Image.Image, seed: int) -> tuple[bytes, int]:
    """Return a GIF of frames at random places, and the number of frames."""
    rng = random.Random(seed)
    frames = []
    for number in range(rng.randint(2, 6)):
        size = rng.randint(20, photo.width + 10), rng.randint(20, photo.height + 10)
        place = rng.choice((0, rng.randint(0, 90))), rng.choice((0, rng.randint(0, 60)))
        if number and rng.random() < 0.3:
            size, place = photo.size, (0, 0)
        image = photo.rotate(90 * rng.randint(0, 3)).resize(size).quantize(rng.choice((4, 200)))
        frames.append((image, place, rng.randint(0, 3), rng.choice((None, 0, 1, 2))))
    return gif_of(photo.size, frames), len(frames)


def random_apng(photo: Image.Image, seed: int) -> tuple[bytes, int]:
    """Return an animated PNG of frames at random places, and the number of frames."""
    rng = random.Random(seed)
    count = rng.randint(2, 5)
    header = struct.pack(">IIBBBBB", *photo.size, 8, 6, 0, 0, 0)
    made = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"acTL", struct.pack(">II", count, 0))
    )
    for number in range(count):
        size, place = photo.size, (0, 0)
        if number:
            size = rng.randint(9, photo.width), rng.randint(9, photo.height)
            place = rng.randint(0, photo.width - size[0]), rng.randint(0, photo.height - size[1])
        layer = np.array(photo.rotate(90 * rng.randint(0, 3)).resize(size).convert("RGBA"))
        layer[: size[1] // 2, : size[0] // 2, 3] = rng.choice((0, 128, 255))
        fields = (*size, *place, 10, 100, rng.randint(0, 2), rng.randint(0, 1))
        made += chunk(b"fcTL", struct.pack(">IIIIIHHBB", max(0, 2 * number - 1), *fields))
        body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in layer))
        order = (2 * number).to_bytes(4)
        made += chunk(b"fdAT", order + body) if number else chunk(b"IDAT", body)
    return made + chunk(b"IEND", b""), count


def shortened_webp(data: bytes, share: float) -> bytes:
    """Return a WebP of one chunk, cut off at a share of its bytes, with the sizes set to match."""
    end = int(len(data) * share) & ~1
    sizes = struct.pack("<I", end - 8), struct.pack("<I", end - 20)
    return data[:4] + sizes[0] + data[8:16] + sizes[1] + data[20:end]
