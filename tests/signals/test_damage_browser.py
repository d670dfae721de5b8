"""Damaged images and images of rare layouts are signed as Chromium shows them."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from hashsvc.matching import Tier, compare
from hashsvc.signals import ImageError, Limits, UnsupportedImageError, sign_image
from hashsvc.signals.decode import decode
from tests.conftest import generated_photo
from tests.helpers.chromium import needs_chromium
from tests.signals.forged import chunk, interlaced_png, png, saved, with_chunks, with_segments
from tests.signals.kinds import UNSUPPORTED
from tests.signals.odd_files import (
    bitmaps,
    bmp,
    detailed_photo,
    gif_of,
    icon,
    icon_bitmap,
    random_apng,
    random_gif,
    shortened_webp,
)
from tests.signals.rendering import Browser

pytestmark = needs_chromium("the decoding of odd and damaged images")

PHOTO = detailed_photo(1, (1200, 900))
SMALL = generated_photo(4, (150, 100))
ORIGINAL = sign_image(saved(PHOTO, "PNG"))
PALETTE = PHOTO.quantize(256)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


def bits_from_shown(data: bytes, browser: Browser) -> int:
    """Return by how many bits our PDQ differs from that of what Chromium shows."""
    seen = browser.show(data)
    assert seen is not None
    shown, signed = sign_image(saved(seen, "PNG")), sign_image(data)
    return shown.signals[0].signal.distance(signed.signals[0].signal)


def assert_same_pixels(data: bytes, browser: Browser) -> None:
    assert_alike(browser.show(data), next(decode(data, Limits(), scaled=False)))


def assert_alike(seen: Image.Image | None, decoded: Image.Image) -> None:
    assert seen is not None
    assert seen.size == decoded.size
    ours, theirs = (np.asarray(each.convert("RGB")).astype(int) for each in (decoded, seen))
    assert abs(ours - theirs).mean() < 0.7


CUT = {
    "jpeg": saved(PHOTO, "JPEG"),
    "jpeg-restarts": saved(PHOTO, "JPEG", restart_marker_rows=1),
    "jpeg-progressive": saved(PHOTO, "JPEG", progressive=True),
    "png": saved(PHOTO, "PNG"),
    "gif": saved(PALETTE, "GIF", interlace=False),
    "gif-interlaced": saved(PALETTE, "GIF", interlace=True),
    "bmp": saved(PHOTO, "BMP"),
}


@pytest.mark.parametrize("share", [0.95, 0.9, 0.8, 0.6, 0.4])
@pytest.mark.parametrize("name", CUT)
def test_a_cut_off_image_is_signed_as_it_is_shown(
    name: str, share: float, browser: Browser
) -> None:
    data = CUT[name][: int(len(CUT[name]) * share)]
    assert bits_from_shown(data, browser) <= 14
    assert compare(ORIGINAL, sign_image(data)).tier is Tier.CERTAIN


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_shortened_webp_is_signed_as_it_is_shown(
    lossless: bool, share: float, browser: Browser
) -> None:
    data = shortened_webp(saved(PHOTO, "WEBP", lossless=lossless), share)
    assert bits_from_shown(data, browser) <= 14
    assert compare(ORIGINAL, sign_image(data)).tier is Tier.CERTAIN


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4, 0.2, 0.1])
def test_a_cut_off_interlaced_png_is_signed_near_its_whole(share: float, browser: Browser) -> None:
    """Chromium shows single pixels on white; we fill the gaps between them, as other viewers do."""
    whole = interlaced_png(PHOTO)
    data = whole[: int(len(whole) * share)]
    assert browser.show(data) is not None
    signed = sign_image(data).signals[0].signal
    assert signed.distance(ORIGINAL.signals[0].signal) <= 31


MARKERS = {
    "frame": b"\xff\xc1\0\x08",
    "table": b"\xff\xc4\0\x04\x11\x22",
    "quantisation": b"\xff\xdb\0\x04\x11\x22",
    "reserved": b"\xff\x02",
    "start": b"\xff\xd8",
    "end": b"\xff\xd9",
    "scan": b"\xff\xda\0\x03\x03\x01",
    "restart": b"\xff\xd0",
    "arithmetic": b"\xff\xcc\0\x04\x99\x99",
    "long": b"\xff\xe5\xff\xff",
    "many": b"\xff" * 64,
    "zeros": bytes(64),
}


@pytest.mark.parametrize("share", [0.5, 0.97])
@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize("name", ["jpeg", "jpeg-restarts", "jpeg-progressive"])
def test_a_jpeg_with_wrong_bytes_is_signed_as_it_is_shown(
    name: str, marker: str, share: float, browser: Browser
) -> None:
    data, wrong = CUT[name], MARKERS[marker]
    at = int(len(data) * share)
    data = data[:at] + wrong + data[at + len(wrong) :]
    assert bits_from_shown(data, browser) <= 14
    assert compare(ORIGINAL, sign_image(data)).tier is Tier.CERTAIN


@pytest.mark.parametrize("factor", [0.5, 1.5, 3])
def test_a_jpeg_of_another_height_is_signed_as_it_is_shown(factor: float, browser: Browser) -> None:
    data = CUT["jpeg"]
    at = data.index(b"\xff\xc0") + 5
    height = int(PHOTO.height * factor)
    assert bits_from_shown(data[:at] + height.to_bytes(2) + data[at + 2 :], browser) <= 14


def in_chunks(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the start of a PNG, and its pixels in many chunks."""
    start, pixels = packed_pixels(data)
    return start, [chunk(b"IDAT", pixels[at : at + 8192]) for at in range(0, len(pixels), 8192)]


