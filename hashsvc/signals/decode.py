"""
Bytes of an image to pixels, within limits, in one colour space.

Formats are recognised from the bytes and only those of the web are opened. EXIF orientation is
applied, transparency is laid on white, colour profiles are ignored, as the reference does.

Of a damaged or cut-off image the part that decodes is taken if that is at least 90 % of it: of its
rows, for JPEG, PNG, GIF and BMP, whose decoders write row by row. A JPEG of several scans
(progressive) shows all of the image, if coarsely, once the first is complete. WebP, AVIF, HEIF and
TIFF decode as a whole or not at all. An animation ends before its first damaged frame.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, ImageFile

from hashsvc.signals.errors import (
    BrokenImageError,
    ImageError,
    ImageTooLargeError,
    NotAnImageError,
)
from hashsvc.signals.headers import (
    MOST_FRAMES,
    Header,
    exif_orientation,
    jpeg_scans,
    read_header,
)

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")

# A thread more is no use where many images are decoded at once, and takes address space.
pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Else Pillow would import a format's plugin at its first image, where no file may be opened.
Image.init()
# Pillow's own guard only warns below twice its limit; `_check_pixels` refuses, for every format.
Image.MAX_IMAGE_PIXELS = None
# What Pillow has to say of odd metadata helps nobody here: the pixels decode, or an error comes.
warnings.filterwarnings("ignore", module=r"PIL\.")

# A progressive JPEG is decoded once for each of its scans; real ones have about ten.
_MAX_JPEG_SCANS = 100
# Rows that are written only at the end of the image, be they ever so complete: the last row of
# blocks, and the two before, which are smoothed with it.
_JPEG_LAST_ROWS = 18
_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"

# JPEG is decoded at a half, quarter or eighth where both sides stay at least this long.
_SCALED_SIDE = 1024

# To come to a frame of an animation, all before it are decoded: so many pixels at most, which take
# about three seconds. What comes later is not looked at.
_MAX_ANIMATED_PIXELS = 100_000_000

# Libraries that get no memory say that the image is damaged, or nothing of use. Those of WebP and
# AVIF take most; JPEG's takes it for the coefficients of a progressive image, in three colours.
_MOST_BYTES_A_PIXEL = 20
_BYTES_A_PIXEL = {"JPEG": 6}

_ONE_AFTER_ANOTHER = frozenset({"GIF", "PNG", "WEBP", "AVIF"})

_LEAST_THERE = 0.9
_ROW_BY_ROW = frozenset({"JPEG", "PNG", "GIF", "BMP"})

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What an image may be at most.

    Attributes:
        max_bytes: Of the file.

        max_pixels: Width × height, by the header, before anything is decoded.

        max_frames: Frames of an animation that are looked at: the first, and evenly spaced ones.

        max_seconds: To decode and sign it, in a sandbox; nothing stops it elsewhere.

        max_memory_bytes: To decode and sign it, in a sandbox.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_frames: int = 8
    max_seconds: float = 10
    max_memory_bytes: int = 512 * 1024**2


def decode(data: bytes, limits: Limits, *, scaled: bool = True) -> Iterator[Image.Image]:
    """
    Yield the frames of an image in mode RGB or L, turned upright; an ordinary image has one.

    A frame is good until the next one is asked for.

    Args:
        data: The file's bytes.

        limits: What it may be at most.

        scaled: Whether a large JPEG may be decoded at a fraction of its size, which is faster.

    Raises:
        NotAnImageError: If the bytes are in none of the formats that are read.

        ImageTooLargeError: If the image is over a limit, or there is no memory for it.

        BrokenImageError: If it cannot be decoded.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"The image has {len(data)} bytes; the limit is {limits.max_bytes}."
        )
    header = None
    try:
        header = _header(data, limits)
        yield from _frames(header, limits, scaled=scaled)
    except ImageError:
        raise
    except MemoryError as error:
        raise _no_memory() from error
    except Exception as error:
        # Pillow's decoders raise almost anything for damaged files: OSError, ValueError,
        # SyntaxError, struct.error, KeyError, ZeroDivisionError.
        if header is not None:
            _check_memory(header)
        raise _damaged() from error


def not_an_image() -> NotAnImageError:
    """Return the error of bytes that are in none of the formats that are read."""
    return NotAnImageError(f"The bytes are no image in one of the formats {', '.join(_FORMATS)}.")


def _header(data: bytes, limits: Limits) -> Header:
    header = read_header(data)
    if header is None:
        raise not_an_image()
    _check_pixels(header.pixels, limits)
    _check_scans(header)
    return header


def _frames(header: Header, limits: Limits, *, scaled: bool) -> Iterator[Image.Image]:
    with _opened(header, limits, scaled=scaled) as image:
        numbers = _frame_numbers(image, header, limits)
        for number in numbers:
            try:
                image.seek(number)
                _check_pixels(image.width * image.height, limits)
                image.load()
                frame = _upright(image, header)
            except (ImageTooLargeError, MemoryError):
                raise
            except Exception:  # noqa: BLE001 - as said in `decode`.
                if number != numbers[0]:
                    return
                frame = _what_is_there(header, limits, scaled=scaled)
            yield frame


