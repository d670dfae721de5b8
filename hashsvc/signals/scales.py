"""
Reduces an image, halves it repeatedly, and smooths each halving.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (IJCV 60, 2004), section
3.

The code is plain loops over float32 arrays, row after row, so that it can be ported line by line.

Here and in `blobs`, `directions` and `patches`, a picture is the reduced image or one of its
halvings. In a picture that was halved k times, the centre of pixel i is at (i + 0.5) · 2^k − 0.5 in
pixels of the finest picture.
"""

import itertools
import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Kernel = tuple[np.float32, ...]
"""Weights of a pixel and of the pixels at distance 1, 2, … on both sides."""

SMALLEST_SIDE = 16
"""A picture with a shorter side is neither halved again nor smoothed."""

STEPS = 3
"""Number of scales in an octave (Lowe, section 3.2)."""

BLUR = 1.6
"""Blur of an octave's first picture, in its pixels (Lowe, section 3.3)."""

_HALVED_BLUR = 0.5
"""Blur of a picture that was halved often: the fixed point of s² → (s² + 3/4) / 4."""


def halvings(luma: NDArray[Any], longest: int) -> list[Floats]:
    """
    Return the image, reduced to a longer side of `longest` pixels, and then its repeated halvings.

    Args:
        luma: Brightness 0–255, bytes or floats, shape (height, width); a smaller one is not
            reduced.
    """
    height, width = luma.shape
    if max(height, width) > longest:
        scale = longest / max(height, width)
        luma = _shrunk(luma, max(1, round(height * scale)), max(1, round(width * scale)))
    pictures = [np.ascontiguousarray(luma, dtype=np.float32)]
    while min(pictures[-1].shape) >= SMALLEST_SIDE:
        pictures.append(_halved(pictures[-1]))
    return pictures


def octave(picture: Floats) -> Floats:
    """
    Return six versions of a picture; from each to the next, the blur grows by a factor of ∛2.

    Args:
        picture: No side may be shorter than `SMALLEST_SIDE`.

    Returns:
        Shape (6, height, width).
    """
    smooth = np.empty((len(_KERNELS), *picture.shape), dtype=np.float32)
    for number, kernel in enumerate(_KERNELS):
        _blur(smooth[number - 1] if number else picture, kernel, smooth[number])
    return smooth


def _kernel(sigma: float) -> Kernel:
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return tuple((weights / weights.sum()).astype(np.float32)[reach:])


def _kernels() -> tuple[Kernel, ...]:
    """Return the kernels that add the blur from each version of an octave to the next."""
    blurs = [_HALVED_BLUR, *(BLUR * 2 ** (step / STEPS) for step in range(STEPS + 3))]
    return tuple(
        _kernel(math.sqrt(after**2 - before**2)) for before, after in itertools.pairwise(blurs)
    )


_KERNELS = _kernels()


@njit(cache=True, nogil=True)
def _area_shares(length: int, shorter: int) -> tuple[NDArray[np.uint32], Floats]:
    """
    Return, for each pixel of a reduced row, the first pixel that it covers, and each one's share.

    Returns:
        Shapes (shorter,) and (largest number of covered pixels, shorter).
    """
    step = length / shorter
    # The numbers are unsigned, so that Numba does not test whether an index counts from the end.
    starts = np.empty(shorter, dtype=np.uint32)
    shares = np.zeros((math.ceil(step) + 1, shorter), dtype=np.float32)
    for index in range(shorter):
        low, high = index * step, (index + 1) * step
        starts[index] = int(low)
        for source in range(int(low), min(math.ceil(high), length)):
            shares[source - int(low), index] = (min(high, source + 1) - max(low, source)) / step
    return starts, shares