def packed_pixels(data: bytes) -> tuple[bytes, bytes]:
    """Return what comes before the pixels of a PNG, and its compressed pixels."""
    offset, pixels = 33, b""
    while data[offset + 4 : offset + 8] == b"IDAT":
        length = int.from_bytes(data[offset : offset + 4])
        pixels += data[offset + 8 : offset + 8 + length]
        offset += 12 + length
    return data[:33], pixels


@pytest.mark.parametrize(
    "damage", ["checksum", "text-between", "unknown-between", "end-between", "missing", "wrong"]
)
def test_a_damaged_png_is_signed_as_it_is_shown(damage: str, browser: Browser) -> None:
    start, parts = in_chunks(CUT["png"])
    middle = len(parts) * 7 // 10
    if damage == "checksum":
        parts[middle] = parts[middle][:-4] + b"abcd"
    elif damage == "missing":
        del parts[middle]
    elif damage == "wrong":
        parts[middle] = chunk(b"IDAT", bytes(100) + parts[middle][108:-4])
    else:
        kind = {"text": b"tEXt", "unknown": b"ABCd", "end": b"IEND"}[damage.partition("-")[0]]
        parts.insert(middle, chunk(kind, b"a\0b" if kind != b"IEND" else b""))
    data = start + b"".join(parts) + chunk(b"IEND", b"")
    assert bits_from_shown(data, browser) <= 14
    assert compare(ORIGINAL, sign_image(data)).tier is Tier.CERTAIN


