"""
PDQ, equal to Meta's C++ reference on the same pixels.

Source: facebook/ThreatExchange, pdq/cpp/hashing and pdq/cpp/downscaling; the paper "The TMK+PDQF
Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (2019). All arithmetic uses 32-bit
floats in the reference's order, because single bits of the code depend on rounding.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.types import View

Floats = NDArray[np.float32]

_SIDE = 64
"""The image is reduced to 64 × 64 before its cosine transform."""

_SAMPLED = 512
"""An image with a side longer than this is first sampled down to 512 × 512, as in the reference."""

_FREQUENCIES = 16

_TILE = 16
"""Side of the square tiles in which pictures are transposed."""

# The eight poses in pairs: whether rows and columns are reversed, the pose after that, and the
# pose after a transposition as well. `rot90` is the image turned a quarter counterclockwise;
# `mirror-rot90` is the image mirrored left to right, and then turned in the same way.
_POSES = (
    (False, False, View.WHOLE, View.MIRROR_ROT90),
    (False, True, View.MIRROR, View.ROT90),
    (True, False, View.MIRROR_ROT180, View.ROT270),
    (True, True, View.ROT180, View.MIRROR_ROT270),
)


def pdq(pixels: NDArray[np.generic]) -> tuple[bytes, int]:
    """
    Return the PDQ code of an image, 32 bytes with the most significant bit first, and its quality.

    Args:
        pixels: RGB bytes of shape (height, width, 3), or brightness 0–255 of shape (height, width),
            as bytes or floats.

    Returns:
        The code; the quality, 0–100.
    """
    luma = luma_of(pixels)
    small = _reduced(_transposed(_sampled(luma, *_places(luma))))
    return _code(_transform(small, _COSINES)), _quality(small)


def pdq_poses(pixels: NDArray[np.generic]) -> tuple[dict[View, bytes], int]:
    """
    Return the PDQ code of an image in each of its eight poses, and the quality, as `pdq` does.

    Each code is exactly that of the turned pixels. The reference derives the codes of all poses
    from one transform, which is faster. But its filters and samples lie half a pixel off the
    middle, so its codes differ from those of a turned image, by up to 50 bits for a small one.

    Args:
        pixels: As in `pdq`.
    """
    luma = luma_of(pixels)
    rows, columns = _places(luma)
    codes, quality = {}, 0
    for reverse_rows, reverse_columns, view, transposed_view in _POSES:
        posed = _sampled(
            luma,
            len(luma) - 1 - rows if reverse_rows else rows,
            luma.shape[1] - 1 - columns if reverse_columns else columns,
        )
        small = _reduced(_transposed(posed))
        if view is View.WHOLE:
            quality = _quality(small)
        codes[view] = _code(_transform(small, _COSINES))
        codes[transposed_view] = _code(_transform(_reduced(posed), _COSINES))
    return codes, quality


def luma_of(pixels: NDArray[np.generic]) -> Floats:
    """
    Return the brightness of RGB or grey pixels, by ITU-R BT.601 as in the reference.

    Args:
        pixels: Bytes of shape (height, width, 3), or numbers 0–255 of shape (height, width).
    """
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels, dtype=np.float32)
    luma = np.empty(pixels.shape[:2], dtype=np.float32)
    _fill_luma(np.ascontiguousarray(pixels).reshape(-1), luma.reshape(-1))
    return luma


def _places(luma: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and the columns of a picture that the reference samples."""
    if max(luma.shape) <= _SAMPLED:
        return np.arange(luma.shape[0]), np.arange(luma.shape[1])
    places = np.arange(_SAMPLED)
    return places * luma.shape[0] // _SAMPLED, places * luma.shape[1] // _SAMPLED


