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
"""The reference first samples an image with a longer side down to 512 × 512."""

_FREQUENCIES = 16

# How each pose follows from the coefficients of the upright image: (transpose, negate odd rows,
# negate odd columns). Mirroring changes the sign of odd cosine frequencies only. `rot90` is the
# image turned a quarter counterclockwise; `mirror-rot90` is the same after mirroring left to right.
_POSES = {
    View.WHOLE: (False, False, False),
    View.ROT90: (True, False, True),
    View.ROT180: (False, True, True),
    View.ROT270: (True, True, False),
    View.MIRROR: (False, False, True),
    View.MIRROR_ROT90: (True, False, False),
    View.MIRROR_ROT180: (False, True, False),
    View.MIRROR_ROT270: (True, True, True),
}


def pdq(pixels: NDArray[np.uint8]) -> tuple[dict[View, bytes], int]:
    """
    Return the PDQ code of an image in each of its eight poses, and the image's quality.

    Args:
        pixels: RGB or grey, shape (height, width, 3) or (height, width).

    Returns:
        32 bytes for each pose, most significant bit first; the quality, 0–100.
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(height), np.arange(width)
    if height > _SAMPLED or width > _SAMPLED:
        rows = np.arange(_SAMPLED) * height // _SAMPLED
        columns = np.arange(_SAMPLED) * width // _SAMPLED
    small = _reduced(_luma(_as_channels(pixels), rows, columns))
    coefficients = _transform(small, _COSINES)
    codes = {
        view: _code(coefficients, transpose=transpose, rows=rows, columns=columns)
        for view, (transpose, rows, columns) in _POSES.items()
    }
    return codes, _quality(small)


def luma_of(pixels: NDArray[np.uint8]) -> Floats:
    """
    Return the brightness of RGB or grey pixels, by ITU-R BT.601 as in the reference.

    Args:
        pixels: Shape (height, width, 3) or (height, width).
    """
    if pixels.ndim == 2:
        return pixels.astype(np.float32)
    luma = np.empty(pixels.shape[:2], dtype=np.float32)
    _fill_luma(np.ascontiguousarray(pixels).reshape(-1), luma.reshape(-1))
    return luma


def _as_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels).reshape(*pixels.shape[:2], -1)


def _code(coefficients: Floats, *, transpose: bool, rows: bool, columns: bool) -> bytes:
    posed = coefficients.copy()
    # Row and column 0 hold frequency 1, the first odd one.
    if rows:
        posed[0::2] *= -1
    if columns:
        posed[:, 0::2] *= -1
    if transpose:
        posed = posed.T
    # The reference's median of 256 values is the lower of the two middle values.
    median = np.sort(posed, axis=None)[_FREQUENCIES * _FREQUENCIES // 2 - 1]
    # The reference's text begins with the highest frequency of the last row.
    return np.packbits((posed > median).ravel()[::-1]).tobytes()


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
def _luma(pixels: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    luma = np.empty((len(rows), len(columns)), dtype=np.float32)
    is_grey = pixels.shape[2] == 1
    for i in range(len(rows)):
        for j in range(len(columns)):
            pixel = pixels[rows[i], columns[j]]
            if is_grey:
                luma[i, j] = np.float32(pixel[0])
            else:
                luma[i, j] = (
                    np.float32(0.299) * np.float32(pixel[0])
                    + np.float32(0.587) * np.float32(pixel[1])
                    + np.float32(0.114) * np.float32(pixel[2])
                )
    return luma


@njit(cache=True, nogil=True)
def _fill_luma(values: NDArray[np.uint8], luma: Floats) -> None:
    """Convert all pixels without sampling: a plain loop takes a quarter of the time."""
    for index in range(len(luma)):
        luma[index] = (
            np.float32(0.299) * np.float32(values[3 * index])
            + np.float32(0.587) * np.float32(values[3 * index + 1])
            + np.float32(0.114) * np.float32(values[3 * index + 2])
        )


@njit(cache=True, nogil=True)
def _box_along(values: Floats, out: Floats, window: int) -> None:
    """Average each row over a sliding window that is cut off at both ends."""
    height, width = values.shape
    half = (window + 2) // 2
    for y in range(height):
        total = np.float32(0)
        inside = 0
        for step in range(width + half - 1):
            # The window grows, then slides, then shrinks.
            if step < width:
                total += values[y, step]
                inside += 1
            if step >= window:
                total -= values[y, step - window]
                inside -= 1
            if step >= half - 1:
                out[y, step - half + 1] = total / np.float32(inside)


@njit(cache=True, nogil=True)
def _box_down(values: Floats, out: Floats, window: int) -> None:
    """Average each column likewise, one row at a time, in the order in which memory is laid out."""
    height, width = values.shape
    half = (window + 2) // 2
    totals = np.zeros(width, dtype=np.float32)
    inside = 0
    for step in range(height + half - 1):
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


@njit(cache=True, nogil=True)
def _reduced(luma: Floats) -> Floats:
    """Smooth twice along rows and columns (Jarosz filters), then take 64 × 64 samples."""
    height, width = luma.shape
    first, second = luma.copy(), np.empty_like(luma)
    along_rows = (width + 2 * _SIDE - 1) // (2 * _SIDE)
    along_columns = (height + 2 * _SIDE - 1) // (2 * _SIDE)
    for _ in range(2):
        _box_along(first, second, along_rows)
        _box_down(second, first, along_columns)
    small = np.empty((_SIDE, _SIDE), dtype=np.float32)
    for i in range(_SIDE):
        for j in range(_SIDE):
            small[i, j] = first[int((i + 0.5) * height / _SIDE), int((j + 0.5) * width / _SIDE)]
    return small


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
