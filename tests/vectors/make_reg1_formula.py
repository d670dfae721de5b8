"""
Makes reg1_formula.json: what a port of region signals must find in pixels made by a formula.

    python -m tests.vectors.make_reg1_formula > tests/vectors/reg1_formula.json

There is no other implementation of `reg1`. The vectors are the results that hashsvc.signals gives;
they keep it the same here and in every port. How a patch becomes a code has not changed since the
format was fixed, so all codes can be compared. Which patches are taken may change: then this file
is made again. `pixels` uses only whole numbers under 2^53, which every language has; check its
result by the SHA-256 of the bytes.

The file gives the stages in the order in which they are computed, so a port can see where it first
differs. Single bits depend on rounding, so `RULE`, which the file repeats, allows small
differences. Codes whose SHA-256 is the one in the file are identical to those of hashsvc.signals; a
port need not achieve that.
"""

import hashlib
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals.patches import Patches, patches_of, waves_of
from hashsvc.signals.pdq import luma_of
from hashsvc.signals.regions import found_in, region_codes
from hashsvc.signals.scales import octave

RULE = {
    "sizes": "Sizes and the SHA-256 of the pixels are equal.",
    "samples": "A value at [y, x, value] differs by at most `sample_off` grey levels.",
    "sample_off": 0.05,
    "blobs": "For each of the strongest blobs, the port has a blob of the same level whose y, x "
    "and sigma differ by at most `blob_off` pixels of the finest picture. Their first angles "
    "differ by at most `angle_off` radians, the y, x and spacing of their patches by "
    "`blob_off`, the flat shares by `flat_off`, and the waves, at [down, across, value], by "
    "`wave_off`.",
    "blob_off": 0.05,
    "angle_off": 0.01,
    "flat_off": 0.005,
    "wave_off": 15,
    "counts": "Counts differ by at most 1, or by the share `count_off`.",
    "count_off": 0.02,
    "kept": "At least the share `kept_share` of the kept codes have a kept code of the port within "
    "`kept_bits` bits, and the other way round.",
    "kept_share": 0.97,
    "kept_bits": 4,
}

# Small, odd and portrait sizes, and some above 1024, to which larger pictures are reduced; then
# plain pictures.
PICTURES = (
    ("clouds", 64, 48),
    ("clouds", 333, 517),
    ("clouds", 640, 480),
    ("clouds", 900, 1600),
    ("clouds", 1801, 1111),
    ("colours", 480, 360),
    ("faint", 400, 500),
    ("tiles", 500, 400),
    ("flat", 300, 200),
    ("clouds", 15, 200),
)

_PRIME = 65521
_WAVES = ((0, 1), (1, 0), (1, 1), (3, 5), (15, 15))


