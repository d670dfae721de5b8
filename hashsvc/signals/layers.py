"""
Draws the frames of an animation onto its canvas, as Chromium does.

Pillow decodes each frame by itself, but this module composes the frames: Pillow composes those of a
GIF or an animated PNG differently from Chromium, and loses all of a damaged frame.

Sources: GIF89a; PNG, third edition; Chromium, gif_image_decoder.cc and png_image_decoder.cc.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from hashsvc.signals.salvage import by_pixels, check_rows, damaged, rows_there, spread

# A later frame may be larger than the canvas. An animation ends before a later frame with more than
# _MOST_LATER_PIXELS, and before it has drawn more than _MOST_DRAWN_PIXELS in all.
_MOST_LATER_PIXELS = 25_000_000
_MOST_DRAWN_PIXELS = 200_000_000


class Disposal(Enum):
    """What happens to a frame before the next one is drawn."""

    KEEP = "keep"
    ERASE = "erase"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Layer:
    """
    A frame of an animation, and how it is drawn.

    Attributes:
        box: Left, top, width and height on the canvas, in pixels.

        disposal: What happens to it before the next one is drawn.

        over: Whether what was drawn before shows through its transparent parts.

        shown_ms: How long it is shown, in milliseconds.
    """

    box: tuple[int, int, int, int]
    disposal: Disposal
    over: bool = True
    shown_ms: float = 0


class Layered(ImageFile.ImageFile):
    """
    An animation in mode RGB, or RGBA if a part of it is transparent.

    The method `_open` of a subclass must call `_begin`.
    """

    _layers: Sequence[Layer]

    @abstractmethod
    def _pixels(self, number: int) -> Image.Image:
        """Return a frame in mode RGB or RGBA."""

    def _begin(self, size: tuple[int, int], layers: Sequence[Layer]) -> None:
        self._size, self._mode, self._layers, self.n_frames = size, "RGBA", layers, len(layers)
        self._wanted = 0
        self._restart()

    def _restart(self) -> None:
        self._drawn = self._drawn_pixels = 0
        self._canvas: Image.Image | None = None
        self._before: Image.Image | None = None

    def seek(self, frame: int) -> None:
        """Choose the frame that `load` draws."""
        self._wanted = frame

    def tell(self) -> int:
        """Return the number of the chosen frame."""
        return self._wanted

    def load(self) -> Any:
        """
        Draw all frames up to the chosen one.

        Raises:
            BrokenImageError: If one of them is damaged or too large. A part of the first is enough.
        """
        if self._wanted < self._drawn - 1:
            self._restart()
        while self._drawn <= self._wanted:
            self._draw(self._drawn)
            self._drawn += 1
        assert self._canvas is not None
        self.im, self._mode = self._canvas.im, self._canvas.mode
        self.info["duration"] = self._layers[self._wanted].shown_ms
        return super().load()

    def _draw(self, number: int) -> None:
        layer = self._layers[number]
        left, top, width, height = layer.box
        most = _MOST_LATER_PIXELS if number else self.width * self.height
        self._drawn_pixels += width * height
        if width * height > most or (number and self._drawn_pixels > _MOST_DRAWN_PIXELS):
            raise damaged()
        pixels = self._pixels(number)
        covers_all = layer.box == (0, 0, *self.size)
        if self._canvas is None:
            mode = "RGB" if pixels.mode == "RGB" and covers_all else "RGBA"
            self._canvas = Image.new(mode, self.size)
        else:
            self._dispose(self._layers[number - 1])
        self._before = self._canvas.copy() if layer.disposal is Disposal.RESTORE else None
        if pixels.mode == "RGBA" and not layer.over:
            self._canvas = self._canvas.convert("RGBA")
            self._canvas.paste(pixels, (left, top))
        elif pixels.mode == "RGBA" and self._canvas.mode == "RGBA":
            self._canvas.alpha_composite(pixels, (left, top))
        else:
            self._canvas.paste(pixels, (left, top), pixels if pixels.mode == "RGBA" else None)

    def _dispose(self, layer: Layer) -> None:
        assert self._canvas is not None
        if layer.disposal is Disposal.RESTORE and self._before is not None:
            self._canvas = self._before
        elif layer.disposal is Disposal.ERASE:
            left, top, width, height = layer.box
            self._canvas = self._canvas.convert("RGBA")
            self._canvas.paste((0, 0, 0, 0), (left, top, left + width, top + height))


def decoded(
    open_frame: Callable[[], Image.Image],
    *,
    is_first: bool,
    axes: tuple[int, ...] = (),
    transparent: int | None = None,
) -> Image.Image:
    """
    Return a frame in mode RGB or RGBA. A part of the first frame is enough.

    Args:
        open_frame: Opens the frame as an image of its own.

        is_first: Whether it is the first frame.

        axes: Axes along which `spread` fills the missing pixels of an interlaced frame.

        transparent: Number of the transparent colour, if the opened image does not have it.

    Raises:
        BrokenImageError: If the frame is damaged; a first frame, if too few rows can be decoded.
    """
    image, missing = open_frame(), None
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        # See the errors in `decode`.
        if not is_first:
            raise damaged() from error
        image, missing = by_pixels(open_frame)
        if missing is not None and axes:
            image, missing = spread(image, missing, axes)
        check_rows(rows_there(image, missing), image.height)
    if image.mode.startswith("I;16"):
        image = grey_of_16_bits(image)
    if transparent is not None:
        image.info["transparency"] = transparent
    is_opaque = missing is None and not image.has_transparency_data
    pixels = image.convert("RGB" if is_opaque else "RGBA")
    if missing is not None:
        pixels.paste((0, 0, 0, 0), mask=missing)
    return pixels


def grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Convert a grey image of 16 bits to mode L, or to LA if it has a transparent shade."""
    pixels = np.asarray(image)
    grey = Image.fromarray((pixels >> 8).astype(np.uint8))
    shade = image.info.get("transparency")
    if shade is not None:
        grey.putalpha(Image.fromarray((pixels != shade).astype(np.uint8) * np.uint8(255)))
    return grey
