"""
Takes a square patch around each blob, turned along its direction, and computes its low frequencies.

The code is plain loops over float32 arrays, so that it can be ported line by line.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.blobs import Blobs
from hashsvc.signals.scales import Doubles, Floats

SIDE = 32
"""Number of samples along a side of a patch."""

FREQUENCIES = 16

_SIDE_IN_SIGMAS = 12.0

_NEARBY = 64
"""A distance in pixels that is longer than that from a patch's middle to its corners."""

_WINDOW = 0.6
"""Standard deviation of the Gaussian weights, in units of half a side."""

_MIN_INSIDE = 0.75
"""Smallest share of a patch that must be inside the image. Outside, edge pixels are repeated."""

_FLAT_STEP = np.float32(0.02)
"""
A patch is flat where brightness changes from sample to sample by less than 2 % of the mean
deviation of the patch.
"""


@dataclass(frozen=True, slots=True)
class Patches:
    """
    The places of a picture's n patches, one for each blob and direction.

    Attributes:
        blobs: Number of the blob around which the patch lies, shape (n,).

        turns: Number of the blob's direction along which the patch is turned, shape (n,).

        levels: Number of the halving that the patch is taken from, shape (n,).

        places: y and x of the middle, the distance between samples, both in pixels of that halving,
            and the angle in radians; shape (n, 4).
    """

    blobs: NDArray[np.int64]
    turns: NDArray[np.int64]
    levels: NDArray[np.int64]
    places: Doubles


def patches_of(blobs: Blobs, pictures: list[Floats]) -> Patches:
    """Return the patches of a picture's blobs, without those that reach too far beyond its edge."""
    half = blobs.sigmas[:, None] * (_SIDE_IN_SIGMAS / 2)
    low = np.maximum(blobs.centres - half, 0)
    high = np.minimum(blobs.centres + half, pictures[0].shape)
    # For simplicity, this takes each patch as if it were not turned.
    is_inside = np.prod((high - low) / (2 * half), axis=1) >= _MIN_INSIDE
    rows, turns = np.nonzero(~np.isnan(blobs.angles) & is_inside[:, None])
    spacings = blobs.sigmas[rows] * (_SIDE_IN_SIGMAS / SIDE)
    # Samples lie between 0.8 and 1.6 pixels apart.
    levels = np.clip(np.floor(np.log2(spacings) + 0.3), 0, len(pictures) - 1).astype(np.int64)
    scales = 2.0**levels
    centres = (blobs.centres[rows] + 0.5) / scales[:, None] - 0.5
    places = np.column_stack([centres, spacings / scales, blobs.angles[rows, turns]])
    return Patches(rows, turns, levels, places)


def waves_of(pictures: list[Floats], patches: Patches) -> tuple[Floats, Floats]:
    """
    Return the low frequencies of each patch, and the share of it that is flat.

    Returns:
        The frequencies from 0 on, shape (n, 16, 16), the second axis downwards, the third across;
        the flat shares from 0 to 1, shape (n,).
    """
    waves = np.empty((len(patches.blobs), FREQUENCIES, FREQUENCIES), dtype=np.float32)
    flatness = np.empty(len(patches.blobs), dtype=np.float32)
    for level in np.unique(patches.levels):
        numbers = np.flatnonzero(patches.levels == level)
        _transform(pictures[level], patches.places, numbers, waves, flatness)
    return waves, flatness


def _cosines() -> Floats:
    frequencies, samples = np.arange(FREQUENCIES)[:, None], np.arange(SIDE)[None]
    cosines: Floats = np.cos(math.pi / SIDE * (samples + 0.5) * frequencies).astype(np.float32)
    return cosines


def _weights() -> Floats:
    samples = (np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)
    squares = samples[:, None] ** 2 + samples[None] ** 2
    return np.exp(-squares / (2 * _WINDOW**2)).astype(np.float32)


# From here on, a patch is a single row of samples, because compilers make long loops fast.
_DOWN = _cosines()
_ACROSS = np.ascontiguousarray(_DOWN.T)
_WEIGHTS = _weights().ravel()
_ALL_WEIGHTS = _WEIGHTS.sum()
# Weights of the samples that have a neighbour to their right and one below.
_INNER_WEIGHTS = (_weights() * (np.arange(SIDE) < SIDE - 1)).ravel()[: SIDE * (SIDE - 1) - 1]
_ROWS, _COLUMNS = (
    (each.ravel() - (SIDE - 1) / 2).astype(np.float32) for each in np.indices((SIDE, SIDE))
)