@pytest.mark.parametrize("damage", ["no-end", "no-checksum", "wrong-checksum", "few-rows"])
def test_a_png_with_a_wrong_end_is_signed_as_it_is_shown(damage: str, browser: Browser) -> None:
    data = CUT["png"]
    start, pixels = packed_pixels(data)
    if damage == "no-end":
        data = data[:-12]
    else:
        rows = zlib.decompress(pixels)
        body = {
            "no-checksum": pixels[:-4],
            "wrong-checksum": pixels[:-4] + b"abcd",
            "few-rows": zlib.compress(rows[: len(rows) * 3 // 4]),
        }[damage]
        data = start + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    assert bits_from_shown(data, browser) <= 14


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    "damage", ["wrong-codes", "early-end", "no-trailer", "taller", "shorter", "text-after"]
)
def test_a_damaged_gif_is_signed_as_it_is_shown(
    damage: str, interlaced: bool, browser: Browser
) -> None:
    data = gif_of(PHOTO.size, [(PALETTE, (0, 0), 0, None)], interlaced=interlaced)
    at = len(data) * 7 // 10
    frame = data.index(b"\0,") + 1
    height = {"taller": PHOTO.height * 2, "shorter": PHOTO.height // 2}.get(damage, PHOTO.height)
    data = data[: frame + 7] + struct.pack("<H", height) + data[frame + 9 :]
    if damage == "wrong-codes":
        data = data[:at] + b"\xff" * 64 + data[at + 64 :]
    elif damage == "early-end":
        data = data[:at] + bytes(40) + data[at + 40 :]
    elif damage == "no-trailer":
        data = data[:-2]
    elif damage == "text-after":
        data += b"abc" * 40
    assert bits_from_shown(data, browser) <= 14


BITMAPS = bitmaps(SMALL)


@pytest.mark.parametrize("name", BITMAPS)
def test_a_bitmap_has_the_pixels_that_are_shown(name: str, browser: Browser) -> None:
    assert_same_pixels(BITMAPS[name], browser)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.3])
@pytest.mark.parametrize("name", ["24", "24-top-down", "16-565", "32-some-alpha-v4", "8", "rle8"])
def test_a_cut_off_bitmap_has_the_pixels_that_are_shown(
    name: str, share: float, browser: Browser
) -> None:
    data = BITMAPS[name]
    assert_same_pixels(data[: int(len(data) * share)], browser)


@pytest.mark.parametrize("masks", [(0xFF0000, 0xFF0000, 0xFF), (0xFF0000, 0xAA00, 0xFF)])
def test_a_bitmap_of_wrong_fields_is_neither_shown_nor_signed(
    masks: tuple[int, ...], browser: Browser
) -> None:
    data = bmp((40, 30), 32, b"\x80" * 4 * 40 * 30, compression=3, masks=masks)
    seen = browser.show(data)
    assert seen is not None
    assert np.asarray(seen).min() == 255
    with pytest.raises(ImageError, match="bit fields"):
        sign_image(data)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["gif", "png"])
def test_the_frames_of_an_animation_are_those_that_are_shown(
    kind: str, seed: int, browser: Browser
) -> None:
    data, count = {"gif": random_gif, "png": random_apng}[kind](SMALL, seed)
    seen = 0
    for frame in decode(data, Limits(), scaled=False):
        assert_alike(browser.show_frame(data, f"image/{kind}", seen), frame)
        seen += 1
    assert seen == count


@pytest.mark.parametrize(
    ("canvas", "place", "transparent"),
    [((150, 100), (40, 30), None), ((150, 100), (40, 30), 0), ((90, 50), (30, 20), None)],
)
def test_a_gif_smaller_or_larger_than_its_canvas_is_as_shown(
    canvas: tuple[int, int], place: tuple[int, int], transparent: int | None, browser: Browser
) -> None:
    image = SMALL.resize((100, 60)).quantize(100)
    assert_same_pixels(gif_of(canvas, [(image, place, 0, transparent)]), browser)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"tRNS", bytes((0, 10, 0, 20, 0, 30)))],
        [chunk(b"tRNS", bytes((0, 10, 0, 20)))],
        [chunk(b"tRNS", bytes((0, 10, 0, 20, 0, 30)))[:-4] + b"abcd"],
    ],
    ids=["valid", "short", "checksum"],
)
def test_the_transparent_colour_of_a_png_is_as_shown(chunks: list[bytes], browser: Browser) -> None:
    image = SMALL.copy()
    image.paste((10, 20, 30), (0, 0, 75, 50))
    assert_same_pixels(with_chunks(saved(image, "PNG"), *chunks), browser)


