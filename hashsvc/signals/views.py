"""Views of an image: the part inside a uniform border."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A border's brightness may vary by this much: JPEG leaves ripples beside an edge.
_TOLERANCE = 12
# If less than this share of a side would be left, the uniform part is not a border.
_MIN_SHARE = 0.2
_REDUCED_SIDE = 256


def trimmed(image: Image.Image) -> Image.Image | None:
    """
    Return the image without its uniform border or letterbox bars.

    Return None if there is no border, or if hardly anything would be left.
    """
    small = image.convert("L")
    small.thumbnail((_REDUCED_SIDE, _REDUCED_SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small)
    top, bottom = _inside(pixels)
    left, right = _inside(pixels.T)
    if (top, bottom, left, right) == (0, pixels.shape[0], 0, pixels.shape[1]):
        return None
    if bottom - top < _MIN_SHARE * pixels.shape[0] or right - left < _MIN_SHARE * pixels.shape[1]:
        return None
    # Cut one more row of the small picture on each cut side, because that row is half border.
    x_scale, y_scale = image.width / pixels.shape[1], image.height / pixels.shape[0]
    box = (
        round((left + (left > 0)) * x_scale),
        round((top + (top > 0)) * y_scale),
        round((right - (right < pixels.shape[1])) * x_scale),
        round((bottom - (bottom < pixels.shape[0])) * y_scale),
    )
    return image.crop(box) if box[0] < box[2] and box[1] < box[3] else None


def _inside(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the first row that is not border, and the row after the last one."""
    start, end = 0, len(pixels)
    while start < end and _is_border(pixels[start], pixels[0]):
        start += 1
    while end > start and _is_border(pixels[end - 1], pixels[-1]):
        end -= 1
    return start, end


def _is_border(row: NDArray[np.uint8], edge: NDArray[np.uint8]) -> bool:
    shade = int(np.median(edge))
    return bool(np.abs(row.astype(np.int16) - shade).max() <= _TOLERANCE)
