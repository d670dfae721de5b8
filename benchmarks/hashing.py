"""
Measures how long hashing takes, and in how many bits fast and exact PDQ differ.

    python -m benchmarks.hashing [--photos DIR] [--json OUT]

On a JPEG of 12 megapixels, in one thread and in turns, it times
- Pillow's full decode with exact PDQ, and with pdqhash if that is installed;
- the scaled decode alone, and with PDQ;
- region codes.

It times the scaled decode, alone and with PDQ, of a JPEG like those of phones too: in Display P3,
and with as much grain as a small sensor's, so that it has about 3 MB.

On JPEGs of the size that web pages show, it times
- region codes;
- signing in this process and in a sandbox, in turns; the overhead is the median difference for an
  image, and the difference between the 99th percentiles;
- signing as a batch, with one thread and with one thread for each core, in turns.
"""

import argparse
import io
import json
import os
import platform
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashsvc.signals import PDQ, Limits, Sandbox, Signal, sign_frames, sign_images
from hashsvc.signals.decode import decode
from hashsvc.signals.pdq import pdq
from hashsvc.signals.regions import region_codes
from tests.helpers.icc_profiles import P3_POINTS, rgb_profile
from tests.helpers.photos import Photo, as_jpeg, load_photos

_LARGE = (4000, 3000)
_PHONE = (4032, 3024)
_GRAIN = 6
"""Standard deviation of a phone's noise, in values from 0 to 255."""
_WEB_SIDE = 1280
_RUNS = 15
_WEB_RUNS = 10
_BATCH_REPEATS = 4
_LIMITS = Limits()


def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description="Measure how long hashing takes.")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    photos = load_photos(options.photos)
    print(f"machine  {platform.processor() or platform.machine()}, {platform.platform()}")
    versions = {name: version(name) for name in ("pillow", "numpy", "numba")}
    print(f"versions Python {platform.python_version()}, {versions}")
    print(f"command  python -m benchmarks.hashing; {len(photos)} photos; seed 1")
    files = _web_jpegs(photos)
    phone = _phone_jpeg(photos[0])
    print(f"phone    a JPEG in Display P3 of {len(phone) // 1000} kB")
    figures = _times(_large_jpeg(photos[0])) | _phone_times(phone)
    figures |= _web_regions(files) | _sandbox_overhead(files) | _batch(files)
    figures |= _differences("", map(_large_jpeg, photos))
    figures |= _differences("phone_", map(_phone_jpeg, photos))
    for name, value in figures.items():
        print(f"{name:32} {value:.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _large_jpeg(photo: Photo) -> bytes:
    return as_jpeg(photo.image.resize(_LARGE, Image.Resampling.BICUBIC), quality=92)


def _times(data: bytes) -> dict[str, float]:
    ways: dict[str, Callable[[], object]] = {
        "exact_pdq_ms": lambda: _code(data, scaled=False),
        "scaled_decode_ms": lambda: _pixels(data),
        "fast_pdq_ms": lambda: _code(data, scaled=True),
        "regions_ms_per_image": lambda: region_codes(_pixels(data)),
    }
    oracle = _oracle()
    if oracle is None:
        print("pdqhash is NOT MEASURED: the extra `oracle` (needs a compiler) is not installed.")
    else:
        ways["pdqhash_ms"] = lambda: oracle(np.asarray(Image.open(io.BytesIO(data))))
    figures = _timed(ways)
    # Regions were timed together with a decode; leave the decode out of the figure.
    figures["regions_ms_per_image"] -= figures["scaled_decode_ms"]
    figures["ratio_to_scaled_decode"] = figures["fast_pdq_ms"] / figures["scaled_decode_ms"]
    if oracle is not None:
        figures["speedup_12mp_vs_pdqhash"] = figures["pdqhash_ms"] / figures["fast_pdq_ms"]
    return figures


def _phone_jpeg(photo: Photo) -> bytes:
    noise = np.random.default_rng(1).normal(0, _GRAIN, _PHONE[::-1])[..., None]
    pixels = np.asarray(photo.image.resize(_PHONE, Image.Resampling.BICUBIC).convert("RGB")) + noise
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=90, icc_profile=rgb_profile(P3_POINTS)
    )
    return file.getvalue()


