"""
Converts images that are not in sRGB to the brightness that a viewer shows.

A browser converts an image by what its file says about its colours. Signals need only the
brightness of the result, so the conversion here computes nothing else. An image whose file says
nothing about colours is in sRGB and is not converted. An image is not converted either if that
would change nothing.

`colour_tags` and `container_colours` read what a file says, `icc` and `encodings` interpret it, and
`tones` darkens HDR. littlecms applies the look-up tables of ICC profiles as Chromium does: it uses
the perceptual table, maps white to white, and leaves black unadjusted.
"""

import functools
import io
from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageCms

from hashsvc.signals.colour_tags import NO_TAGS, ColourTags
from hashsvc.signals.encodings import (
    BT2020_TO_XYZ,
    HLG,
    HLG_EXPONENT,
    HLG_LIGHT,
    SRGB_TO_XYZ,
    Encoding,
    by_codes,
    by_gammas,
    srgb,
)
from hashsvc.signals.icc import LookUp, read_profile
from hashsvc.signals.tones import MOST_LIGHT, gains

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in brightness: ITU-R BT.601, as in PDQ."""

_GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"})

# A conversion is left out if it changes no brightness by more than this, of 255.
_NO_CHANGE = 1.5

# Large images are converted by a table of brightness, if its mean error is at most this.
_MAX_TABLE_ERROR = 0.75
_MIN_PIXELS_FOR_TABLE = 2**19
_TABLE_SIDE = 64
# Numbers in the table have six binary places.
_ONE = 64

_STRIP_PIXELS = 2**18
"""Pixels converted at once, so that the copies need little memory."""

_MAX_CACHED_BYTES = 2**16
_SAMPLED = 4096


class _Viewer(Protocol):
    """Computes what a viewer shows of images of one kind."""

    def brightness(self, pixels: Bytes) -> Floats:
        """Return the brightness, 0–255, of RGB or CMYK pixels, shape (height, width, 3 or 4)."""


class Conversion:
    """
    Turns images of one kind into the brightness that a viewer shows.

    Args:
        viewer: Computes the brightness of pixels.

        channels: The kind of images: 1 for grey ones, 3 for grey and RGB ones, 4 for CMYK ones.
    """

    def __init__(self, viewer: _Viewer, channels: int) -> None:
        self._viewer = viewer
        self._channels = channels

    def suits(self, mode: str) -> bool:
        """Return whether the conversion is for images in this mode of Pillow."""
        if mode == "CMYK" or self._channels == 4:
            return mode == "CMYK" and self._channels == 4
        return mode in _GREY_MODES or self._channels == 3

    def changes_nothing(self) -> bool:
        """Return whether images look the same without the conversion."""
        if self._channels == 4:
            return False
        sample = _sample() if self._channels == 3 else _greys()
        return bool(abs(self._viewer.brightness(sample) - _luma(sample)).max() <= _NO_CHANGE)

    def shown(self, image: Image.Image) -> Image.Image:
        """
        Return the brightness that a viewer shows, in mode L.

        Args:
            image: The image in mode L, RGB or CMYK, with the values that the file has.
        """
        if image.mode == "L":
            return image.point(_as_bytes(self._viewer.brightness(_greys())).ravel().tolist())
        use_table = image.mode == "RGB" and image.width * image.height >= _MIN_PIXELS_FOR_TABLE
        table = self._table if use_table else None
        shown = Image.new("L", image.size)
        for top, pixels in _strips(image):
            if table is None:
                light = _as_bytes(self._viewer.brightness(pixels))
            else:
                light = np.empty(pixels.shape[:2], np.uint8)
                _look_up(pixels.reshape(-1, 3), *table, light.reshape(-1))
            shown.paste(Image.fromarray(light), (0, top))
        return shown

    @functools.cached_property
    def _table(self) -> tuple[NDArray[np.int16], NDArray[np.int16]] | None:
        """
        Brightness by luma, and a correction by colour; None if their sum is too inexact.

        Shapes (1021,), for luma in steps of a quarter, and (64, 64, 64).
        """
        greys = self._viewer.brightness(_greys()).ravel()
        by_luma = np.interp(np.arange(0, 255.25, 0.25), np.arange(256), greys)
        steps = np.arange(2, 256, 256 // _TABLE_SIDE, dtype=np.uint8)
        colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
        shown = self._viewer.brightness(colours.reshape(_TABLE_SIDE, -1, 3)).reshape(
            colours.shape[:3]
        )
        by_colour = shown - by_luma[_quarter_luma(colours)]
        table = _fixed(by_luma), _fixed(by_colour)
        sample = _sample()
        looked_up = np.empty(_SAMPLED, np.uint8)
        _look_up(sample.reshape(-1, 3), *table, looked_up)
        error = abs(looked_up - self._viewer.brightness(sample).ravel()).mean()
        return table if error <= _MAX_TABLE_ERROR else None


def conversion(tags: ColourTags) -> Conversion | None:
    """Return the conversion for a file with these tags; None if viewers show what is stored."""
    if tags == NO_TAGS:
        return None
    return _kept(tags) if len(tags.icc) <= _MAX_CACHED_BYTES else _conversion(tags)


def _conversion(tags: ColourTags) -> Conversion | None:
    meaning: Encoding | LookUp | None = None
    if tags.codes is not None:
        meaning = by_codes(*tags.codes, peak=tags.peak)
    if meaning is None:
        meaning = read_profile(tags.icc, peak=tags.peak)
    if meaning is None and tags.gammas is not None and not tags.is_srgb:
        meaning = by_gammas(tags.gammas, tags.chromaticities)
    if meaning is None:
        return None
    try:
        if isinstance(meaning, Encoding):
            found = Conversion(_Formula(meaning), 1 if meaning.is_grey else 3)
        else:
            found = Conversion(_LittleCms(meaning), meaning.channels)
    except ImageCms.PyCMSError:
        return None
    return None if found.changes_nothing() else found


_kept = functools.lru_cache(maxsize=8)(_conversion)


def warm_up() -> None:
    """Run all code once, because later a worker can neither compile code nor read files."""
    for tags in (ColourTags(codes=(12, 13)), ColourTags(codes=(9, HLG))):
        found = conversion(tags)
        assert found is not None
        for picture in (Image.new("L", (8, 8)), Image.new("RGB", (1024, 512))):
            found.shown(picture)
    profile = ImageCms.ImageCmsProfile(_SRGB_PROFILE).tobytes()
    _LittleCms(LookUp(profile, inputs=3, channels=3)).brightness(_sample())


class _Formula:
    """Computes brightness by curves and matrices."""

    def __init__(self, encoding: Encoding) -> None:
        self._curves = encoding.curves.astype(np.float32)
        self._luminance = encoding.scene_luminance
        self._gains = gains(encoding.peak).astype(np.float32)
        middle = BT2020_TO_XYZ if len(self._gains) else SRGB_TO_XYZ
        self._matrix = np.linalg.solve(middle, encoding.to_xyz).astype(np.float32)
        self._to_srgb = np.linalg.solve(SRGB_TO_XYZ, middle).astype(np.float32)

    def brightness(self, pixels: Bytes) -> Floats:
        light = [curve[pixels[..., band]] for band, curve in enumerate(self._curves)]
        if self._luminance is not None:
            # The curves give the camera's light; a display's differs: ITU-R BT.2100, table 5, OOTF.
            luminance = _weighted(self._luminance, light)
            scale = luminance ** np.float32(HLG_EXPONENT - 1) * np.float32(HLG_LIGHT)
            light = [each * scale for each in light]
        light = [_weighted(row, light) for row in self._matrix]
        if len(self._gains):
            most = np.maximum(np.maximum(light[0], light[1]), light[2])
            place = most * np.float32((len(self._gains) - 1) / MOST_LIGHT)
            gain = self._gains[place.clip(0, len(self._gains) - 1).astype(np.int32)]
            light = [_weighted(row, [each * gain for each in light]) for row in self._to_srgb]
        return _weighted(_LUMA, [_SRGB_VALUES[_places(each)] for each in light])


_SRGB_VALUES = (255 * srgb(np.linspace(0, 1, 2**14))).astype(np.float32)


def _places(light: Floats) -> NDArray[np.int32]:
    most = np.float32(len(_SRGB_VALUES) - 1)
    return (light * most).clip(0, most).astype(np.int32)


def _weighted(weights: object, channels: list[Floats]) -> Floats:
    first, second, third = np.asarray(weights, np.float32)
    total: Floats = first * channels[0] + second * channels[1] + third * channels[2]
    return total


class _LittleCms:
    """
    Computes brightness by the look-up table of an ICC profile.

    Raises:
        PyCMSError: If littlecms cannot read the profile.
    """

    def __init__(self, profile: LookUp) -> None:
        self._inputs = profile.inputs
        self._transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile.profile)),
            _SRGB_PROFILE,
            _MODES[profile.inputs],
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )

    def brightness(self, pixels: Bytes) -> Floats:
        height, width, channels = pixels.shape
        # A table may read fewer channels than the image has, or more: the further ones are 255.
        fed = np.full((height, width, max(self._inputs, channels)), 255, np.uint8)
        fed[..., :channels] = pixels
        mode = _MODES[self._inputs]
        image = Image.frombytes(mode, (width, height), fed[..., : self._inputs].tobytes())
        shown = ImageCms.applyTransform(image, self._transform)
        assert shown is not None
        return _luma(np.asarray(shown))


_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_SRGB_PROFILE = ImageCms.createProfile("sRGB")


def _luma(pixels: Bytes) -> Floats:
    return _weighted(_LUMA, [pixels[..., band].astype(np.float32) for band in range(3)])


def _greys() -> Bytes:
    return np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)


@functools.cache
def _sample() -> Bytes:
    """Return random colours, more dark ones than bright ones."""
    shades = np.random.default_rng(1).random((1, _SAMPLED, 3)) ** 2
    return (shades * 256).astype(np.uint8)


def _as_bytes(brightness: Floats) -> Bytes:
    return (brightness + np.float32(0.5)).astype(np.uint8)


def _fixed(values: NDArray[np.floating]) -> NDArray[np.int16]:
    fixed: NDArray[np.int16] = np.rint(values * _ONE).astype(np.int16)
    return fixed


def _strips(image: Image.Image) -> Iterator[tuple[int, Bytes]]:
    """Yield the number of each strip's first row, and the strip's pixels."""
    height = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, height):
        bottom = min(top + height, image.height)
        yield top, np.asarray(image.crop((0, top, image.width, bottom)))


def _quarter_luma(colours: Bytes) -> NDArray[np.int32]:
    """Return luma in steps of a quarter, rounded as in `_look_up`."""
    red, green, blue = (colours[..., band].astype(np.int32) for band in range(3))
    return (306 * red + 601 * green + 117 * blue + 128) >> 8


@njit(cache=True, nogil=True)
def _look_up(
    pixels: Bytes, by_luma: NDArray[np.int16], by_colour: NDArray[np.int16], shown: Bytes
) -> None:
    # Wider numbers would halve the speed.
    two, six, eight, twelve = np.int32(2), np.int32(6), np.int32(8), np.int32(12)
    table = by_colour.reshape(-1)
    for index in range(len(shown)):
        red, green, blue = (
            np.int32(pixels[index, 0]),
            np.int32(pixels[index, 1]),
            np.int32(pixels[index, 2]),
        )
        luma = np.int32(306) * red + np.int32(601) * green + np.int32(117) * blue + np.int32(128)
        colour = (red >> two) << twelve | (green >> two) << six | (blue >> two)
        light = np.int32(by_luma[luma >> eight]) + np.int32(table[colour]) + np.int32(32)
        shown[index] = min(max(light >> six, np.int32(0)), np.int32(255))
