"""
Region signals: codes of content-anchored parts of an image, which survive crops, frames, collages.

Each blob (see `blobs`) gives a square patch of fixed size in relation to the blob, turned along its
direction, weighed towards its middle; the signs of the low frequencies of its cosine transform are
the code. No place and no size is kept. Beside the codes of an image as it is, those of its mirror
image follow from the same transforms, for mirroring changes the sign of every odd frequency.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.blobs import Blobs, Doubles, Floats, find_blobs, halvings
from hashsvc.signals.profiles import REGION

Codes = NDArray[np.uint8]

_LONGEST = 1024
"""Patches are taken from the image reduced to this side."""

_SEARCHED = 512
"""Blobs are searched in the first halving that is no larger."""

_CONTRAST = 0.5
_MOST_BLOBS = 500
_MOST_DIRECTIONS = 2

_SIDE_IN_SIGMAS = 12.0
_SIDE = 32
_FREQUENCIES = 16
_WINDOW = 0.6
"""Standard deviation of the weights, in halves of the side."""

_INSIDE = 0.75
"""Least part of a patch that lies within the image; beyond it, edge pixels are repeated."""

_MOST_KEPT = 100

_FLAT = 0.02
_FLATTEST = 0.05
"""A patch is flat where brightness changes from sample to sample by less than 2 % of the patch's
own swing. Letters and icons of an interface have more flat parts than that, photographs hardly any;
a content keeps none of the former, for two screenshots of one app have them in common."""

_FLATTEST_SHOWN = 0.5
"""A candidate's patch that is flatter still is a copy of none that is kept. In between lie
copies with few shades of grey."""


@dataclass(frozen=True, slots=True, repr=False)
class RegionCodes:
    """
    The region codes of one image, each of shape (n, 32).

    Attributes:
        kept: What a content keeps: one code for each of at most 100 regions.

        more: The other codes of the image as it is: finer regions, other directions.

        mirrored: Codes of the mirror image, of all regions and directions.
    """

    kept: Codes
    more: Codes
    mirrored: Codes


def region_codes(luma: NDArray[Any]) -> RegionCodes:
    """
    Return the region codes of an image.

    A content keeps blobs from the second searched halving on, so that a copy at half the size, as
    in a collage, still has them.

    Args:
        luma: Brightness 0–255, bytes or floats, shape (height, width).
    """
    pictures = halvings(luma, _LONGEST)
    blobs = find_blobs(
        pictures,
        longest=_SEARCHED,
        contrast=_CONTRAST,
        most=_MOST_BLOBS,
        directions=_MOST_DIRECTIONS,
    )
    rows, turns = np.nonzero(~np.isnan(blobs.angles) & _inside(blobs, pictures[0].shape)[:, None])
    waves, flatness = _all_waves(pictures, blobs, rows, turns)
    codes = _codes(waves)
    fit = (turns == 0) & (blobs.levels[rows] > _first_level(pictures)) & (flatness <= _FLATTEST)
    kept = _unlike(codes, np.flatnonzero(fit), _MOST_KEPT, REGION.threshold)
    shown = np.flatnonzero(flatness <= _FLATTEST_SHOWN)
    return RegionCodes(
        kept=codes[kept],
        more=codes[np.setdiff1d(shown, kept)],
        mirrored=_codes(waves[shown] * _MIRRORED[:, None]),
    )


def _all_waves(
    pictures: list[Floats], blobs: Blobs, rows: NDArray[np.int64], turns: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return the low frequencies of each blob in each direction, and how flat its patch is."""
    waves = np.empty((len(rows), _FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    flatness = np.empty(len(rows), dtype=np.float32)
    spacings = blobs.sigmas[rows] * (_SIDE_IN_SIGMAS / _SIDE)
    # Samples lie between 0.8 and 1.6 pixels apart.
    levels = np.clip(np.floor(np.log2(spacings) + 0.3), 0, len(pictures) - 1).astype(np.int64)
    for level in np.unique(levels):
        chosen = np.flatnonzero(levels == level)
        scale = 2.0**level
        _transform(
            pictures[level],
            (blobs.centres[rows[chosen]] + 0.5) / scale - 0.5,
            spacings[chosen] / scale,
            blobs.angles[rows[chosen], turns[chosen]],
            chosen,
            _COSINES,
            _WEIGHTS,
            waves,
            flatness,
        )
    return waves, flatness


def _first_level(pictures: list[Floats]) -> int:
    return next(
        (level for level, each in enumerate(pictures) if max(each.shape) <= _SEARCHED),
        len(pictures) - 1,
    )


def _inside(blobs: Blobs, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which blobs' patches, not turned, are for the most part within the picture."""
    half = blobs.sigmas[:, None] * (_SIDE_IN_SIGMAS / 2)
    low, high = np.maximum(blobs.centres - half, 0), np.minimum(blobs.centres + half, shape)
    inside: NDArray[np.bool_] = np.prod((high - low) / (2 * half), axis=1) >= _INSIDE
    return inside


def _codes(waves: Floats) -> Codes:
    """Return the signs of the frequencies as codes, shape (n, 32)."""
    return np.packbits(waves.reshape(len(waves), _FREQUENCIES * _FREQUENCIES) > 0, axis=1)


def _cosines() -> Floats:
    frequencies, places = np.arange(_FREQUENCIES)[:, None], np.arange(_SIDE)[None]
    cosines: Floats = np.cos(math.pi / _SIDE * (places + 0.5) * frequencies).astype(np.float32)
    return cosines


def _weights() -> Floats:
    places = (np.arange(_SIDE) - (_SIDE - 1) / 2) / (_SIDE / 2)
    squares = places[:, None] ** 2 + places[None] ** 2
    return np.exp(-squares / (2 * _WINDOW**2)).astype(np.float32)


_ONES = np.bitwise_count(np.arange(256, dtype=np.uint8))
_COSINES = _cosines()
_WEIGHTS = _weights()
# Mirroring turns the first axis of a patch around, whose cosines are even and odd in turn.
_MIRRORED = np.where(np.arange(_FREQUENCIES) % 2, -1, 1).astype(np.float32)


@njit(cache=True, nogil=True)
def _unlike(
    codes: Codes, candidates: NDArray[np.int64], most: int, threshold: int
) -> NDArray[np.int64]:
    """Return the first candidates of which no two match: what repeats in an image says nothing."""
    chosen = np.empty(min(most, len(candidates)), dtype=np.int64)
    count = 0
    for candidate in candidates:
        if count == len(chosen):
            break
        alone = True
        for other in chosen[:count]:
            distance = 0
            for place in range(codes.shape[1]):
                distance += _ONES[codes[candidate, place] ^ codes[other, place]]
            if distance <= threshold:
                alone = False
                break
        if alone:
            chosen[count] = candidate
            count += 1
    return chosen[:count]


@njit(cache=True, nogil=True, fastmath=True)
def _transform(
    picture: Floats,
    centres: Doubles,
    spacings: Doubles,
    angles: Doubles,
    into: NDArray[np.int64],
    cosines: Floats,
    weights: Floats,
    waves: Floats,
    flatness: Floats,
) -> None:
    """Take each patch, and put its low frequencies into `waves`, its flat part into `flatness`."""
    patch = np.empty((_SIDE, _SIDE), dtype=np.float32)
    across = np.ascontiguousarray(cosines.T)
    half = np.empty((_SIDE, _FREQUENCIES), dtype=np.float32)
    for number in range(len(into)):
        _take(picture, centres[number], spacings[number], angles[number], patch)
        flatness[into[number]] = _centre_and_weigh(patch, weights)
        half[:] = 0
        for y in range(_SIDE):
            _add_up(half[y], patch[y], across)
        waves[into[number]] = 0
        for down in range(_FREQUENCIES):
            _add_up(waves[into[number], down], cosines[down], half)


@njit(cache=True, nogil=True, fastmath=True)
def _add_up(total: Floats, factors: Floats, rows: Floats) -> None:
    """Add each row times its factor."""
    for number in range(len(factors)):
        factor, row = factors[number], rows[number]
        for place in range(_FREQUENCIES):
            total[place] += factor * row[place]


@njit(cache=True, nogil=True, fastmath=True)
def _centre_and_weigh(patch: Floats, weights: Floats) -> float:
    """Take the mean away and weigh towards the middle; return the weight of what was flat."""
    all_weights = weights.sum()
    mean = (patch * weights).sum() / all_weights
    swing = (np.abs(patch - mean) * weights).sum() / all_weights
    flat = np.float32(0)
    for y in range(_SIDE - 1):
        for x in range(_SIDE - 1):
            here = patch[y, x]
            if abs(patch[y + 1, x] - here) + abs(patch[y, x + 1] - here) < _FLAT * swing:
                flat += weights[y, x]
    for y in range(_SIDE):
        for x in range(_SIDE):
            patch[y, x] = (patch[y, x] - mean) * weights[y, x]
    return float(flat / all_weights)


@njit(cache=True, nogil=True, fastmath=True)
def _take(picture: Floats, centre: Doubles, spacing: float, angle: float, patch: Floats) -> None:
    """Sample a turned square, between pixels linearly."""
    height, width = picture.shape
    cosine, sine = math.cos(angle) * spacing, math.sin(angle) * spacing
    for row in range(_SIDE):
        down = row - (_SIDE - 1) / 2
        for column in range(_SIDE):
            across = column - (_SIDE - 1) / 2
            x = min(max(centre[1] + across * cosine - down * sine, 0.0), width - 1.001)
            y = min(max(centre[0] + across * sine + down * cosine, 0.0), height - 1.001)
            left, top = int(x), int(y)
            right_part, lower_part = np.float32(x - left), np.float32(y - top)
            upper = picture[top, left] * (1 - right_part) + picture[top, left + 1] * right_part
            lower = picture[top + 1, left] * (1 - right_part)
            lower += picture[top + 1, left + 1] * right_part
            patch[row, column] = upper * (1 - lower_part) + lower * lower_part
