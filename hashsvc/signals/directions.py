"""
Finds the directions of blobs: those of the strongest gradients around each blob.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (IJCV 60, 2004), section
5: peaks of a histogram of gradient directions, weighted by steepness and by nearness to the blob.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.scales import Doubles, Floats

_BINS = 36
"""Number of bins of the histogram (Lowe, section 5)."""

# atan(a) = a · (c₀ + c₁ a² + c₂ a⁴ + …) for a in [0, 1], within 4 · 10⁻⁸: a least-squares fit whose
# weights were adapted until the largest error was smallest. A loop over this polynomial takes a
# tenth of the time of as many calls of atan2.
_ARCTANGENT = tuple(
    np.float32(each)
    for each in (
        0.99999934, -0.33329861, 0.19946566, -0.13908629,
        0.096421955, -0.055912301, 0.02186294, -0.0040545621,
    )
)  # fmt: skip


@njit(cache=True, nogil=True)
def directions_of(smooth: Floats, blobs: Doubles, max_count: int) -> Doubles:
    """
    Return the directions of each blob of an octave in radians, strongest first, padded with NaN.

    Args:
        smooth: The octave.

        blobs: y, x, sigma, response and nearest version of each blob, shape (n, 5).

        max_count: Largest number of directions of one blob.

    Returns:
        Shape (n, max_count).
    """
    angles = np.full((len(blobs), max_count), np.nan)
    for number in range(len(blobs)):
        histogram = _histogram(smooth[int(blobs[number, 4])], blobs[number])
        _peaks(histogram, angles[number])
    return angles


@njit(cache=True, nogil=True)
def _histogram(picture: Floats, blob: Doubles) -> Doubles:
    height, width = picture.shape
    middle_y, middle_x, sigma = blob[0], blob[1], blob[2]
    # A Gaussian of 1.5 sigma weights the gradients, out to twice that distance from the blob.
    reach, spread = round(3 * sigma), 2 * (1.5 * sigma) ** 2
    left, right = max(1, int(middle_x) - reach), min(width - 1, int(middle_x) + reach + 1)
    top, bottom = max(1, int(middle_y) - reach), min(height - 1, int(middle_y) + reach + 1)
    rows = _bell(top, bottom, middle_y, spread)
    columns = _bell(left, right, middle_x, spread)
    dy, dx, weights = np.empty((3, (bottom - top) * (right - left)), dtype=np.float32)
    count = 0
    for y in range(top, bottom):
        for x in range(left, right):
            dy[count] = picture[y + 1, x] - picture[y - 1, x]
            dx[count] = picture[y, x + 1] - picture[y, x - 1]
            weights[count] = rows[y - top] * columns[x - left]
            count += 1
    bins = np.empty(count, dtype=np.uint32)
    _measure(dy, dx, weights, bins)
    # Two extra bins take directions of a full turn and more. They are then added to the first two.
    raw = np.zeros(_BINS + 2)
    for index in range(count):
        raw[bins[index]] += dx[index]
        raw[bins[index] + 1] += dy[index]
    raw[:2] += raw[_BINS:]
    return _smoothed(raw[:_BINS])


@njit(cache=True, nogil=True)
def _bell(first: int, end: int, middle: float, spread: float) -> Floats:
    """Return exp(−(x − middle)² / spread) for each x, each computed from the one before."""
    offset = first - middle
    value, step = math.exp(-(offset**2) / spread), math.exp(-(2 * offset + 1) / spread)
    ratio = math.exp(-2 / spread)
    weights = np.empty(max(end - first, 0), dtype=np.float32)
    for index in range(len(weights)):
        weights[index] = value
        value *= step
        step *= ratio
    return weights


@njit(cache=True, nogil=True, fastmath=True)
def _measure(dy: Floats, dx: Floats, weights: Floats, bins: NDArray[np.uint32]) -> None:
    """
    Store each gradient's bin in `bins`, and its two weights in place of the gradient.

    Its weight for that bin goes into `dx`, its weight for the next bin into `dy`.
    """
    for index in range(len(bins)):
        y, x = dy[index], dx[index]
        length, height = abs(x), abs(y)
        ratio = min(length, height) / max(length, height, np.float32(1e-20))
        square = ratio * ratio
        total = _ARCTANGENT[7]
        for power in range(6, -1, -1):
            total = total * square + _ARCTANGENT[power]
        turn = ratio * total * np.float32(_BINS / (2 * math.pi))
        turn = np.float32(_BINS / 4) - turn if height > length else turn
        turn = np.float32(_BINS / 2) - turn if x < 0 else turn
        turn = np.float32(_BINS) - turn if y < 0 else turn
        weight = np.sqrt(x * x + y * y) * weights[index]
        low = np.uint32(turn)
        bins[index] = low
        dy[index] = weight * (turn - np.float32(low))
        dx[index] = weight - dy[index]


@njit(cache=True, nogil=True)
def _smoothed(raw: Doubles) -> Doubles:
    smooth = np.empty(_BINS)
    for bin_ in range(_BINS):
        outer = raw[bin_ - 2] + raw[(bin_ + 2) % _BINS]
        inner = raw[bin_ - 1] + raw[(bin_ + 1) % _BINS]
        smooth[bin_] = (outer + 4 * inner + 6 * raw[bin_]) / 16
    return smooth


@njit(cache=True, nogil=True)
def _peaks(histogram: Doubles, angles: Doubles) -> None:
    """Store the peaks that are at least 0.8 of the highest (Lowe, section 5), highest first."""
    lowest = 0.8 * histogram.max()
    taken = np.zeros(_BINS, dtype=np.bool_)
    for number in range(len(angles)):
        best = -1
        for bin_ in range(_BINS):
            before, here = histogram[bin_ - 1], histogram[bin_]
            is_peak = here > before and here >= histogram[(bin_ + 1) % _BINS] and here >= lowest
            if is_peak and not taken[bin_] and (best < 0 or here > histogram[best]):
                best = bin_
        if best < 0:
            return
        taken[best] = True
        before, here, after = histogram[best - 1], histogram[best], histogram[(best + 1) % _BINS]
        middle = best + 0.5 * (before - after) / (before - 2 * here + after)
        angles[number] = middle * (2 * math.pi / _BINS)