@pytest.mark.parametrize("shade", [0, 1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2, 4, 16])
def test_the_transparent_shade_of_a_grey_png_is_as_shown(
    depth: int, shade: int, browser: Browser
) -> None:
    grey = np.asarray(SMALL.convert("L")).astype(np.uint16)
    if depth == 16:
        grey = grey * 257
        grey[:, :50] = shade
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in grey)
    else:
        flags = np.unpackbits((grey >> (8 - depth)).astype(np.uint8)[:, :, None], axis=2)
        lines = np.packbits(flags[:, :, 8 - depth :].reshape(len(grey), -1), axis=1)
        rows = b"".join(b"\0" + row.tobytes() for row in lines)
    data = png(*SMALL.size, rows, depth=depth, colour=0)
    assert_same_pixels(with_chunks(data, chunk(b"tRNS", shade.to_bytes(2))), browser)


def test_the_transparent_colour_of_a_deep_png_is_as_shown(browser: Browser) -> None:
    deep = np.asarray(SMALL).astype(np.uint16) * 257
    deep[:, :50] = (0x1234, 0x5678, 0x9ABC)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    data = png(*SMALL.size, rows, depth=16)
    colour = struct.pack(">HHH", 0x1234, 0x5678, 0x9ABC)
    assert_same_pixels(with_chunks(data, chunk(b"tRNS", colour)), browser)


