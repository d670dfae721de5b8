"""
Decodes the bytes of an image to pixels, within limits, in one colour space.

Formats are recognised from the bytes, and only formats of the web, HEIF and TIFF are opened. The
pixels are those that Chromium shows: the image is turned upright as its EXIF or its container says,
and `viewing` converts its colours and lays it on white.

As much as possible of a damaged or cut-off image is decoded, and the rest is white. At least 16
rows must be decodable. An interlaced image, or a JPEG of several scans (progressive), is coarse
where its later parts are missing. AVIF, HEIF and TIFF decode as a whole or not at all. An animation
ends before its first damaged frame, but a part of its first frame is enough.
"""

import io
import itertools
import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, Image

from hashsvc.signals.apngs import Apng
from hashsvc.signals.bitmaps import read_bitmap
from hashsvc.signals.errors import (
    BrokenImageError,
    ImageError,
    ImageTooLargeError,
)
from hashsvc.signals.exif import exif_orientation
from hashsvc.signals.gifs import Gif
from hashsvc.signals.headers import (
    MOST_FRAMES,
    Header,
    jpeg_scans,
    read_header,
)
from hashsvc.signals.kinds import refusal, unsupported
from hashsvc.signals.salvage import damaged, salvaged, shown
from hashsvc.signals.tiles import Grid, read_grid
from hashsvc.signals.variants import unsupported_variant
from hashsvc.signals.viewing import conversion_of, viewed, viewed_reduced

# More threads do not help where many images are decoded at once, and they take address space.
pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Import all plugins now. Otherwise Pillow imports a format's plugin at its first image, when a
# sandbox worker can no longer open files.
Image.init()
# Pillow's own guard only warns below twice its limit. `_check_pixels` enforces our limit for every
# format.
Image.MAX_IMAGE_PIXELS = None
# Pillow's warnings about odd metadata help nobody here: the pixels decode, or an error is raised.
warnings.filterwarnings("ignore", module=r"PIL\.")

# A progressive JPEG is decoded once for each of its scans; real ones have about ten.
_MAX_JPEG_SCANS = 100
_START_OF_SCAN = b"\xff\xda"

# A JPEG is decoded at a half, quarter or eighth if both sides stay at least this long.
_MIN_SCALED_SIDE = 1024
# Decoding in colour takes more time, so an image that has to be converted may become as small as
# this. The algorithms reduce a larger image further anyway.
_MIN_COLOUR_SIZE = 1000, 512
# An image that is decoded at a fraction of its size takes less memory and time, so it may have this
# many times as many pixels.
_GAIN_OF_SCALING = 8
# Other images are reduced after decoding, if they have more pixels than this: copies of all their
# pixels would take too much memory.
MOST_COPIED_PIXELS = 25_000_000

# At most this many pixels of an animation are decoded. They are decoded twice, which takes about
# four seconds. Later frames are left out.
MAX_ANIMATED_PIXELS = 60_000_000

# A library that gets no memory reports a damaged image, or nothing useful. So after an error we
# check whether this much memory is free. The libraries for WebP and AVIF need the most per pixel;
# JPEG's needs memory for the coefficients of a progressive image, in three colours.
_MAX_BYTES_PER_PIXEL = 20
_BYTES_PER_PIXEL = {"JPEG": 6, "PNG": 8, "GIF": 8, "BMP": 8}

# Salvaging an image of these formats takes no more memory than decoding a whole one.
_SALVAGED_IN_PLACE = frozenset({"JPEG", "PNG"})

_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The keys are the numbers in `Grid.turns`.
_TRANSPOSE_BY_TURN = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
    -1: Image.Transpose.FLIP_TOP_BOTTOM,
    -2: Image.Transpose.FLIP_LEFT_RIGHT,
}
_CONTAINERS = frozenset({"AVIF", "HEIF"})


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Limits for an image.

    Attributes:
        max_bytes: Largest size of the file.

        max_pixels: Largest width × height, which the header gives before anything is decoded. A
            large JPEG that is not progressive, and a HEIF or AVIF made of tiles, may have eight
            times as many pixels, because they are decoded at a fraction of their size.

        max_frames: Largest number of pictures of an image that are signed: distinct frames of an
            animation, and sections of a long image.

        max_seconds: Longest time to decode and sign an image; enforced only in a sandbox.

        max_memory_bytes: Most memory to decode and sign an image; enforced only in a sandbox.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 150_000_000
    max_frames: int = 64
    max_seconds: float = 10
    max_memory_bytes: int = 512 * 1024**2


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """
    One frame of an image.

    Attributes:
        image: Its pixels, upright, in mode RGB or L; valid until the next frame is requested.

        number: Its number in the file, from 0.

        count: How many frames are decoded, unless damage ends the animation earlier.

        left_out: How many frames are not decoded, because of a limit.

        shown_ms: How long an animation shows the frame, in milliseconds; 0 if that is not known.
    """

    image: Image.Image
    number: int
    count: int
    left_out: int
    shown_ms: float = 0