@njit(cache=True, nogil=True)
def _transform(
    picture: Floats, places: Doubles, numbers: NDArray[np.int64], waves: Floats, flatness: Floats
) -> None:
    patch = np.empty(SIDE * SIDE, dtype=np.float32)
    half = np.empty((SIDE, FREQUENCIES), dtype=np.float32)
    for number in numbers:
        take(picture, places[number], patch)
        flatness[number] = _centre_and_weigh(patch)
        _multiply(patch.reshape(SIDE, SIDE), _ACROSS, half)
        _multiply(_DOWN, half, waves[number])
        # The mean was subtracted, so only a rounding error is left. Its sign means nothing.
        waves[number, 0, 0] = 0


@njit(cache=True, nogil=True, fastmath=True)
def _multiply(left: Floats, right: Floats, product: Floats) -> None:
    """Multiply matrices of shapes (n, 32) and (32, 16)."""
    for row in range(len(left)):
        for column in range(FREQUENCIES):
            total = np.float32(0)
            for index in range(SIDE):
                total += left[row, index] * right[index, column]
            product[row, column] = total


@njit(cache=True, nogil=True, fastmath=True)
def _centre_and_weigh(patch: Floats) -> np.float32:
    """Subtract the mean, weight the patch towards its middle, and return its flat share."""
    total, swing, flat = np.float32(0), np.float32(0), np.float32(0)
    for index in range(len(patch)):
        total += patch[index] * _WEIGHTS[index]
    mean = total / _ALL_WEIGHTS
    for index in range(len(patch)):
        patch[index] -= mean
        swing += abs(patch[index]) * _WEIGHTS[index]
    least = _FLAT_STEP * swing / _ALL_WEIGHTS
    right, below = patch[1:], patch[SIDE:]
    for index in range(len(_INNER_WEIGHTS)):
        step = abs(below[index] - patch[index]) + abs(right[index] - patch[index])
        flat += _INNER_WEIGHTS[index] if step < least else np.float32(0)
    for index in range(len(patch)):
        patch[index] *= _WEIGHTS[index]
    share: np.float32 = flat / _ALL_WEIGHTS
    return share


@njit(cache=True, nogil=True, fastmath=True)
def take(picture: Floats, place: Doubles, patch: Floats) -> None:
    """
    Sample a turned square, with linear interpolation between pixels.

    Args:
        picture: Shape (height, width), each at least 2.

        place: y and x of the middle and distance between samples in pixels; angle in radians.

        patch: Receives the samples, row after row, shape (1024,).
    """
    height, width = picture.shape
    # Relative to a point nearby, coordinates are small enough for 32-bit floats.
    top, left = math.floor(place[0]) - _NEARBY, math.floor(place[1]) - _NEARBY
    middle_y, middle_x = np.float32(place[0] - top), np.float32(place[1] - left)
    down = np.float32(math.cos(place[3]) * place[2])
    across = np.float32(math.sin(place[3]) * place[2])
    first_y, first_x = np.float32(-top), np.float32(-left)
    last_y, last_x = np.float32(height - 1.001 - top), np.float32(width - 1.001 - left)
    corner = top * width + left
    corners = np.empty(len(patch), dtype=np.uint32)
    lower_parts, right_parts = np.empty((2, len(patch)), dtype=np.float32)
    for number in range(len(patch)):
        x = middle_x + _COLUMNS[number] * down - _ROWS[number] * across
        y = middle_y + _COLUMNS[number] * across + _ROWS[number] * down
        x, y = min(max(x, first_x), last_x), min(max(y, first_y), last_y)
        whole_x, whole_y = np.int32(x), np.int32(y)
        right_parts[number], lower_parts[number] = x - np.float32(whole_x), y - np.float32(whole_y)
        corners[number] = corner + whole_y * width + whole_x
    pixels = picture.reshape(-1)
    right, below, beyond = pixels[1:], pixels[width:], pixels[width + 1 :]
    for number in range(len(patch)):
        at, share = corners[number], right_parts[number]
        upper = pixels[at] + share * (right[at] - pixels[at])
        lower = below[at] + share * (beyond[at] - below[at])
        patch[number] = upper + lower_parts[number] * (lower - upper)
