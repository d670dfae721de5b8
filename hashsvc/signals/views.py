"""Views of an image: the part inside a uniform border."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A border's brightness may vary by this much: JPEG leaves ripples beside an edge.
_TOLERANCE = 12
# Less than this, of a side, is no picture in a frame.
_SMALLEST = 0.2
_LOOKED_AT = 256


def trimmed(image: Image.Image) -> Image.Image | None:
    """
    Return the image without its uniform border or letterbox bars.

    None when it has none, or when hardly anything would be left.
    """
    small = image.convert("L")
    small.thumbnail((_LOOKED_AT, _LOOKED_AT), Image.Resampling.BOX)
    pixels = np.asarray(small)
    top, bottom = _inside(pixels)
    left, right = _inside(pixels.T)
    if (top, bottom, left, right) == (0, pixels.shape[0], 0, pixels.shape[1]):
        return None
    if bottom - top < _SMALLEST * pixels.shape[0] or right - left < _SMALLEST * pixels.shape[1]:
        return None
    # One row of the small picture more on each side that was cut: its edge row is half border.
    across, down = image.width / pixels.shape[1], image.height / pixels.shape[0]
    box = (
        round((left + (left > 0)) * across),
        round((top + (top > 0)) * down),
        round((right - (right < pixels.shape[1])) * across),
        round((bottom - (bottom < pixels.shape[0])) * down),
    )
    return image.crop(box) if box[0] < box[2] and box[1] < box[3] else None


def _inside(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the first row that is no border, and the one after the last."""
    start, end = 0, len(pixels)
    while start < end and _is_border(pixels[start], pixels[0]):
        start += 1
    while end > start and _is_border(pixels[end - 1], pixels[-1]):
        end -= 1
    return start, end


def _is_border(row: NDArray[np.uint8], edge: NDArray[np.uint8]) -> bool:
    shade = int(np.median(edge))
    return bool(np.abs(row.astype(np.int16) - shade).max() <= _TOLERANCE)