@pytest.mark.parametrize("share", [0.25, 0.5, 1])
@pytest.mark.parametrize("where", ["none", "after", "before", "too-long"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_palette_of_a_png_is_as_shown(
    bits: int, where: str, share: float, browser: Browser
) -> None:
    image = SMALL.quantize(1 << bits)
    numbers = np.asarray(image)
    flags = np.unpackbits(numbers[:, :, None], axis=2)[:, :, 8 - bits :]
    lines = np.packbits(flags.reshape(len(numbers), -1), axis=1)
    colours = max(1, int(share * (1 << bits)))
    palette = bytes(image.getpalette("RGB") or ()).ljust(768, b"\0")[: 3 * colours]
    alpha = bytes(max(1, colours // 2)) if where != "too-long" else bytes(colours) + b"\xff"
    chunks = [chunk(b"PLTE", palette), chunk(b"tRNS", alpha)]
    rows = b"".join(b"\0" + row.tobytes() for row in lines)
    data = png(*SMALL.size, rows, depth=bits, colour=3)
    order = {"none": chunks[:1], "before": chunks[::-1]}.get(where, chunks)
    assert_same_pixels(with_chunks(data, *order), browser)


def exif(orientation: int, *, kind: int = 3, count: int = 1, order: str = "<") -> bytes:
    begin = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}IHHHIHH", 8, 1, 0x0112, kind, count, orientation, 0)
    return begin + entry + bytes(4)


SIDEWAYS = exif(6)
BLOCK = b"Exif\0\0"


@pytest.mark.parametrize(
    "blocks",
    [
        *([BLOCK + exif(each)] for each in (0, 2, 5, 6, 8, 9, 300)),
        [BLOCK + exif(6, order=">")],
        [BLOCK + exif(6, count=2)],
        [BLOCK + exif(6, kind=4)],
        [BLOCK + SIDEWAYS, BLOCK + exif(1)],
        [BLOCK + exif(1), BLOCK + SIDEWAYS],
        [BLOCK + exif(0), BLOCK + SIDEWAYS],
        [BLOCK + b"II*\0\x08\0\0\0\0\0\0\0\0\0", BLOCK + SIDEWAYS],
        [b"Exif\0\xff" + SIDEWAYS],
        [b"exif\0\0" + SIDEWAYS],
        [b"ICC_PROFILE\0\1\1" + bytes(200), BLOCK + SIDEWAYS],
        [b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'],
    ],
    ids=lambda blocks: repr(b"+".join(blocks)[:60]),
)
def test_a_jpeg_is_turned_as_it_is_shown(blocks: list[bytes], browser: Browser) -> None:
    assert_same_pixels(
        with_segments(saved(SMALL, "JPEG"), *((0xE1, each) for each in blocks)), browser
    )


@pytest.mark.parametrize(
    "chunks",
    [
        *([chunk(b"eXIf", exif(each))] for each in (0, 3, 6, 9)),
        [chunk(b"eXIf", exif(6, order=">"))],
        [chunk(b"eXIf", SIDEWAYS), chunk(b"eXIf", exif(1))],
        [chunk(b"eXIf", exif(1)), chunk(b"eXIf", SIDEWAYS)],
        [chunk(b"eXIf", BLOCK + SIDEWAYS)],
        [chunk(b"eXIf", SIDEWAYS)[:-4] + b"abcd"],
    ],
)
def test_a_png_is_turned_as_it_is_shown(chunks: list[bytes], browser: Browser) -> None:
    assert_same_pixels(with_chunks(saved(SMALL, "PNG"), *chunks), browser)


def test_a_png_is_not_turned_by_what_comes_after_its_pixels(browser: Browser) -> None:
    data = saved(SMALL, "PNG")
    assert_same_pixels(data[:-12] + chunk(b"eXIf", SIDEWAYS) + data[-12:], browser)


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_is_turned_as_it_is_shown(lossless: bool, browser: Browser) -> None:
    assert_same_pixels(saved(SMALL, "WEBP", exif=SIDEWAYS, lossless=lossless), browser)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_as_it_is_shown(orientation: int, browser: Browser) -> None:
    """Pillow writes the orientation as a rotation and a mirroring of the container."""
    assert_same_pixels(saved(SMALL, "AVIF", exif=exif(orientation)), browser)


def test_the_exif_of_an_avif_does_not_turn_it(browser: Browser) -> None:
    made = Image.Exif()
    made[0x010F] = "abc"
    data = saved(SMALL, "AVIF", exif=made.tobytes())
    at = data.index(b"MM\0*") + 10
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    assert_same_pixels(data[:at] + orientation + data[at + 12 :], browser)


@pytest.mark.parametrize("brand", [b"mif1", b"miaf", b"MA1A", b"avio"])
def test_an_avif_of_another_first_brand_is_as_shown(brand: bytes, browser: Browser) -> None:
    data = saved(SMALL, "AVIF")
    assert_same_pixels(data[:8] + brand + data[12:], browser)


TINY = SMALL.resize((48, 48))
HALF = TINY.convert("RGBA")
HALF.putalpha(100)
ICONS = {
    "png": icon((48, 48, saved(TINY, "PNG"))),
    "bitmap": icon((48, 48, icon_bitmap(TINY))),
    "bitmap-alpha": icon((48, 48, icon_bitmap(TINY.convert("RGBA")))),
    "bitmap-half-alpha": icon((48, 48, icon_bitmap(HALF))),
    "palette": icon((48, 48, icon_bitmap(TINY.quantize(16)))),
    "cursor": icon((48, 48, icon_bitmap(TINY)), kind=2),
    "largest": icon(
        (32, 32, saved(TINY.rotate(180).resize((32, 32)), "PNG")), (48, 48, saved(TINY, "PNG"))
    ),
    "256": icon((256, 256, saved(SMALL.resize((256, 256)), "PNG"))),
}


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_as_shown(name: str, browser: Browser) -> None:
    assert_same_pixels(ICONS[name], browser)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_kinds_that_are_not_supported_are_not_shown_either(name: str, browser: Browser) -> None:
    assert browser.show(UNSUPPORTED[name]) is None
    with pytest.raises(UnsupportedImageError):
        list(decode(UNSUPPORTED[name], Limits()))


def test_the_browser_shows_a_good_image_as_it_is(browser: Browser) -> None:
    """The oracle is right: neither drawing an image nor sending it back changes pixels."""
    seen = browser.show(saved(SMALL, "PNG"))
    assert seen is not None
    assert np.array_equal(np.asarray(seen), np.asarray(SMALL))
    assert browser.show(b"no image") is None
    assert Image.open(io.BytesIO(saved(seen, "PNG"))).size == SMALL.size
