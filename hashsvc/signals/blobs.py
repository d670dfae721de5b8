"""
Finds blobs: spots of any size that stand out in an image. Each has a centre, a size and directions.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (IJCV 60, 2004), sections
3 and 4. Blobs are extrema of differences of Gaussians over position and scale, refined by a
quadratic fit. Extrema on edges are dropped.

The code is plain loops over float32 arrays, so that it can be ported line by line.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.directions import directions_of
from hashsvc.signals.scales import BLUR, SMALLEST_SIDE, STEPS, Doubles, Floats, octave

_MAX_CURVATURE_RATIO = 20.0
"""
Largest ratio of a blob's two curvatures. Lowe uses 10, but that loses blobs of stretched copies.
"""


@dataclass(frozen=True, slots=True)
class Blobs:
    """
    The n blobs of a picture, strongest first.

    Attributes:
        centres: y and x in pixels of the finest picture, shape (n, 2).

        sigmas: Sizes in pixels of the finest picture, shape (n,).

        levels: Number of halvings of the picture in which each blob was found, shape (n,).

        angles: Directions in radians, strongest first, padded with NaN; shape (n, directions).
    """

    centres: Doubles
    sigmas: Doubles
    levels: NDArray[np.int64]
    angles: Doubles

    def __len__(self) -> int:
        return len(self.sigmas)


def find_blobs(
    pictures: list[Floats], *, longest: int, contrast: float, max_count: int, directions: int
) -> Blobs:
    """
    Return the strongest blobs of a picture.

    Args:
        pictures: The result of `halvings`.

        longest: The search begins in the first picture whose longer side is at most this.

        contrast: Smallest response (difference of Gaussians) of a blob, in grey levels.

        max_count: Largest number of blobs in the first searched picture, and also in all further
            pictures together. Under one common limit, the grain of a noisy picture would displace
            all larger blobs.

        directions: Largest number of directions of one blob.
    """
    octaves = {
        level: octave(picture)
        for level, picture in enumerate(pictures)
        if max(picture.shape) <= longest and min(picture.shape) >= SMALLEST_SIDE
    }
    found = [_blobs_of(smooth, contrast, BLUR, STEPS) for smooth in octaves.values()]
    levels = np.repeat(np.array(list(octaves), dtype=np.int64), [len(each) for each in found])
    blobs = np.concatenate([np.empty((0, 5)), *found])
    order = np.argsort(-blobs[:, 3], kind="stable")
    finest = levels[order] == min(octaves, default=0)
    order = order[np.where(finest, np.cumsum(finest), np.cumsum(~finest)) <= max_count]
    angles = np.empty((len(order), directions))
    for level, smooth in octaves.items():
        here = levels[order] == level
        angles[here] = directions_of(smooth, blobs[order[here]], directions)
    scales = 2.0 ** levels[order]
    return Blobs(
        centres=(blobs[order, :2] + 0.5) * scales[:, None] - 0.5,
        sigmas=blobs[order, 2] * scales,
        levels=levels[order],
        angles=angles,
    )


@njit(cache=True, nogil=True)
def _blobs_of(smooth: Floats, contrast: float, blur: float, steps: int) -> Doubles:
    """
    Return y, x, sigma, response and the number of the nearest version of each blob of an octave.

    Returns:
        Shape (n, 5).
    """
    positions = _positions_of_marks(_candidates(smooth, np.float32(contrast * 0.5)))
    blobs = np.empty((len(positions), 5))
    count = 0
    for layer, y, x in positions:
        if not _is_extremum(smooth, layer, y, x):
            continue
        around = smooth[layer - 1 : layer + 3, y - 1 : y + 2, x - 1 : x + 2]
        good, dy, dx, dlayer, response = _fitted(around[1:] - around[:-1])
        if good and response >= contrast:
            scale = layer + dlayer
            sigma = blur * 2.0 ** (scale / steps)
            blobs[count] = (y + dy, x + dx, sigma, response, float(round(scale)))
            count += 1
    return blobs[:count]


@njit(cache=True, nogil=True)
def _candidates(smooth: Floats, threshold: np.float32) -> NDArray[np.uint64]:
    """
    Mark the pixels where a difference of Gaussians stands out from its six nearest neighbours.

    Returns:
        One byte per pixel, packed into words of eight bytes, for every difference except the first
        and the last. Nothing is marked within two pixels of the edge.
    """
    versions, height, width = smooth.shape
    words = np.zeros((versions - 3, height, (width + 7) // 8), dtype=np.uint64)
    marks = words.view(np.bool_)
    # The last three rows of each difference.
    steep = np.empty((3, versions - 1, width), dtype=np.float32)
    for y in range(1, height - 1):
        for layer in range(versions - 1):
            _subtract(smooth[layer + 1, y], smooth[layer, y], steep[y % 3, layer])
        above, here, below = steep[(y - 2) % 3], steep[(y - 1) % 3], steep[y % 3]
        for layer in range(1, versions - 2 if y > 2 else 0):
            _mark(
                here[layer, 1:],
                above[layer, 2:],
                below[layer, 2:],
                here[layer - 1, 2:],
                here[layer + 1, 2:],
                threshold,
                marks[layer - 1, y - 1, 2 : width - 2],
            )
    return words


@njit(cache=True, nogil=True, fastmath=True)
def _subtract(row: Floats, other: Floats, difference: Floats) -> None:
    for x in range(len(difference)):
        difference[x] = row[x] - other[x]


@njit(cache=True, nogil=True, fastmath=True)
def _mark(
    row: Floats,
    above: Floats,
    below: Floats,
    finer: Floats,
    coarser: Floats,
    threshold: np.float32,
    marks: NDArray[np.bool_],
) -> None:
    for x in range(len(marks)):
        value = row[x + 1]
        high = max(row[x], row[x + 2], above[x], below[x], finer[x], coarser[x], threshold)
        low = min(row[x], row[x + 2], above[x], below[x], finer[x], coarser[x], -threshold)
        marks[x] = (value >= high) | (value <= low)


@njit(cache=True, nogil=True)
def _positions_of_marks(words: NDArray[np.uint64]) -> list[tuple[int, int, int]]:
    """Return layer, y and x of each mark."""
    marks = words.view(np.bool_)
    positions = []
    for layer in range(len(words)):
        for y in range(words.shape[1]):
            for word in range(words.shape[2]):
                # Test eight marks at once, because marks are rare.
                if words[layer, y, word]:
                    columns = range(8 * word, 8 * word + 8)
                    positions.extend([(layer + 1, y, x) for x in columns if marks[layer, y, x]])
    return positions


@njit(cache=True, nogil=True)
def _is_extremum(smooth: Floats, layer: int, y: int, x: int) -> bool:
    value = smooth[layer + 1, y, x] - smooth[layer, y, x]
    sign = np.float32(1) if value > 0 else np.float32(-1)
    for neighbour in range(layer - 1, layer + 2):
        for row in range(y - 1, y + 2):
            for column in range(x - 1, x + 2):
                other = smooth[neighbour + 1, row, column] - smooth[neighbour, row, column]
                if sign * other > sign * value:
                    return False
    return True


@njit(cache=True, nogil=True)
def _fitted(d: Floats) -> tuple[bool, float, float, float, float]:
    """
    Fit a quadratic to 3 × 3 × 3 differences (Lowe, section 4); reject edges.

    Returns:
        Whether there is a blob; its offsets from the middle in y, x and layer, each at most 1; its
        response.
    """
    c = d[1, 1, 1]
    gx = (d[1, 1, 2] - d[1, 1, 0]) * 0.5
    gy = (d[1, 2, 1] - d[1, 0, 1]) * 0.5
    gs = (d[2, 1, 1] - d[0, 1, 1]) * 0.5
    xx = d[1, 1, 2] + d[1, 1, 0] - 2 * c
    yy = d[1, 2, 1] + d[1, 0, 1] - 2 * c
    ss = d[2, 1, 1] + d[0, 1, 1] - 2 * c
    xy = (d[1, 2, 2] - d[1, 2, 0]) * 0.25 - (d[1, 0, 2] - d[1, 0, 0]) * 0.25
    xs = (d[2, 1, 2] - d[2, 1, 0]) * 0.25 - (d[0, 1, 2] - d[0, 1, 0]) * 0.25
    ys = (d[2, 2, 1] - d[2, 0, 1]) * 0.25 - (d[0, 2, 1] - d[0, 0, 1]) * 0.25

    curvature = xx * yy - xy * xy
    if (
        curvature <= 0
        or (xx + yy) ** 2 * _MAX_CURVATURE_RATIO >= (_MAX_CURVATURE_RATIO + 1) ** 2 * curvature
    ):
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
    # Lowe repeats the fit at the neighbour if an offset exceeds 0.5. There is no need: either the
    # neighbour is an extremum of its own, or the fit is bad.
    good = max(abs(dx), abs(dy), abs(ds)) <= 1.0
    return good, dy, dx, ds, abs(c + 0.5 * (gx * dx + gy * dy + gs * ds))