def _code(coefficients: Floats) -> bytes:
    # The reference's median of 256 values is the lower of the two middle values.
    median = np.sort(coefficients, axis=None)[_FREQUENCIES * _FREQUENCIES // 2 - 1]
    # The reference's text begins with the highest frequency of the last row.
    return np.packbits((coefficients > median).ravel()[::-1]).tobytes()


def _cosines() -> Floats:
    matrix = np.empty((_FREQUENCIES, _SIDE), dtype=np.float32)
    scale = math.sqrt(2 / _SIDE)
    for row in range(_FREQUENCIES):
        for column in range(_SIDE):
            angle = (math.pi / 2 / _SIDE) * (row + 1) * (2 * column + 1)
            matrix[row, column] = scale * math.cos(angle)
    return matrix


_COSINES = _cosines()


@njit(cache=True, nogil=True)
def _fill_luma(values: NDArray[np.uint8], luma: Floats) -> None:
    """Store the luma of all pixels; picking pixels by their index would take four times as long."""
    for index in range(len(luma)):
        luma[index] = (
            np.float32(0.299) * np.float32(values[3 * index])
            + np.float32(0.587) * np.float32(values[3 * index + 1])
            + np.float32(0.114) * np.float32(values[3 * index + 2])
        )


@njit(cache=True, nogil=True)
def _sampled(luma: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    sampled = np.empty((len(rows), len(columns)), dtype=np.float32)
    for i in range(len(rows)):
        for j in range(len(columns)):
            sampled[i, j] = luma[rows[i], columns[j]]
    return sampled


@njit(cache=True, nogil=True)
def _transposed(values: Floats) -> Floats:
    """
    Return the transpose.

    It is copied tile by tile, because rows of 512 floats would evict each other from the cache.
    """
    height, width = values.shape
    out = np.empty((width, height), dtype=np.float32)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            for y in range(top, min(top + _TILE, height)):
                for x in range(left, min(left + _TILE, width)):
                    out[x, y] = values[y, x]
    return out


@njit(cache=True, nogil=True)
def _box_down(values: Floats, window: int) -> Floats:
    """
    Average each column over a sliding window that is cut off at both ends.

    All columns are added up side by side, in the order in which memory is laid out.
    """
    height, width = values.shape
    half = (window + 2) // 2
    out = np.empty((height, width), dtype=np.float32)
    totals = np.zeros(width, dtype=np.float32)
    inside = 0
    for step in range(height + half - 1):
        # The window grows, then slides, then shrinks.
        if step < height:
            inside += 1
            for x in range(width):
                totals[x] += values[step, x]
        if step >= window:
            inside -= 1
            for x in range(width):
                totals[x] -= values[step - window, x]
        if step >= half - 1:
            for x in range(width):
                out[step - half + 1, x] = totals[x] / np.float32(inside)
    return out


@njit(cache=True, nogil=True)
def _reduced(transposed: Floats) -> Floats:
    """
    Smooth a picture twice along rows and columns (Jarosz filters), then take 64 × 64 samples.

    Rows are smoothed as the columns of the transpose, which gives the same sums in a tenth of the
    time. Columns that are not sampled are left out before the last step.

    Args:
        transposed: The transpose of the picture.
    """
    width, height = transposed.shape
    along_rows = (width + 2 * _SIDE - 1) // (2 * _SIDE)
    along_columns = (height + 2 * _SIDE - 1) // (2 * _SIDE)
    smooth = _box_down(transposed, along_rows)
    smooth = _box_down(_transposed(smooth), along_columns)
    smooth = _box_down(_transposed(smooth), along_rows)
    smooth = _box_down(_transposed(_spread(smooth)), along_columns)
    return _spread(smooth)


@njit(cache=True, nogil=True)
def _spread(values: Floats) -> Floats:
    """Return 64 evenly spaced rows."""
    height, width = values.shape
    chosen = np.empty((_SIDE, width), dtype=np.float32)
    for i in range(_SIDE):
        chosen[i] = values[int((i + 0.5) * height / _SIDE)]
    return chosen


@njit(cache=True, nogil=True)
def _transform(small: Floats, cosines: Floats) -> Floats:
    half = np.zeros((_FREQUENCIES, _SIDE), dtype=np.float32)
    for i in range(_FREQUENCIES):
        for j in range(_SIDE):
            total = np.float32(0)
            for k in range(_SIDE):
                total += cosines[i, k] * small[k, j]
            half[i, j] = total
    whole = np.zeros((_FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    for i in range(_FREQUENCIES):
        for j in range(_FREQUENCIES):
            total = np.float32(0)
            for k in range(_SIDE):
                total += half[i, k] * cosines[j, k]
            whole[i, j] = total
    return whole


@njit(cache=True, nogil=True)
def _quality(small: Floats) -> int:
    """Sum the steps between neighbours, scaled as in the reference; a plain image has few steps."""
    steps = 0
    for i in range(_SIDE - 1):
        for j in range(_SIDE):
            step = (small[i, j] - small[i + 1, j]) * np.float32(100) / np.float32(255)
            steps += abs(int(step))
            step = (small[j, i] - small[j, i + 1]) * np.float32(100) / np.float32(255)
            steps += abs(int(step))
    return min(steps // 90, 100)