@njit(cache=True, nogil=True)
def _shrunk(luma: NDArray[Any], height: int, width: int) -> Floats:
    """Average over the area that each pixel of the smaller picture covers."""
    small = np.zeros((height, width), dtype=np.float32)
    tops, down = _area_shares(luma.shape[0], height)
    lefts, across = _area_shares(luma.shape[1], width)
    # The row is longer than the picture's: shares beyond the picture are zero, but are added too.
    row = np.zeros(luma.shape[1] + len(across), dtype=np.float32)
    for y in range(height):
        row[:] = 0
        for step in range(min(len(down), luma.shape[0] - tops[y])):
            _add_row(row, down[step, y], luma[tops[y] + step])
        for step in range(len(across)):
            _add_picked(small[y], across[step], row[step:], lefts)
    return small


@njit(cache=True, nogil=True, fastmath=True)
def _add_row(total: Floats, share: np.float32, row: NDArray[Any]) -> None:
    for x in range(len(row)):
        total[x] += share * np.float32(row[x])


@njit(cache=True, nogil=True, fastmath=True)
def _add_picked(total: Floats, shares: Floats, row: Floats, starts: NDArray[np.uint32]) -> None:
    for x in range(len(total)):
        total[x] += shares[x] * row[starts[x]]


@njit(cache=True, nogil=True)
def _halved(picture: Floats) -> Floats:
    """Halve a picture by the weights 1 3 3 1 in each direction, centred midway between pixels."""
    height, width = picture.shape
    small = np.empty(((height + 1) // 2, (width + 1) // 2), dtype=np.float32)
    # The row has a further pixel on the left and two on the right, which repeat the edge pixels.
    row = np.empty(width + 3, dtype=np.float32)
    for y in range(len(small)):
        _average_four(
            picture[max(2 * y - 1, 0)],
            picture[2 * y],
            picture[min(2 * y + 1, height - 1)],
            picture[min(2 * y + 2, height - 1)],
            row[1 : width + 1],
        )
        row[0], row[width + 1], row[width + 2] = row[1], row[width], row[width]
        _average_four(row, row[1:], row[2:], row[3:], small[y], step=2)
    return small


@njit(cache=True, nogil=True, fastmath=True)
def _average_four(
    first: Floats, second: Floats, third: Floats, fourth: Floats, out: Floats, step: int = 1
) -> None:
    for x in range(len(out)):
        outer = first[step * x] + fourth[step * x]
        inner = second[step * x] + third[step * x]
        out[x] = (outer + np.float32(3) * inner) * np.float32(0.125)


@njit(cache=True, nogil=True)
def _blur(picture: Floats, kernel: Kernel, smooth: Floats) -> None:
    """Smooth along columns, then along rows; the picture is mirrored beyond its edges."""
    height, width = picture.shape
    reach = len(kernel) - 1
    tall = np.empty((height + 2 * reach, width), dtype=np.float32)
    tall[reach : reach + height] = picture
    for distance in range(1, reach + 1):
        tall[reach - distance] = picture[distance]
        tall[reach + height - 1 + distance] = picture[height - 1 - distance]
    row = np.empty(width + 2 * reach, dtype=np.float32)
    for y in range(height):
        _blur_down(tall, y + reach, kernel, row[reach : reach + width])
        for distance in range(1, reach + 1):
            row[reach - distance] = row[reach + distance]
            row[reach + width - 1 + distance] = row[reach + width - 1 - distance]
        _blur_across(row, kernel, smooth[y])


# A kernel is a tuple, so Numba compiles code for each length, which keeps sums in registers. That
# is five times as fast as adding up in memory.
@njit(cache=True, nogil=True, fastmath=True)
def _blur_down(tall: Floats, y: int, kernel: Kernel, out: Floats) -> None:
    for x in range(len(out)):
        total = kernel[0] * tall[y, x]
        for distance in range(1, len(kernel)):
            total += kernel[distance] * (tall[y - distance, x] + tall[y + distance, x])
        out[x] = total


@njit(cache=True, nogil=True, fastmath=True)
def _blur_across(row: Floats, kernel: Kernel, out: Floats) -> None:
    for x in range(len(out)):
        total = kernel[0] * row[x + len(kernel) - 1]
        for distance in range(1, len(kernel)):
            before = row[x + len(kernel) - 1 - distance]
            total += kernel[distance] * (before + row[x + len(kernel) - 1 + distance])
        out[x] = total