def _phone_times(data: bytes) -> dict[str, float]:
    figures = _timed(
        {
            "phone_scaled_decode_ms": lambda: _pixels(data),
            "phone_fast_pdq_ms": lambda: _code(data, scaled=True),
        }
    )
    ratio = figures["phone_fast_pdq_ms"] / figures["phone_scaled_decode_ms"]
    return figures | {"phone_ratio_to_scaled_decode": ratio}


def _timed(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median and the 99th percentile of the milliseconds that each way takes."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(_RUNS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if run:  # The first run compiles.
                spent[name].append((time.perf_counter() - start) * 1e3)
    figures = {}
    for name, times in spent.items():
        figures[name] = statistics.median(times)
        figures[f"{name}_p99"] = float(np.percentile(times, 99))
    return figures


def _web_jpegs(photos: list[Photo]) -> list[bytes]:
    files = []
    for photo in photos:
        scale = _WEB_SIDE / max(photo.image.size)
        size = (round(photo.image.width * scale), round(photo.image.height * scale))
        files.append(as_jpeg(photo.image.resize(size, Image.Resampling.BICUBIC), quality=85))
    sizes = sorted(len(data) // 1000 for data in files)
    print(f"web      {len(files)} JPEGs of {_WEB_SIDE} pixels and {sizes[0]}–{sizes[-1]} kB")
    return files


def _web_regions(files: list[bytes]) -> dict[str, float]:
    spent = []
    for data in files:
        pixels = _pixels(data)
        for _ in range(_WEB_RUNS):
            start = time.perf_counter()
            region_codes(pixels)
            spent.append((time.perf_counter() - start) * 1e3)
    return {
        "regions_web_ms": statistics.median(spent),
        "regions_web_ms_p99": float(np.percentile(spent, 99)),
    }


def _sandbox_overhead(files: list[bytes]) -> dict[str, float]:
    here: list[float] = []
    there: list[float] = []
    with Sandbox(_LIMITS) as sandbox:
        for run in range(_WEB_RUNS + 1):
            for way, spent in ((sign_frames, here), (sandbox.sign_frames, there)):
                for data in files:
                    start = time.perf_counter()
                    way(data)
                    if run:
                        spent.append((time.perf_counter() - start) * 1e3)
    return {
        "sandbox_overhead_ms": statistics.median(np.subtract(there, here).tolist()),
        "sandbox_overhead_ms_p99": float(np.percentile(there, 99) - np.percentile(here, 99)),
    }


def _batch(files: list[bytes]) -> dict[str, float]:
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    datas = files * _BATCH_REPEATS
    rates: dict[int, list[float]] = {1: [], cores: []}
    for _ in range(_WEB_RUNS // 2):
        for workers, rate in rates.items():
            start = time.perf_counter()
            deque(sign_images(datas, workers=workers), maxlen=0)
            rate.append(len(datas) / (time.perf_counter() - start))
    all_cores = statistics.median(rates[cores])
    return {
        "batch_images_per_s": all_cores,
        "batch_images_per_s_per_core": all_cores / cores,
        "batch_scaling": all_cores / statistics.median(rates[1]),
    }


def _oracle() -> Callable[[NDArray[np.uint8]], object] | None:
    try:
        import pdqhash  # noqa: PLC0415 - optional, because installing it compiles C++.
    except ModuleNotFoundError:
        return None
    compute: Callable[[NDArray[np.uint8]], object] = pdqhash.compute
    return compute


def _differences(prefix: str, files: Iterable[bytes]) -> dict[str, float]:
    bits = []
    for data in files:
        fast, exact = (Signal(PDQ.name, _code(data, scaled=scaled)) for scaled in (True, False))
        bits.append(fast.distance(exact))
    return {
        f"{prefix}bits_changed_median": statistics.median(bits),
        f"{prefix}bits_changed_p99": float(np.percentile(bits, 99)),
        f"{prefix}bits_changed_max": max(bits),
    }


def _code(data: bytes, *, scaled: bool) -> bytes:
    image = next(decode(data, _LIMITS, scaled=scaled))
    return pdq(np.asarray(image))[0]


def _pixels(data: bytes) -> NDArray[np.uint8]:
    image = Image.open(io.BytesIO(data))
    image.draft("L", (1024, 1024))
    return np.asarray(image)


if __name__ == "__main__":
    sys.exit(main())
