"""
How long hashing takes, and how far the fast way strays from the exact one.

    python -m benchmarks.hashing [--photos DIR] [--json OUT]

Times, on one thread and interleaved: Pillow's full decode with the exact PDQ; the scaled decode
alone; the scaled decode with PDQ. Then counts the bits in which fast and exact codes differ.
"""

import argparse
import io
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photos import Photo, as_jpeg, load_photos
from hashsvc.signals import PDQ, Limits, Signal, View
from hashsvc.signals.decode import decode
from hashsvc.signals.pdq import pdq

_LARGE = (4000, 3000)
_RUNS = 15
_LIMITS = Limits()


def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description="How long hashing takes.")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    photos = load_photos(options.photos)
    print(f"machine  {platform.processor() or platform.machine()}, {platform.platform()}")
    versions = {name: version(name) for name in ("pillow", "numpy", "numba")}
    print(f"versions Python {platform.python_version()}, {versions}")
    print(f"command  python -m benchmarks.hashing; {len(photos)} photos; no random numbers")
    figures = _times(_large_jpeg(photos[0])) | _differences(photos)
    for name, value in figures.items():
        print(f"{name:32} {value:.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _large_jpeg(photo: Photo) -> bytes:
    return as_jpeg(photo.image.resize(_LARGE, Image.Resampling.BICUBIC), quality=92)


def _times(data: bytes) -> dict[str, float]:
    ways: dict[str, Callable[[], object]] = {
        "full_decode_exact_pdq_ms": lambda: _code(data, scaled=False),
        "scaled_decode_ms": lambda: _pixels(data),
        "scaled_decode_pdq_ms": lambda: _code(data, scaled=True),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(_RUNS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if run:  # The first one compiles.
                spent[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(times) for name, times in spent.items()}


def _differences(photos: list[Photo]) -> dict[str, float]:
    bits = []
    for photo in photos:
        data = _large_jpeg(photo)
        fast, exact = (Signal(PDQ.name, _code(data, scaled=scaled)) for scaled in (True, False))
        bits.append(fast.distance(exact))
    return {
        "bits_changed_median": statistics.median(bits),
        "bits_changed_p99": float(np.percentile(bits, 99)),
        "bits_changed_max": max(bits),
    }


def _code(data: bytes, *, scaled: bool) -> bytes:
    image = next(decode(data, _LIMITS, scaled=scaled))
    return pdq(np.asarray(image))[0][View.WHOLE]


def _pixels(data: bytes) -> object:
    image = Image.open(io.BytesIO(data))
    image.draft(None, (1024, 1024))
    return image.load()


if __name__ == "__main__":
    sys.exit(main())