def _opened(header: Header, limits: Limits, *, scaled: bool) -> ImageFile.ImageFile:
    image = Image.open(io.BytesIO(header.data), formats=header.formats)
    _check_pixels(image.width * image.height, limits)
    if scaled and image.format == "JPEG":
        # A JPEG holds brightness and colour apart, and no signal asks for colour.
        image.draft("L" if image.mode == "RGB" else None, (_SCALED_SIDE, _SCALED_SIDE))
    return image


def _frame_numbers(image: Image.Image, header: Header, limits: Limits) -> list[int]:
    frames = min(header.frames or getattr(image, "n_frames", 1), MOST_FRAMES)
    if image.format in _ONE_AFTER_ANOTHER:
        pixels = max(header.pixels, image.width * image.height)
        frames = min(frames, max(1, _MAX_ANIMATED_PIXELS // pixels))
    looked_at = min(frames, limits.max_frames)
    # A HEIF's main image need not come first in the file.
    first = image.tell()
    spaced = (number * frames // looked_at for number in range(looked_at))
    return [first, *(number for number in spaced if number != first)][:looked_at]


def _what_is_there(header: Header, limits: Limits, *, scaled: bool) -> Image.Image:
    """Return a damaged image whose missing rows repeat those beside them."""
    if not _ROW_BY_ROW.issuperset(header.formats):
        _check_memory(header)
        raise _damaged()
    is_jpeg = header.formats == ("JPEG",)
    ended = replace(header, data=header.data + _END_OF_IMAGE)
    if is_jpeg and jpeg_scans(header.data) > 1:
        return _whole(ended, limits, scaled=scaled)
    on_black, on_white = (
        _on_ground(_opened(header, limits, scaled=scaled), shade) for shade in (0, 255)
    )
    differs = np.asarray(on_black) != np.asarray(on_white)
    is_there = ~differs.reshape(len(differs), -1).any(axis=1)
    if is_jpeg and is_there.any() and np.count_nonzero(~is_there) <= _JPEG_LAST_ROWS:
        return _whole(ended, limits, scaled=scaled)
    share = is_there.mean()
    if share < _LEAST_THERE:
        raise BrokenImageError(
            f"Only {int(share * 100)} % of the image is there; "
            f"the least is {_LEAST_THERE * 100:.0f} %."
        )
    there = np.flatnonzero(is_there)
    nearest = np.searchsorted(there, np.arange(len(is_there))).clip(max=len(there) - 1)
    filled = Image.fromarray(np.asarray(_plain(on_black))[there[nearest]])
    return _turned(filled, header.orientation)


def _whole(header: Header, limits: Limits, *, scaled: bool) -> Image.Image:
    image = _opened(header, limits, scaled=scaled)
    image.load()
    return _upright(image, header)


def _on_ground(image: ImageFile.ImageFile, shade: int) -> Image.Image:
    """Decode a damaged image, as far as possible, onto a ground of one shade."""
    bands = len(image.getbands())
    ground = Image.new(image.mode, image.size, (shade,) * bands if bands > 1 else shade).im
    image.im = ground
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        # The GIF plugin has a ground of its own for frames with transparency.
        if image.im is not ground:
            raise _damaged() from error
    # What is not decoded yet will not be.
    image.tile = []
    return image


def _upright(image: Image.Image, header: Header) -> Image.Image:
    orientation = header.orientation
    if image.format == "AVIF":  # Pillow puts the container's own turns there.
        orientation = exif_orientation(image.info.get("exif", b""))
    return _turned(_plain(image), orientation)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _check_memory(header: Header) -> None:
    """Refuse an image that could not be decoded if there is too little memory for its like."""
    pixels = header.pixels
    with suppress(Exception), Image.open(io.BytesIO(header.data), formats=header.formats) as image:
        pixels = max(pixels, image.width * image.height)
    try:
        np.empty(pixels * _BYTES_A_PIXEL.get(header.formats[0], _MOST_BYTES_A_PIXEL), np.uint8)
    except MemoryError as error:
        raise _no_memory() from error


def _no_memory() -> ImageTooLargeError:
    return ImageTooLargeError("The image needs more memory than there is.")


def _damaged() -> BrokenImageError:
    return BrokenImageError("The image is damaged and cannot be decoded.")


def _check_pixels(pixels: int, limits: Limits) -> None:
    if pixels > limits.max_pixels:
        raise ImageTooLargeError(
            f"The image has {pixels} pixels; the limit is {limits.max_pixels}."
        )


def _check_scans(header: Header) -> None:
    if header.formats != ("JPEG",) or header.data.count(_START_OF_SCAN) <= _MAX_JPEG_SCANS:
        return
    # Some may be no markers of scans, but bytes of tables, or of another image after this one.
    scans = jpeg_scans(header.data)
    if scans > _MAX_JPEG_SCANS:
        raise ImageTooLargeError(f"The JPEG has {scans} scans; the limit is {_MAX_JPEG_SCANS}.")


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return _from_deep(np.asarray(image))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    # What needs no change is not copied: an image has millions of pixels.
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _from_deep(pixels: NDArray[np.generic]) -> Image.Image:
    """Scale values whose range is known by themselves only; Pillow would cut them off at 255."""
    values = np.nan_to_num(pixels.astype(np.float32))
    top = float(values.max(initial=0))
    highest = next((each for each in (1, 255, 65_535) if top <= each), top)
    return Image.fromarray((values.clip(min=0) * (255 / highest)).astype(np.uint8))
