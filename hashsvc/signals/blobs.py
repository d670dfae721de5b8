"""
Finds what stands out in an image at any size: blobs, each with a place, a size and directions.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (IJCV 60, 2004), sections
3 to 5: extrema of differences of Gaussians over place and scale, refined by a quadratic fit,
without those on edges, turned along the strongest gradients. Plain loops over float32 arrays, so
that it can be ported line by line.

Pixel i of a picture that was halved k times has its centre at (i + 0.5) · 2^k − 0.5 of the finest.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_STEPS = 3
"""Scales in an octave (Lowe, section 3.2)."""

_BLUR = 1.6
"""Blur of an octave's first picture, in its pixels (Lowe, section 3.3)."""

_HALVED_BLUR = 0.5
"""Blur of a picture that was halved often: the fixed point of s² → (s² + 3/4) / 4."""

_EDGE = 20.0
"""Largest ratio of a blob's two curvatures. Lowe has 10; that loses blobs which a stretch made
long."""

_SMALLEST_SIDE = 16
_BINS = 36
"""Of the histogram of directions (Lowe, section 5)."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """
    The blobs of a picture, strongest first; n of them.

    Attributes:
        centres: y and x in pixels of the finest picture, shape (n, 2).

        sigmas: Sizes in pixels of the finest picture, shape (n,).

        levels: How often the picture was halved that each was found in, shape (n,).

        angles: Directions in radians, strongest first, NaN where there are fewer; shape (n, most).
    """

    centres: Doubles
    sigmas: Doubles
    levels: NDArray[np.int64]
    angles: Doubles

    def __len__(self) -> int:
        return len(self.sigmas)


def halvings(luma: NDArray[Any], longest: int) -> list[Floats]:
    """
    Return the picture, reduced to a longest side of `longest`, and halves of it, each of the last.

    Args:
        luma: Brightness 0–255, bytes or floats, shape (height, width); small ones stay.
    """
    height, width = luma.shape
    if max(height, width) > longest:
        scale = longest / max(height, width)
        luma = _shrunk(luma, max(1, round(height * scale)), max(1, round(width * scale)))
    pictures = [np.ascontiguousarray(luma, dtype=np.float32)]
    while min(pictures[-1].shape) >= _SMALLEST_SIDE:
        pictures.append(_halved(pictures[-1]))
    return pictures


def find_blobs(
    pictures: list[Floats], *, longest: int, contrast: float, most: int, directions: int
) -> Blobs:
    """
    Return the strongest blobs of a picture.

    Args:
        pictures: As `halvings` makes them.

        longest: The search begins in the first picture without a longer side.

        contrast: Smallest response, in grey levels.

        most: Number of blobs in the first picture that is searched, and again in all further ones:
            else the grain of a noisy picture leaves no room for anything larger.

        directions: Largest number of directions of one blob.
    """
    octaves = {
        level: _octave(picture, _FIRST, _MORE)
        for level, picture in enumerate(pictures)
        if max(picture.shape) <= longest and min(picture.shape) >= _SMALLEST_SIDE
    }
    found = [_extrema(each, contrast, _EDGE, _BLUR, _STEPS) for each in octaves.values()]
    levels = np.repeat(np.array(list(octaves), dtype=np.int64), [len(each) for each in found])
    blobs = np.concatenate([np.empty((0, 5)), *found])
    order = np.argsort(-blobs[:, 3], kind="stable")
    finest = levels[order] == min(octaves, default=0)
    order = order[np.where(finest, np.cumsum(finest), np.cumsum(~finest)) <= most]
    angles = np.empty((len(order), directions))
    for level, octave in octaves.items():
        here = levels[order] == level
        angles[here] = _directions(octave, blobs[order[here]], directions)
    scales = 2.0 ** levels[order]
    return Blobs(
        centres=(blobs[order, :2] + 0.5) * scales[:, None] - 0.5,
        sigmas=blobs[order, 2] * scales,
        levels=levels[order],
        angles=angles,
    )


def _kernel(sigma: float) -> Floats:
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel: Floats = (weights / weights.sum()).astype(np.float32)
    return kernel


def _step_kernels() -> tuple[Floats, ...]:
    """Return what is added to the blur of each picture of an octave to come to the next."""
    blurs = [_BLUR * 2 ** (step / _STEPS) for step in range(_STEPS + 3)]
    return tuple(
        _kernel(math.sqrt(after**2 - before**2)) for before, after in itertools.pairwise(blurs)
    )


_FIRST = _kernel(math.sqrt(_BLUR**2 - _HALVED_BLUR**2))
_MORE = _step_kernels()


def _octave(picture: Floats, first: Floats, more: tuple[Floats, ...]) -> Floats:
    pictures = [_blurred(picture, first)]
    for kernel in more:
        pictures.append(_blurred(pictures[-1], kernel))
    return np.stack(pictures)


@njit(cache=True, nogil=True)
def _shares(length: int, shorter: int) -> tuple[NDArray[np.int64], Floats]:
    """Return for each of fewer pixels the first that it covers, and the shares of all of them."""
    step = length / shorter
    starts = np.empty(shorter, dtype=np.int64)
    shares = np.zeros((shorter, math.ceil(step) + 1), dtype=np.float32)
    for place in range(shorter):
        low, high = place * step, (place + 1) * step
        starts[place] = int(low)
        for source in range(int(low), min(math.ceil(high), length)):
            shares[place, source - int(low)] = (min(high, source + 1) - max(low, source)) / step
    return starts, shares


@njit(cache=True, nogil=True, fastmath=True)
def _shrunk(luma: NDArray[Any], height: int, width: int) -> Floats:
    """Average over the area that each pixel of the smaller picture covers."""
    rows = np.zeros((height, luma.shape[1]), dtype=np.float32)
    starts, shares = _shares(luma.shape[0], height)
    for y in range(height):
        for step in range(min(shares.shape[1], luma.shape[0] - starts[y])):
            for x in range(luma.shape[1]):
                rows[y, x] += shares[y, step] * np.float32(luma[starts[y] + step, x])
    small = np.zeros((height, width), dtype=np.float32)
    starts, shares = _shares(luma.shape[1], width)
    for y in range(height):
        for x in range(width):
            for step in range(min(shares.shape[1], luma.shape[1] - starts[x])):
                small[y, x] += shares[x, step] * rows[y, starts[x] + step]
    return small


@njit(cache=True, nogil=True, fastmath=True)
def _halved(picture: Floats) -> Floats:
    """Keep every second place between two pixels, smoothed by 1 3 3 1 each way."""
    height, width = picture.shape
    small_height, small_width = (height + 1) // 2, (width + 1) // 2
    rows = np.empty((small_height, width), dtype=np.float32)
    for y in range(small_height):
        above, first = max(2 * y - 1, 0), 2 * y
        second, below = min(2 * y + 1, height - 1), min(2 * y + 2, height - 1)
        for x in range(width):
            outer = picture[above, x] + picture[below, x]
            inner = picture[first, x] + picture[second, x]
            rows[y, x] = (outer + np.float32(3) * inner) * np.float32(0.125)
    small = np.empty((small_height, small_width), dtype=np.float32)
    for y in range(small_height):
        for x in range(small_width):
            outer = rows[y, max(2 * x - 1, 0)] + rows[y, min(2 * x + 2, width - 1)]
            inner = rows[y, 2 * x] + rows[y, min(2 * x + 1, width - 1)]
            small[y, x] = (outer + np.float32(3) * inner) * np.float32(0.125)
    return small


@njit(cache=True, nogil=True, fastmath=True)
def _blurred(picture: Floats, kernel: Floats) -> Floats:
    """Smooth along columns, then rows; beyond an edge the picture is mirrored."""
    height, width = picture.shape
    reach = len(kernel) // 2
    columns = np.empty((height, width), dtype=np.float32)
    for y in range(height):
        columns[y] = kernel[reach] * picture[y]
        for away in range(1, reach + 1):
            above, below = abs(y - away), height - 1 - abs(height - 1 - y - away)
            for x in range(width):
                columns[y, x] += kernel[reach + away] * (picture[above, x] + picture[below, x])
    smooth = np.empty((height, width), dtype=np.float32)
    padded = np.empty(width + 2 * reach, dtype=np.float32)
    for y in range(height):
        padded[reach : reach + width] = columns[y]
        for away in range(1, reach + 1):
            padded[reach - away] = columns[y, away]
            padded[reach + width - 1 + away] = columns[y, width - 1 - away]
        smooth[y] = kernel[reach] * columns[y]
        for away in range(1, reach + 1):
            for x in range(width):
                pair = padded[x + reach - away] + padded[x + reach + away]
                smooth[y, x] += kernel[reach + away] * pair
    return smooth


@njit(cache=True, nogil=True)
def _extrema(octave: Floats, contrast: float, edge: float, blur: float, steps: int) -> Doubles:
    """Return y, x, sigma, response and nearest layer of each blob of an octave, shape (n, 5)."""
    layers, height, width = octave.shape
    steep = octave[1:] - octave[:-1]
    found = []
    for layer in range(1, layers - 2):
        for y in range(2, height - 2):
            for x in range(2, width - 2):
                value = steep[layer, y, x]
                if abs(value) < contrast * 0.5 or not _is_extremum(steep, layer, y, x):
                    continue
                good, dy, dx, dlayer, response = _refined(steep, layer, y, x, edge)
                if good and response >= contrast:
                    scale = layer + dlayer
                    sigma = blur * 2.0 ** (scale / steps)
                    found.append((y + dy, x + dx, sigma, response, float(round(scale))))
    blobs = np.empty((len(found), 5))
    for number, blob in enumerate(found):
        blobs[number] = blob
    return blobs


@njit(cache=True, nogil=True)
def _is_extremum(steep: Floats, layer: int, y: int, x: int) -> bool:
    value = steep[layer, y, x]
    sign = np.float32(1) if value > 0 else np.float32(-1)
    top = sign * value
    for near in range(layer - 1, layer + 2):
        for row in range(y - 1, y + 2):
            for column in range(x - 1, x + 2):
                if sign * steep[near, row, column] > top:
                    return False
    return True


@njit(cache=True, nogil=True)
def _refined(
    steep: Floats, layer: int, y: int, x: int, edge: float
) -> tuple[bool, float, float, float, float]:
    """
    Fit a quadratic to the 26 neighbours (Lowe, section 4), and refuse what is more edge than blob.

    Returns:
        Whether it is a blob; its offsets from (y, x, layer), within 0.6; its response.
    """
    c = steep[layer, y, x]
    gx = (steep[layer, y, x + 1] - steep[layer, y, x - 1]) * 0.5
    gy = (steep[layer, y + 1, x] - steep[layer, y - 1, x]) * 0.5
    gs = (steep[layer + 1, y, x] - steep[layer - 1, y, x]) * 0.5
    xx = steep[layer, y, x + 1] + steep[layer, y, x - 1] - 2 * c
    yy = steep[layer, y + 1, x] + steep[layer, y - 1, x] - 2 * c
    ss = steep[layer + 1, y, x] + steep[layer - 1, y, x] - 2 * c
    xy = (steep[layer, y + 1, x + 1] - steep[layer, y + 1, x - 1]) * 0.25
    xy -= (steep[layer, y - 1, x + 1] - steep[layer, y - 1, x - 1]) * 0.25
    xs = (steep[layer + 1, y, x + 1] - steep[layer + 1, y, x - 1]) * 0.25
    xs -= (steep[layer - 1, y, x + 1] - steep[layer - 1, y, x - 1]) * 0.25
    ys = (steep[layer + 1, y + 1, x] - steep[layer + 1, y - 1, x]) * 0.25
    ys -= (steep[layer - 1, y + 1, x] - steep[layer - 1, y - 1, x]) * 0.25

    curvature = xx * yy - xy * xy
    if curvature <= 0 or (xx + yy) ** 2 * edge >= (edge + 1) ** 2 * curvature:
        return False, 0.0, 0.0, 0.0, 0.0

    # The inverse of the symmetric matrix, by cofactors.
    a00, a01, a02 = yy * ss - ys * ys, xs * ys - xy * ss, xy * ys - xs * yy
    a11, a12, a22 = xx * ss - xs * xs, xy * xs - xx * ys, curvature
    determinant = xx * a00 + xy * a01 + xs * a02
    if abs(determinant) < 1e-9:
        return False, 0.0, 0.0, 0.0, 0.0
    dx = -(a00 * gx + a01 * gy + a02 * gs) / determinant
    dy = -(a01 * gx + a11 * gy + a12 * gs) / determinant
    ds = -(a02 * gx + a12 * gy + a22 * gs) / determinant
    # Lowe moves to the neighbour beyond 0.5; it is an extremum of its own, or the fit is bad.
    good = max(abs(dx), abs(dy), abs(ds)) <= 1.0
    return good, dy, dx, ds, abs(c + 0.5 * (gx * dx + gy * dy + gs * ds))


@njit(cache=True, nogil=True)
def _directions(octave: Floats, blobs: Doubles, most: int) -> Doubles:
    """Return the directions of the strongest gradients around each blob (Lowe, section 5)."""
    angles = np.full((len(blobs), most), np.nan)
    for number in range(len(blobs)):
        histogram = _histogram(octave[int(blobs[number, 4])], blobs[number])
        _peaks(histogram, angles[number])
    return angles


@njit(cache=True, nogil=True)
def _histogram(picture: Floats, blob: Doubles) -> Doubles:
    height, width = picture.shape
    middle_y, middle_x, sigma = blob[0], blob[1], blob[2]
    # Weighed by a Gaussian of 1.5 sigma, out to two of these.
    reach, spread = round(3 * sigma), 2 * (1.5 * sigma) ** 2
    left, right = max(1, int(middle_x) - reach), min(width - 1, int(middle_x) + reach + 1)
    columns = np.exp(-((np.arange(left, right) - middle_x) ** 2) / spread)
    turns = _BINS / (2 * math.pi)
    raw = np.zeros(_BINS)
    for y in range(max(1, int(middle_y) - reach), min(height - 1, int(middle_y) + reach + 1)):
        row = math.exp(-((y - middle_y) ** 2) / spread)
        for x in range(left, right):
            dx = picture[y, x + 1] - picture[y, x - 1]
            dy = picture[y + 1, x] - picture[y - 1, x]
            weight = math.sqrt(dx * dx + dy * dy) * row * columns[x - left]
            place = math.atan2(dy, dx) * turns
            low = math.floor(place)
            raw[int(low) % _BINS] += weight * (1 - (place - low))
            raw[(int(low) + 1) % _BINS] += weight * (place - low)
    smooth = np.empty(_BINS)
    for bin_ in range(_BINS):
        outer = raw[bin_ - 2] + raw[(bin_ + 2) % _BINS]
        inner = raw[bin_ - 1] + raw[(bin_ + 1) % _BINS]
        smooth[bin_] = (outer + 4 * inner + 6 * raw[bin_]) / 16
    return smooth


@njit(cache=True, nogil=True)
def _peaks(histogram: Doubles, angles: Doubles) -> None:
    """Fill in the peaks of at least four fifths of the highest (Lowe, section 5), highest first."""
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
