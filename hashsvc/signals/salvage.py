"""
Decodes as much as possible of a damaged JPEG, PNG or WebP, as browsers show it.

The decoders of JPEG and PNG write one row after another, and stop at damage. They leave pixels that
they do not reach as they were. So decoding twice, onto different backgrounds, shows which pixels
were decoded. WebP's decoder gives nothing of a damaged image. So other bytes replace the damaged
part, different ones in a second decode, and the rows that are the same both times are intact.

Only the first image of a file is salvaged. AVIF, HEIF and TIFF are decoded as a whole or not at
all; browsers do not show parts of these either.
"""

import bisect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from hashsvc.signals.errors import BrokenImageError
from hashsvc.signals.headers import Header, is_progressive, jpeg_scan_ends, webp_pixels

Open = Callable[[Header], Image.Image]
"""Opens the image of a file."""

MIN_ROWS = 16
"""
An image of which fewer rows can be decoded is not signed, because they show hardly anything.

An image that has fewer rows needs all of them.
"""

_END_OF_IMAGE = b"\xff\xd9"
# Rows that the decoder writes only at the very end of the image, even if their data is complete:
# the last row of blocks, and the two rows before it, which are smoothed with it.
_JPEG_LAST_ROWS = 18
# Damaged data may contain very many apparent markers. Only this many are considered, and a binary
# search tries about seven of them.
_MOST_ENDS = 100

_PNG_INTERLACED = 28  # Offset of the header's byte for interlacing.
_STRIP_PIXELS = 2**20

# Damage to a WebP is located to within a sixty-fourth of its data.
_WEBP_PARTS = 64
# Zeros replace the damaged data. A pixel of a lossless WebP then takes up to two bytes. An image
# that needs more zeros than this is not salvaged, because they would take too much memory.
_MOST_FILLING = 2**24
_WEBP_BEGINNINGS = (b"\xa5" * 40, b"\x5a" * 40, b"\x33" * 40, b"\xff" * 3)


def salvaged(header: Header, open_image: Open) -> tuple[Image.Image, Image.Image | None]:
    """
    Return as much as possible of a damaged image, and a mask of its missing pixels, if any.

    Raises:
        BrokenImageError: If fewer than MIN_ROWS rows can be decoded.
    """
    match header.formats:
        case ("JPEG",) if is_progressive(header.data):
            return _progressive(header, open_image)
        case ("JPEG",):
            return _jpeg(header, open_image)
        case ("PNG",):
            return _checked(header, open_image)
        case ("WEBP",):
            return _webp(header, open_image)
    raise damaged()


def shown(image: Image.Image, missing: Image.Image, header: Header) -> Image.Image:
    """Return an image of mode RGB or L, white where pixels are missing, as on a page."""
    if header.formats == ("PNG",) and header.data[_PNG_INTERLACED : _PNG_INTERLACED + 1] == b"\1":
        image, missing = spread(image, missing)
    image.paste("white", mask=missing)
    return image


def spread(
    image: Image.Image, missing: Image.Image, axes: tuple[int, ...] = (0, 1)
) -> tuple[Image.Image, Image.Image]:
    """
    Spread the pixels of an interlaced image over those of later passes, as most viewers do.

    Chromium does not do this for a PNG, so the image that it shows is paler.
    """
    for strip in _strips(image, 8):
        pixels, gone = np.array(image.crop(strip)), np.asarray(missing.crop(strip)) > 0
        for side, axis in itertools.product((2, 4, 8), axes):
            nearest = np.arange(gone.shape[axis]) // side * side
            is_filled = gone & ~gone.take(nearest, axis)
            pixels[is_filled] = pixels.take(nearest, axis)[is_filled]
            gone = gone & ~is_filled
        image.paste(Image.fromarray(pixels), strip)
        missing.paste(_mask(gone), strip)
    return image, missing


