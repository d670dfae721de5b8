"""
Bytes of an image to pixels, within limits, in one colour space.

Formats are recognised from the bytes and only those of the web are opened. EXIF orientation is
applied, transparency is laid on white, colour profiles are ignored, as the reference does.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from hashsvc.signals.errors import BrokenImageError, ImageTooLargeError, NotAnImageError

pillow_heif.register_heif_opener(thumbnails=False)
# Pillow's own guard only warns below twice its limit; `_check_size` refuses, for every format.
Image.MAX_IMAGE_PIXELS = None
# What Pillow has to say of odd metadata helps nobody here: the pixels decode, or an error comes.
warnings.filterwarnings("ignore", module=r"PIL\.")

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")

# A progressive JPEG is decoded once for each of its scans; real ones have about ten.
_MAX_JPEG_SCANS = 100
_START_OF_SCAN = b"\xff\xda"

# JPEG is decoded at a half, quarter or eighth where both sides stay at least this long.
_SCALED_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What an image may be at most.

    Attributes:
        max_bytes: Of the file.

        max_pixels: Width × height, by the header, before anything is decoded.

        max_frames: Frames of an animation that are looked at: the first, and evenly spaced ones.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_frames: int = 8


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

        ImageTooLargeError: If the image is over a limit.

        BrokenImageError: If it cannot be decoded.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"The image has {len(data)} bytes; the limit is {limits.max_bytes}."
        )
    with _opened(data) as image:
        _check_size(image, data, limits)
        if scaled and image.format == "JPEG":
            # A JPEG holds brightness and colour apart, and no signal asks for colour.
            image.draft("L" if image.mode == "RGB" else None, (_SCALED_SIDE, _SCALED_SIDE))
        for number in _frame_numbers(getattr(image, "n_frames", 1), limits.max_frames):
            yield _frame(image, number)


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise NotAnImageError(
            f"The bytes are no image in one of the formats {', '.join(_FORMATS)}."
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, MemoryError) as error:
        raise BrokenImageError("The image's header cannot be read.") from error


def _check_size(image: Image.Image, data: bytes, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise ImageTooLargeError(
            f"The image has {pixels} pixels; the limit is {limits.max_pixels}."
        )
    scans = data.count(_START_OF_SCAN) if image.format == "JPEG" else 0
    if scans > _MAX_JPEG_SCANS:
        raise ImageTooLargeError(f"The JPEG has {scans} scans; the limit is {_MAX_JPEG_SCANS}.")


def _frame_numbers(frames: int, limit: int) -> list[int]:
    if frames <= limit:
        return list(range(frames))
    return [number * frames // limit for number in range(limit)]


def _frame(image: Image.Image, number: int) -> Image.Image:
    try:
        image.seek(number)
        image.load()
        is_upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        return _plain(image if is_upright else ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, MemoryError) as error:
        # Pillow's decoders raise all of these for damaged files.
        raise BrokenImageError("The image is damaged and cannot be decoded.") from error


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _from_deep(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    # What needs no change is not copied: an image has millions of pixels.
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _from_deep(pixels: NDArray[np.generic]) -> Image.Image:
    """Scale values of more than eight bits, which Pillow would cut off at 255."""
    values = np.nan_to_num(pixels.astype(np.float64))
    top = values.max(initial=0)
    if top > 255:
        values = values * (255 / (65_535 if top <= 65_535 else top))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))
