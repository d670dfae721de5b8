"""
Measures how fast pages are scanned, compared with hashing the same images from memory.

    python -m benchmarks.scanning [--json OUT] [--photos DIR] [--pages 2000] [--images 5]

A real service scans a site on loopback, which runs in its own process. The site's pages show
photographs, all in different files, including copies of banked photographs. Before and after each
part of the scan, a sandbox like the service's signs images of that part from memory, on as many
threads as there are cores. The ratio of the two rates shows the cost of fetching, reading pages,
matching and storing.

The site uses part of the cores too, and the report says how much. If the machine is busy with other
work, the rates say little. `cpu_ratio_to_hashing_alone` is the same ratio by processor time: the
time of hashing an image alone, divided by the time of the service and the site for an image.
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scanning.made import Web, make_web
from benchmarks.scanning.measuring import HashingAlone, Processes
from benchmarks.scanning.site import serving
from hashsvc.access import Role
from hashsvc.bank import Bank, NewContent
from hashsvc.cli.client import Client
from hashsvc.matching import Tier
from hashsvc.settings import Settings
from hashsvc.signals import DHASH, PDQ, PHASH, REGION, Signal, Signature, View, ViewedSignal
from hashsvc.store import Database
from hashsvc.store.ids import KeyId, PublicContentId, random_id
from tests.helpers.photos import load_photos
from tests.helpers.service import running_service, token_for

_SEED = 1
_PARTS = 5
_ALONE = 500
_REGIONS = 100
_CONTENTS_A_CASE = 20
_LOOK_AGAIN_S = 0.5
"""Seconds between requests for progress, as in `hashsvc scan --wait`."""

_LOOK_AGAIN_AT_THE_END_S, _LAST = 0.1, 20


@dataclass(frozen=True, slots=True)
class _Options:
    pages: int
    images: int
    planted: int
    contents: int
    threads: int
    cores: int


def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(description="Measure how fast pages are scanned.")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--images", type=int, default=5, help="images on each page")
    parser.add_argument("--planted", type=int, default=100, help="copies of banked photographs")
    parser.add_argument("--contents", type=int, default=1000, help="other contents in the bank")
    parser.add_argument("--threads", type=int, default=16, help="HASHSVC_SCAN_THREADS")
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    options = _Options(
        given.pages, given.images, given.planted, given.contents, given.threads, cores
    )
    photos = load_photos(given.photos, limit=200)
    print(f"machine  {platform.processor() or platform.machine()}, {platform.platform()}")
    print(f"load     {os.getloadavg()[0]:.1f} on {cores} cores before it began")
    versions = {name: version(name) for name in ("pillow", "numpy", "httpx2", "sqlalchemy")}
    print(f"versions Python {platform.python_version()}, {versions}")
    print(
        f"command  python -m benchmarks.scanning --pages {options.pages} --images {options.images} "
        f"--planted {options.planted} --contents {options.contents} --threads {options.threads}; "
        f"{len(photos)} photos; seed {_SEED}"
    )
    web, banked = make_web(
        photos, pages=options.pages, images=options.images, planted=options.planted, seed=_SEED
    )
    sizes = sorted(len(each) // 1000 for each in web.files)
    print(
        f"site     {len(web.files)} JPEGs of {sizes[0]}–{sizes[-1]} kB; each image has its own URL"
    )
    figures = _measure(options, web, banked)
    for name, value in figures.items():
        print(f"{name:32} {value:.2f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))
    return 0


def _measure(options: _Options, web: Web, banked: list[Signature]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, serving(web) as (site, site_pid):
        data = Path(folder)
        _fill_bank(data, banked, options.contents)
        settings = {
            "fetch_networks": "127.0.0.0/8",
            "fetch_ports": site.rpartition(":")[2],
            "scan_threads": str(options.threads),
            # All pages are on one host here, but on many hosts on the web.
            "scan_items_per_host": str(options.threads),
            "fetch_downloads_per_host": str(options.threads),
            "limit_reads_per_minute": "100000",
        }
        with (
            running_service(data, settings) as url,
            Client(url, token_for(data, Role.ANALYST)) as client,
            Processes(_service_pid()) as service,
            HashingAlone(options.cores) as alone,
        ):
            return _run(options, web, site, Processes(site_pid), client, service, alone)


def _run(
    options: _Options,
    web: Web,
    site: str,
    site_process: Processes,
    client: Client,
    service: Processes,
    alone: HashingAlone,
) -> dict[str, float]:
    rng = random.Random(_SEED)
    alone_s = scanned_s = 0.0
    taken = {"service": 0.0, "site": 0.0, "alone": 0.0}
    hashed = 0
    reported: set[str] = set()
    states: dict[str, int] = {}
    images = hints = 0
    step = -(-options.pages // _PARTS)
    for start in range(0, options.pages, step):
        pages = range(start, min(start + step, options.pages))
        every = [(page, place) for page in pages for place in range(options.images)]
        sample = [web.image(*each) for each in rng.sample(every, min(_ALONE, len(every)))]
        start_s = alone.cpu_s()
        alone_s += alone.seconds(sample)
        taken["alone"] += alone.cpu_s() - start_s
        cpu = service.cpu_s(), site_process.cpu_s()
        state, seconds = _scan(client, [f"{site}/{page}" for page in pages])
        taken["service"] += service.cpu_s() - cpu[0]
        taken["site"] += site_process.cpu_s() - cpu[1]
        start_s = alone.cpu_s()
        alone_s += alone.seconds(sample)
        taken["alone"] += alone.cpu_s() - start_s
        hashed += 2 * len(sample)
        scanned_s += seconds
        images += len(every)
        for name, count in state["items"].items():
            states[name] = states.get(name, 0) + count
        found = client.get("/v1/matches", scan=state["scan"], limit=1000)
        reported |= {each["image_url"] for each in found if each["tier"] != Tier.POSSIBLE}
        hints += sum(each["tier"] == Tier.POSSIBLE for each in found)
    assert states == {"done": options.pages}, states
    planted = {f"{site}/{page}/{place}.jpg" for page, place in web.planted}
    # The rates cover all parts together. A worker is replaced after a thousand images, so some
    # parts have replacements and others have none. Both rates must include their cost.
    rate, alone_rate = images / scanned_s, hashed / alone_s
    return {
        "images": images,
        "images_per_s_all_cores": rate,
        "images_per_s": rate / options.cores,
        "hashing_alone_images_per_s": alone_rate / options.cores,
        "ratio_to_hashing_alone": rate / alone_rate,
        "peak_mb": service.peak_mb,
        "peak_rss_mb": service.peak_rss_mb,
        "service_cpu_ms_per_image": taken["service"] / images * 1e3,
        "site_cpu_ms_per_image": taken["site"] / images * 1e3,
        "hashing_alone_cpu_ms_per_image": taken["alone"] / hashed * 1e3,
        "cpu_ratio_to_hashing_alone": (
            taken["alone"] / hashed / ((taken["service"] + taken["site"]) / images)
        ),
        "planted_found": len(planted & reported),
        "planted_promised": len(planted),
        "unrelated_reported": len(reported - planted),
        "possible_hints": hints,
    }


def _scan(client: Client, urls: list[str]) -> tuple[dict[str, Any], float]:
    """Scan pages, and return the last state and the seconds that the scan took."""
    start = time.perf_counter()
    scan = client.post("/v1/scans", {"urls": urls})["scan"]
    while True:
        state: dict[str, Any] = client.get(f"/v1/scans/{scan}")
        if state["finished"] == state["total"]:
            return state, time.perf_counter() - start
        # Ask more often near the end, so that the last wait adds little to the measured time.
        left = state["total"] - state["finished"]
        time.sleep(_LOOK_AGAIN_S if left > _LAST else _LOOK_AGAIN_AT_THE_END_S)


def _service_pid() -> int:
    """Return the service's process id: the only child that runs this project's command."""
    for pid in _children():
        if b"hashsvc\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise RuntimeError("The service is not running.")


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").glob("*"):
        yield from map(int, (task / "children").read_text().split())


def _fill_bank(data: Path, banked: list[Signature], more: int) -> None:
    """Open cases with these contents, and further ones with random codes."""
    with _database(data) as database:
        bank, actor = Bank(database), KeyId("benchmark")
        rng = np.random.default_rng(_SEED)
        every = banked + [_made_up(rng) for _ in range(more)]
        for start in range(0, len(every), _CONTENTS_A_CASE):
            number = bank.open_case(adult=True, actor=actor).number
            contents = [
                NewContent(PublicContentId(random_id()), each)
                for each in every[start : start + _CONTENTS_A_CASE]
            ]
            bank.add_contents(number, contents, actor=actor)


@contextmanager
def _database(data: Path) -> Iterator[Database]:
    database = Database.of(Settings(data_dir=data, _env_file=None))
    database.migrate()
    try:
        yield database
    finally:
        database.close()


def _made_up(rng: np.random.Generator) -> Signature:
    """Return a made-up signature; half of each code's bits are set, as in signatures of images."""
    signals = []
    for profile, count in ((PDQ, 1), (PHASH, 1), (DHASH, 1), (REGION, _REGIONS)):
        bits = np.tile(np.arange(profile.bits, dtype=np.uint8) % 2, (count, 1))
        codes = np.packbits(rng.permuted(bits, axis=1), axis=1)
        signals += [
            ViewedSignal(Signal(profile.name, each.tobytes()), View.WHOLE) for each in codes
        ]
    return Signature(quality=100, signals=tuple(signals))


if __name__ == "__main__":
    sys.exit(main())
