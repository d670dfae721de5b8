"""
Region signals: codes of distinctive parts of an image, which survive crops, borders and collages.

Each blob (see `blobs`) gives a square patch whose size is proportional to the blob. The patch is
turned along the blob's direction and weighted towards its middle. The signs of the low frequencies
of its cosine transform are the code. A code holds no position and no size. The codes of the mirror
image follow from the same transforms, because mirroring changes the sign of every odd frequency.
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

_PATCH_SIDE = 1024
"""
Patches are taken from the image, reduced so that its longer side is at most this. A smaller image
is reduced to `_SEARCH_SIDE`.
"""

_SEARCH_SIDE = 512
"""The search for blobs begins in the first halving whose longer side is at most this."""

_MIN_RESPONSE = 0.5
_MAX_BLOBS = 500
_MAX_DIRECTIONS = 2

_MAX_KEPT = 100

_MAX_FLAT_KEPT = 0.05
"""
Largest flat share of a patch that a content keeps.

Letters and icons of an interface have larger flat shares; photographs hardly ever do. A content
must not keep codes of letters and icons, because any two screenshots of one app share them.
"""

_MAX_FLAT = 0.5
"""
Largest flat share of a candidate's patch that is used.

A patch above this limit cannot be a copy of a patch that a content keeps. Patches between the two
limits can be copies that have few shades of grey.
"""


STEADIEST = tuple(
    sorted(
        range(FREQUENCIES**2),
        key=lambda bit: (bit == 0, (bit // FREQUENCIES) ** 2 + (bit % FREQUENCIES) ** 2),
    )
)
"""
The bits of a code, starting with those that copies most likely share.

Low frequencies have much power, so altering an image seldom changes their sign. In the regions of
copies that are hard to match, 15 % of the first half of these bits differ, and 26 % of the others.
The first bit of a code is always 0, so it comes last.
"""


@dataclass(frozen=True, slots=True, repr=False)
class RegionCodes:
    """
    The region codes of one image, each of shape (n, 32).

    Attributes:
        kept: What a content keeps: one code for each of at most 100 regions, sorted, so that their
            order reveals nothing about the image.

        more: The other codes of the upright image: finer regions, other directions.

        mirrored: Codes of the mirror image, for all regions and directions.
    """

    kept: Codes
    more: Codes
    mirrored: Codes


def region_codes(luma: NDArray[Any]) -> RegionCodes:
    """
    Return the region codes of an image.

    A content first keeps codes of blobs from the second searched halving on, because a copy at half
    the size, as in a collage, still has those blobs. If these are fewer than 100, as in a picture
    of a person before a plain wall, the content also keeps codes of the finest blobs.

    Args:
        luma: Brightness 0–255, bytes or floats, shape (height, width).
    """
    pictures, blobs = found_in(luma)
    patches = patches_of(blobs, pictures)
    waves, flatness = waves_of(pictures, patches)
    codes = codes_of(waves)
    is_coarse = blobs.levels[patches.blobs] > _first_level(pictures)
    is_keepable = (patches.turns == 0) & (flatness <= _MAX_FLAT_KEPT)
    keepable = np.concatenate(
        [np.flatnonzero(is_keepable & is_coarse), np.flatnonzero(is_keepable & ~is_coarse)]
    )
    kept = _mutually_distinct(codes, keepable, _MAX_KEPT, REGION.threshold)
    usable = np.flatnonzero(flatness <= _MAX_FLAT)
    return RegionCodes(
        kept=_sorted(codes[kept]),
        more=codes[np.setdiff1d(usable, kept)],
        mirrored=codes_of(waves[usable] * _MIRRORED[:, None]),
    )


def found_in(luma: NDArray[Any]) -> tuple[list[Floats], Blobs]:
    """Return the halvings of an image and its blobs, the first stage of region signals."""
    # Without this, the search of a picture whose size is between the two sides would begin at
    # fewer pixels than `_SEARCH_SIDE`, and would miss the finest blobs.
    longest = _PATCH_SIDE if max(luma.shape) >= _PATCH_SIDE else _SEARCH_SIDE
    pictures = halvings(luma, longest)
    blobs = find_blobs(
        pictures,
        longest=_SEARCH_SIDE,
        contrast=_MIN_RESPONSE,
        max_count=_MAX_BLOBS,
        directions=_MAX_DIRECTIONS,
    )
    return pictures, blobs


def codes_of(waves: Floats) -> Codes:
    """Return the signs of each patch's frequencies as a code, shape (n, 32)."""
    return np.packbits(waves.reshape(len(waves), FREQUENCIES * FREQUENCIES) > 0, axis=1)


def _sorted(codes: Codes) -> Codes:
    return codes[np.lexsort(codes.T[::-1])]


def _first_level(pictures: list[Floats]) -> int:
    return next(
        (level for level, each in enumerate(pictures) if max(each.shape) <= _SEARCH_SIDE),
        len(pictures) - 1,
    )


_ONES = np.bitwise_count(np.arange(256, dtype=np.uint8))
# Mirroring reverses the first axis of a patch. The cosines along it are even and odd in turn.
_MIRRORED = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)


@njit(cache=True, nogil=True)
def _mutually_distinct(
    codes: Codes, candidates: NDArray[np.int64], max_count: int, threshold: int
) -> NDArray[np.int64]:
    """
    Return the first candidates of which no two match: a repeated pattern identifies no image.
    """
    chosen = np.empty(min(max_count, len(candidates)), dtype=np.int64)
    count = 0
    for candidate in candidates:
        if count == len(chosen):
            break
        is_distinct = True
        for other in chosen[:count]:
            distance = 0
            for byte in range(codes.shape[1]):
                distance += _ONES[codes[candidate, byte] ^ codes[other, byte]]
            if distance <= threshold:
                is_distinct = False
                break
        if is_distinct:
            chosen[count] = candidate
            count += 1
    return chosen[:count]