def _strips(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, int, int, int]]:
    rows = max(1, _STRIP_PIXELS // image.width // multiple) * multiple
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def damaged() -> BrokenImageError:
    """Return the error for an image of which nothing can be decoded."""
    return BrokenImageError("The image is damaged and cannot be decoded.")


def check_rows(there: int, rows: int) -> None:
    """
    Check that enough of an image can be decoded.

    Raises:
        BrokenImageError: If fewer than MIN_ROWS rows can be decoded, and not all rows.
    """
    least = min(MIN_ROWS, rows)
    if there < least:
        raise BrokenImageError(
            f"Only {there} of the image's {rows} rows can be decoded; at least {least} are needed."
        )


def _progressive(header: Header, open_image: Open) -> tuple[Image.Image, None]:
    """
    Return a JPEG of several scans up to its first wrong marker; missing parts are coarse or grey.

    The decoder reads all scans before it gives a row. It tolerates wrong data, but no wrong marker.
    """

    def decoded(end: int) -> Image.Image | None:
        return _decoded(replace(header, data=header.data[:end] + _END_OF_IMAGE), open_image)

    ends = [*itertools.islice(jpeg_scan_ends(header.data), _MOST_ENDS), len(header.data)]
    _, image = _longest(ends, decoded)
    check_rows(_rows_above_plain(image), image.height)
    return image, None


def _decoded(header: Header, open_image: Open) -> Image.Image | None:
    """Return an image; None if its library refuses it."""
    try:
        image = open_image(header)
        image.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - see the errors in `decode`.
        return None
    return image


def _longest(
    ends: list[int], decoded: Callable[[int], Image.Image | None]
) -> tuple[int, Image.Image]:
    """
    Return the last of some offsets up to which an image can be decoded, and the image.

    Raises:
        BrokenImageError: If there is none.
    """
    # Mostly, only the end of the file is missing, so the last offset works.
    if (image := decoded(ends[-1])) is not None:
        return ends[-1], image
    found: list[tuple[int, Image.Image]] = []

    def fails(end: int) -> bool:
        if (image := decoded(end)) is None:
            return True
        found[:] = [(end, image)]
        return False

    bisect.bisect_left(ends[:-1], True, key=fails)
    if not found:
        raise damaged()
    return found[0]


def _rows_above_plain(image: Image.Image) -> int:
    """Return the number of rows above a plain lower part."""
    pixels = np.asarray(image.convert("L"))
    is_plain = (pixels == pixels[-1, -1]).all(axis=1)
    return len(pixels) - int(np.argmin(is_plain[::-1])) if not is_plain.all() else 0


def _jpeg(header: Header, open_image: Open) -> tuple[Image.Image, Image.Image | None]:
    image, missing = by_pixels(partial(open_image, header))
    if image.height - rows_there(image, missing) <= _JPEG_LAST_ROWS:
        ended = _decoded(replace(header, data=header.data + _END_OF_IMAGE), open_image)
        if ended is not None and _rows_above_plain(ended):
            return ended, None
    check_rows(rows_there(image, missing), image.height)
    return image, missing


def _checked(header: Header, open_image: Open) -> tuple[Image.Image, Image.Image | None]:
    image, missing = by_pixels(partial(open_image, header))
    check_rows(rows_there(image, missing), image.height)
    return image, missing


def by_pixels(open_image: Callable[[], Image.Image]) -> tuple[Image.Image, Image.Image | None]:
    """Return a damaged image, and a mask of its missing pixels, if there are any."""
    image, other = (_decoded_onto(open_image(), shade) for shade in (0, 255))
    missing = Image.new("L", image.size)
    for strip in _strips(image):
        differs = _differs(np.asarray(image.crop(strip)), np.asarray(other.crop(strip)))
        if differs.any():
            missing.paste(_mask(differs), strip)
    return image, missing if missing.getbbox() else None


def rows_there(image: Image.Image, missing: Image.Image | None) -> int:
    """Return the number of rows of which at least one pixel was decoded."""
    if missing is None:
        return image.height
    strips = (np.asarray(missing.crop(strip)) for strip in _strips(image))
    return sum(int(np.count_nonzero((strip == 0).any(axis=1))) for strip in strips)


def _mask(flags: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(flags.astype(np.uint8) * np.uint8(255))


def _differs(pixels: NDArray[np.generic], others: NDArray[np.generic]) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = pixels != others
    return np.asarray(differs.any(axis=2)) if differs.ndim == 3 else differs


def _decoded_onto(image: Image.Image, shade: int) -> Image.Image:
    """Decode as much as possible of a damaged image onto a background of one shade."""
    bands = len(image.getbands())
    image.im = Image.new(image.mode, image.size, (shade,) * bands if bands > 1 else shade).im
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - see the errors in `decode`.
        if isinstance(image, ImageFile.ImageFile):
            image.tile = []  # Pillow must not try to decode the rest later.
    return image


def _webp(header: Header, open_image: Open) -> tuple[Image.Image, Image.Image | None]:
    """Return a WebP up to its first damage. Its decoder gives the whole image or nothing."""
    found = webp_pixels(header.data)
    if found is None:
        raise damaged()
    before, kind, pixels = found
    needed = header.pixels // 8 if kind == b"VP8 " else 2 * header.pixels
    filling = bytes(min(needed, _MOST_FILLING) + 1024)

    def decoded(end: int, begin: bytes = b"") -> Image.Image | None:
        body = before + _chunk(kind, pixels[:end] + begin + filling)
        return _decoded(replace(header, data=_chunk(b"RIFF", b"WEBP" + body)), open_image)

    parts = range(1, _WEBP_PARTS + 1)
    end, image = _longest([len(pixels) * part // _WEBP_PARTS for part in parts], decoded)
    others = (decoded(end, begin) for begin in _WEBP_BEGINNINGS)
    other = next((each for each in others if each is not None), image)
    there = _first_difference(image, other)
    check_rows(there, image.height)
    missing = Image.new("L", image.size)
    missing.paste(255, (0, there, *image.size))
    return image, missing if there < image.height else None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def _first_difference(image: Image.Image, other: Image.Image) -> int:
    """Return the first row in which two images differ, or the number of rows."""
    differs = (np.asarray(image) != np.asarray(other)).any(axis=(1, 2))
    return int(differs.argmax()) if differs.any() else image.height