def pixels(kind: str, height: int, width: int) -> NDArray[np.uint8]:
    """Return grey pixels, shape (height, width), or coloured ones, shape (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    if kind == "flat":
        return np.full((height, width), 90, dtype=np.uint8)
    if kind == "tiles":
        # Plain squares, each of its own shade.
        return (_random(y // 40, x // 40, 9) % 256).astype(np.uint8)
    if kind == "faint":
        return (120 + _clouds(y, x, 5) * 12 // 256).astype(np.uint8)
    if kind == "colours":
        return np.stack([_clouds(y, x, seed) for seed in (1, 2, 3)], axis=2).astype(np.uint8)
    return _clouds(y, x, 7).astype(np.uint8)


def _clouds(y: NDArray[np.int64], x: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the mean of six grids of random shades, blended between the grid points."""
    total = np.zeros_like(y)
    for number, cell in enumerate((128, 64, 32, 16, 8, 4)):
        top, left, down, across = y // cell, x // cell, y % cell, x % cell
        shades = [
            _random(top + dy, left + dx, seed * 10 + number) % 1024
            for dy in (0, 1)
            for dx in (0, 1)
        ]
        upper = shades[0] * (cell - across) + shades[1] * across
        lower = shades[2] * (cell - across) + shades[3] * across
        blended = upper * (cell - down) + lower * down
        total += np.floor_divide(blended, cell * cell, dtype=np.int64)
    # The total of six shades below 1024 is stretched to most of the range 0–255.
    return np.clip((total - 3072) // 12 + 128, 0, 255)


def _random(y: NDArray[np.int64], x: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return numbers below 65521; without the squaring they would form visible rows."""
    number = (y * 7919 + x * 104_729 + seed * 1_299_709 + 17) % _PRIME
    for _ in range(3):
        number = (number * number + 12_345) % _PRIME
    return number


def describe(image: NDArray[np.uint8], *, strongest: int = 5) -> dict[str, Any]:
    """Return the stages of an image's region signals, as they are in the file."""
    luma = luma_of(image)
    pictures, blobs = found_in(luma)
    patches = patches_of(blobs, pictures)
    waves, flatness = waves_of(pictures, patches)
    found = region_codes(luma)
    searched = [each for each in pictures if max(each.shape) <= 512 and min(each.shape) >= 16]
    every = sorted(code.hex() for code in map(bytes, np.concatenate([found.kept, found.more])))
    mirrored = sorted(code.hex() for code in map(bytes, found.mirrored))
    return {
        "luma": _sampled(luma),
        "halvings": [_sampled(each) for each in pictures],
        "first_octave": [_sampled(each) for each in octave(searched[0])] if searched else [],
        "blobs": len(blobs),
        "patches": len(patches.blobs),
        "strongest": [
            {
                "y": _rounded(blobs.centres[number, 0]),
                "x": _rounded(blobs.centres[number, 1]),
                "sigma": _rounded(blobs.sigmas[number]),
                "level": int(blobs.levels[number]),
                "angles": [_rounded(each) for each in blobs.angles[number] if not np.isnan(each)],
                "patch": _patch(patches, waves, flatness, number),
            }
            for number in range(min(strongest, len(blobs)))
        ],
        "kept": [code.hex() for code in map(bytes, found.kept)],
        "more": len(found.more),
        "mirrored": len(found.mirrored),
        "sha256_of_kept_and_more": _digest("".join(every).encode()),
        "sha256_of_mirrored": _digest("".join(mirrored).encode()),
    }


def _sampled(picture: NDArray[np.float32]) -> dict[str, Any]:
    height, width = picture.shape
    points = ((0, 0), (0, width - 1), (height // 2, width // 3), (height - 1, width // 2))
    samples = [[y, x, _rounded(picture[y, x])] for y, x in points]
    return {"height": height, "width": width, "samples": samples}


def _patch(
    patches: Patches, waves: NDArray[np.float32], flatness: NDArray[np.float32], blob: int
) -> dict[str, Any] | None:
    """Return the patch along a blob's first direction; None if too much of it is outside."""
    numbers = np.flatnonzero((patches.blobs == blob) & (patches.turns == 0))
    if not len(numbers):
        return None
    number = int(numbers[0])
    y, x, spacing, _ = patches.places[number]
    return {
        "level": int(patches.levels[number]),
        "y": _rounded(y),
        "x": _rounded(x),
        "spacing": _rounded(spacing),
        "flat": _rounded(flatness[number]),
        "waves": [[*at, _rounded(waves[number][at])] for at in _WAVES],
    }


def _rounded(value: float) -> float:
    return round(float(value), 3)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    """Print the vectors."""
    made = []
    for kind, height, width in PICTURES:
        image = pixels(kind, height, width)
        about = {"kind": kind, "height": height, "width": width, "channels": image[0, 0].size}
        made.append({**about, "sha256_of_pixels": _digest(image.tobytes()), **describe(image)})
    # Write each picture and each kept code on its own line, so that a diff shows what has changed.
    lines = (json.dumps(each).replace('"kept": ["', '"kept": [\n "') for each in made)
    sys.stdout.write('{"rule": ' + json.dumps(RULE, indent=1) + ',\n"pictures": [\n')
    sys.stdout.write(",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
