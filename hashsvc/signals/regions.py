"""
Region signals: codes of content-anchored parts of an image, which survive crops, frames, collages.

Each blob (see `blobs`) gives a square patch of fixed size in relation to the blob, turned along its
direction, weighed towards its middle; the signs of the low frequencies of its cosine transform are
the code. No place and no size is kept. Beside the codes of an image as it is, those of its mirror
image follow from the same transforms, for mirroring changes the sign of every odd frequency.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hashsvc.signals.blobs import Blobs, find_blobs
from hashsvc.signals.patches import FREQUENCIES, patches_of, waves_of
from hashsvc.signals.profiles import REGION
from hashsvc.signals.scales import Floats, halvings

Codes = NDArray[np.uint8]

_LONGEST = 1024
"""Patches are taken from the image reduced to this side."""

_SEARCHED = 512
"""Blobs are searched in the first halving that is no larger."""

_CONTRAST = 0.5
_MOST_BLOBS = 500
_MOST_DIRECTIONS = 2

_MOST_KEPT = 100

_FLATTEST = 0.05
"""Letters and icons of an interface have more flat parts than that, photographs hardly any; a
content keeps none of the former, for two screenshots of one app have them in common."""

_FLATTEST_SHOWN = 0.5
"""A candidate's patch that is flatter still is a copy of none that is kept. In between lie
copies with few shades of grey."""


STEADIEST = tuple(
    sorted(
        range(FREQUENCIES**2),
        key=lambda bit: (bit == 0, (bit // FREQUENCIES) ** 2 + (bit % FREQUENCIES) ** 2),
    )
)
"""
The bits of a code, those first that copies have most likely in common: low frequencies have much
power, so that what is done to an image seldom changes their sign. Of hard copies' regions 15 % of
the lower half of the bits differ, and 26 % of the others. The first bit is always 0.
"""


@dataclass(frozen=True, slots=True, repr=False)
class RegionCodes:
    """
    The region codes of one image, each of shape (n, 32).

    Attributes:
        kept: What a content keeps: one code for each of at most 100 regions, sorted, so that their
            order tells nothing of the image.

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
    pictures, blobs = found_in(luma)
    patches = patches_of(blobs, pictures)
    waves, flatness = waves_of(pictures, patches)
    codes = codes_of(waves)
    is_coarse = blobs.levels[patches.blobs] > _first_level(pictures)
    fit = np.flatnonzero((patches.turns == 0) & is_coarse & (flatness <= _FLATTEST))
    kept = _unlike(codes, fit, _MOST_KEPT, REGION.threshold)
    shown = np.flatnonzero(flatness <= _FLATTEST_SHOWN)
    return RegionCodes(
        kept=_sorted(codes[kept]),
        more=codes[np.setdiff1d(shown, kept)],
        mirrored=codes_of(waves[shown] * _MIRRORED[:, None]),
    )


def found_in(luma: NDArray[Any]) -> tuple[list[Floats], Blobs]:
    """Return the halvings of an image, and its blobs, with which its regions begin."""
    pictures = halvings(luma, _LONGEST)
    blobs = find_blobs(
        pictures,
        longest=_SEARCHED,
        contrast=_CONTRAST,
        most=_MOST_BLOBS,
        directions=_MOST_DIRECTIONS,
    )
    return pictures, blobs


def codes_of(waves: Floats) -> Codes:
    """Return the signs of the frequencies of each patch as a code, shape (n, 32)."""
    return np.packbits(waves.reshape(len(waves), FREQUENCIES * FREQUENCIES) > 0, axis=1)


def _sorted(codes: Codes) -> Codes:
    return codes[np.lexsort(codes.T[::-1])]


def _first_level(pictures: list[Floats]) -> int:
    return next(
        (level for level, each in enumerate(pictures) if max(each.shape) <= _SEARCHED),
        len(pictures) - 1,
    )


_ONES = np.bitwise_count(np.arange(256, dtype=np.uint8))
# Mirroring turns the first axis of a patch around, whose cosines are even and odd in turn.
_MIRRORED = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)


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