def decode(data: bytes, limits: Limits, *, scaled: bool = True) -> Iterator[Image.Image]:
    """Yield the image of each frame; arguments and errors are those of `numbered_frames`."""
    return (frame.image for frame in numbered_frames(data, limits, scaled=scaled))


def numbered_frames(data: bytes, limits: Limits, *, scaled: bool = True) -> Iterator[Frame]:
    """
    Yield the frames of an image; an ordinary image has one.

    Args:
        data: The bytes of the file.

        limits: Limits for the image.

        scaled: Whether a large image may be reduced. A JPEG is then decoded at a fraction of its
            size, which is faster.

    Raises:
        NotAnImageError: If the bytes are no image.

        UnsupportedImageError: If this kind of image is not supported.

        ImageTooLargeError: If the image is over a limit, or there is too little memory for it.

        BrokenImageError: If the image cannot be decoded.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"The image has {len(data)} bytes; the limit is {limits.max_bytes}."
        )
    header = None
    try:
        header = _checked_header(data, limits)
        yield from _frames(header, limits, scaled=scaled)
    except MemoryError as error:
        raise _no_memory() from error
    except Exception as error:
        # Pillow's decoders raise almost anything for damaged files: OSError, ValueError,
        # SyntaxError, struct.error, KeyError, ZeroDivisionError.
        if isinstance(error, ImageError) and not isinstance(error, BrokenImageError):
            raise
        if header is not None:
            _check_memory(header)
            if (variant := unsupported_variant(header)) is not None:
                raise unsupported(variant) from error
        if isinstance(error, BrokenImageError):
            raise
        raise damaged() from error


def _checked_header(data: bytes, limits: Limits) -> Header:
    header = read_header(data)
    if header is None:
        raise refusal(data)
    _check_pixels(header.pixels, limits)
    _check_scans(header)
    return header


def _frames(header: Header, limits: Limits, *, scaled: bool) -> Iterator[Frame]:
    grid = _large_grid(header, limits) if scaled else None
    if grid is not None:
        yield Frame(_joined(grid, header, limits), 0, 1, 0)
        return
    try:
        opened = _open(header, limits, scaled=scaled)
    except (ImageError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - see the errors in `decode`.
        # WebP's library refuses a damaged image when it is opened.
        yield Frame(_salvaged(header, limits, scaled=scaled), 0, 1, 0)
        return
    with opened as image:
        numbers, left_out = _frame_numbers(image, header)
        for number in numbers:
            try:
                image.seek(number)
                _check_pixels(image.width * image.height, limits)
                image.load()
                frame = _upright(image, header, scaled=scaled)
            except (ImageTooLargeError, MemoryError):
                raise
            except BrokenImageError:
                if number != numbers[0]:
                    return
                raise
            except Exception:  # noqa: BLE001 - see the errors in `decode`.
                if number != numbers[0]:
                    return
                frame = _salvaged(header, limits, scaled=scaled)
            shown_ms = float(image.info.get("duration") or 0)
            yield Frame(frame, number, len(numbers), left_out, shown_ms)


def _open(header: Header, limits: Limits, *, scaled: bool) -> Image.Image:
    if header.formats == ("BMP",):
        return read_bitmap(header.data)
    if header.formats == ("GIF",):
        return Gif(io.BytesIO(header.data))
    if header.formats == ("PNG",) and header.frames > 1:
        return Apng(io.BytesIO(header.data))
    image = Image.open(io.BytesIO(header.data), formats=header.formats)
    if image.format == "JPEG":
        # Hand over the file in one piece: the library cannot wait for the next piece in the middle
        # of arithmetic coding.
        image.decodermaxblock = len(header.data) + 16
    if scaled and image.format == "JPEG":
        # The library keeps all coefficients of a progressive image, at whatever scale it decodes.
        gain = 1 if image.info.get("progressive") else _GAIN_OF_SCALING
        _check_pixels(image.width * image.height, limits, gain)
        # A JPEG stores brightness separately from colour. No signal needs colour, but a conversion
        # of the image does.
        if image.mode != "RGB":
            image.draft(None, (_MIN_SCALED_SIDE, _MIN_SCALED_SIDE))
        elif conversion_of(image, header.colours) is None:
            image.draft("L", (_MIN_SCALED_SIDE, _MIN_SCALED_SIDE))
        else:
            is_wide = image.width > image.height
            image.draft(None, _MIN_COLOUR_SIZE if is_wide else _MIN_COLOUR_SIZE[::-1])
    _check_pixels(image.width * image.height, limits)
    return image


def _frame_numbers(image: Image.Image, header: Header) -> tuple[list[int], int]:
    """Return the numbers of the frames to decode, the main one first; and how many are left out."""
    count = min(header.frames or getattr(image, "n_frames", 1), MOST_FRAMES)
    pixels = max(header.pixels, image.width * image.height, 1)
    decoded = min(count, max(1, MAX_ANIMATED_PIXELS // pixels))
    # A HEIF's main image need not come first in the file.
    first = image.tell()
    others = (number for number in range(count) if number != first)
    return [first, *itertools.islice(others, decoded - 1)], count - decoded


def _salvaged(header: Header, limits: Limits, *, scaled: bool) -> Image.Image:
    """Return as much as possible of a damaged image, on white, as browsers show it."""
    if not _SALVAGED_IN_PLACE.issuperset(header.formats):
        _check_memory(header)
    image, missing = salvaged(header, partial(_open, limits=limits, scaled=scaled))
    pixels = viewed(image, header.colours)
    if missing is not None:
        pixels = shown(pixels, missing, header)
    return _transposed(pixels, header.orientation)


def _upright(image: Image.Image, header: Header, *, scaled: bool) -> Image.Image:
    orientation = header.orientation
    if image.format == "AVIF":  # Pillow gives the container's rotation as EXIF.
        orientation = exif_orientation(image.info.get("exif", b""))
    factor = min(image.size) // _MIN_SCALED_SIDE
    if scaled and factor > 1 and image.width * image.height > MOST_COPIED_PIXELS:
        return _transposed(viewed_reduced(image, header.colours, factor), orientation)
    return _transposed(viewed(image, header.colours), orientation)


def _large_grid(header: Header, limits: Limits) -> Grid | None:
    """Return the tiles of an image that is too large to be decoded as a whole, or else None."""
    grid = None if _CONTAINERS.isdisjoint(header.formats) else read_grid(header.data)
    if grid is None or math.prod(grid.size) <= MOST_COPIED_PIXELS:
        return None
    _check_pixels(math.prod(grid.size), limits, _GAIN_OF_SCALING)
    return grid


def _joined(grid: Grid, header: Header, limits: Limits) -> Image.Image:
    """Return a large image of tiles; each tile is reduced before the next one is decoded."""
    width, height = grid.size
    with _opened_tile(grid.tiles[0], limits) as tile:
        most = max(1, min(width, height) // _MIN_SCALED_SIDE)
        # The factor divides the sides of a tile: averages of incomplete squares show as seams.
        factor = max(each for each in range(1, most + 1) if math.gcd(*tile.size) % each == 0)
        step = tile.width // factor, tile.height // factor
    size = math.ceil(width / factor), math.ceil(height / factor)
    _check_pixels(size[0] * size[1], limits)
    whole = Image.new("RGB", size)
    for number, data in enumerate(grid.tiles):
        down, across = divmod(number, grid.columns)
        with _opened_tile(data, limits) as tile:
            tile.load()
            shown = viewed(tile, header.colours).reduce(factor)
            whole.paste(shown, (across * step[0], down * step[1]))
    for turn in grid.turns:
        whole = whole.transpose(_TRANSPOSE_BY_TURN[turn]) if turn else whole
    return whole


def _opened_tile(data: bytes, limits: Limits) -> Image.Image:
    tile = Image.open(io.BytesIO(data), formats=sorted(_CONTAINERS))
    _check_pixels(tile.width * tile.height, limits)
    return tile


def _transposed(image: Image.Image, orientation: int) -> Image.Image:
    return (
        image.transpose(_TRANSPOSE_BY_ORIENTATION[orientation])
        if orientation in _TRANSPOSE_BY_ORIENTATION
        else image
    )


def _check_memory(header: Header) -> None:
    """
    Raise ImageTooLargeError if there is too little memory for an image that could not be decoded.
    """
    pixels = header.pixels
    with suppress(Exception), Image.open(io.BytesIO(header.data), formats=header.formats) as image:
        pixels = max(pixels, image.width * image.height)
    try:
        np.empty(pixels * _BYTES_PER_PIXEL.get(header.formats[0], _MAX_BYTES_PER_PIXEL), np.uint8)
    except MemoryError as error:
        raise _no_memory() from error


def _no_memory() -> ImageTooLargeError:
    return ImageTooLargeError("The image needs more memory than there is.")


def _check_pixels(pixels: int, limits: Limits, gain: int = 1) -> None:
    limit = limits.max_pixels * gain
    if pixels > limit:
        raise ImageTooLargeError(f"The image has {pixels} pixels; the limit is {limit}.")


def _check_scans(header: Header) -> None:
    if header.formats != ("JPEG",) or header.data.count(_START_OF_SCAN) <= _MAX_JPEG_SCANS:
        return
    # Some of these bytes may not be markers, but a part of tables or of an image after this one.
    scans = jpeg_scans(header.data)
    if scans > _MAX_JPEG_SCANS:
        raise ImageTooLargeError(f"The JPEG has {scans} scans; the limit is {_MAX_JPEG_SCANS}.")
