"""
Measures how soon a new content is matched with the candidates of earlier scans.

    python -m benchmarks.retroactive [--json OUT] [--candidates 10000] [--runs 5]

It stores candidates as a scan does, sealed, in SQLite. They have as many codes as real photographs;
the codes are random, because the time of a comparison does not depend on the bits. Some candidates
match a content by PDQ, and as many others by regions alone. Then it opens a case with that content
while the retroactive matcher runs, and measures the time until the matches are in the database:
first those of whole images, then those of regions.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hashsvc.bank import Bank, NewContent
from hashsvc.clock import utc_now
from hashsvc.matching import RetroactiveMatcher, Tier, sighted
from hashsvc.scanning import SeenImage
from hashsvc.settings import Settings
from hashsvc.signals import DHASH, PDQ, PHASH, REGION, SignalGroup, Signature, View
from hashsvc.store import Database, candidates, matches, scans
from hashsvc.store.ids import KeyId, PublicContentId, ScanId, random_id
from index import warm_up

_SEED = 1
# How many region codes `sign_image` makes of a 1280-pixel photograph: kept codes, codes of parts,
# mirrored codes.
_REGIONS = {View.WHOLE: 100, View.PART: 380, View.MIRROR: 480}
# Views of a whole image: eight poses, and trimmed.
_WHOLES = [each for each in View if each is not View.PART]
_SMALL = (PDQ, PHASH, DHASH)
_COPIES = 5
_AT_A_TIME = 250
_PLANTED = (PDQ, REGION)


def main() -> None:
    """Run the benchmark, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        result = _measure(Path(folder), given.candidates, given.runs)
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")
    _print(result)


def _measure(folder: Path, count: int, runs: int) -> dict[str, Any]:
    rng = random.Random(_SEED)
    settings = Settings(data_dir=folder, _env_file=None)
    database = Database.of(settings)
    database.migrate()
    contents = [_content(rng) for _ in range(runs)]
    _keep(database, rng, contents, count)
    thread = RetroactiveMatcher(settings, database)
    thread.start()
    before = time.process_time()
    times = [_match(database, each) for each in contents]
    thread.stop()
    spent = time.process_time() - before
    size = sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
    database.close()
    return {
        "command": f"python -m benchmarks.retroactive --candidates {count} --runs {runs}",
        "seed": _SEED,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "numba", "cryptography")},
        },
        "candidates": count,
        "codes_a_candidate": sum(_REGIONS.values()) + 3 * len(_WHOLES),
        "bytes_a_candidate": round(size / count),
        "matches_a_content": 2 * _COPIES,
        "processor_seconds_a_content": round(spent / runs, 2),
        "seconds_to_whole_matches": [round(each[0], 3) for each in times],
        "seconds_to_all_matches": [round(each[1], 3) for each in times],
    }


def _content(rng: random.Random) -> Signature:
    groups = [SignalGroup(each.name, View.WHOLE, rng.randbytes(each.bits // 8)) for each in _SMALL]
    return Signature.from_groups(
        100, [*groups, SignalGroup(REGION.name, View.WHOLE, rng.randbytes(32 * 100))]
    )


def _candidate(rng: random.Random) -> dict[tuple[str, View], bytes]:
    codes = {
        (each.name, view): rng.randbytes(each.bits // 8) for each in _SMALL for view in _WHOLES
    }
    return codes | {
        (REGION.name, view): rng.randbytes(REGION.bits // 8 * size)
        for view, size in _REGIONS.items()
    }


def _keep(database: Database, rng: random.Random, contents: list[Signature], count: int) -> None:
    """Store candidates, with copies of each content spread among them."""
    scan_id = ScanId(random_id())
    with database.write() as connection:
        scans.add(connection, scan_id, KeyId("benchmark"), ["https://example.org/"], utc_now())
    planted = [(each, profile) for each in contents for profile in _PLANTED for _ in range(_COPIES)]
    places = dict(zip(rng.sample(range(count), len(planted)), planted, strict=True))
    for first in range(0, count, _AT_A_TIME):
        with database.write() as connection:
            for number in range(first, min(first + _AT_A_TIME, count)):
                codes = _candidate(rng)
                if number in places:
                    content, profile = places[number]
                    mine = content.codes(profile)[:20].tobytes()
                    view = View.MIRROR if profile is PDQ else View.WHOLE
                    codes[profile.name, view] = mine + codes[profile.name, view][len(mine) :]
                groups = [SignalGroup(name, view, each) for (name, view), each in codes.items()]
                url = f"https://example.org/{number}.jpg"
                signature = Signature.from_groups(100, groups)
                seen = sighted(SeenImage(url, url, rng.randbytes(32), (signature,)))
                assert seen is not None
                day = utc_now().date().isoformat()
                candidates.keep(connection, seen, scan_id=scan_id, day=day)


def _match(database: Database, content: Signature) -> tuple[float, float]:
    """Return the seconds until the matches of whole images are stored, and until all are."""
    bank = Bank(database)
    number = bank.open_case(adult=True, actor="benchmark").number
    new = NewContent(PublicContentId(random_id()), content)
    bank.add_contents(number, [new], actor="benchmark")
    start = time.perf_counter()
    whole = _wait(lambda: _found(database, number) >= _COPIES, start)
    return whole, _wait(lambda: _found(database, number) >= 2 * _COPIES, start)


def _found(database: Database, number: str) -> int:
    with database.read() as connection:
        found = matches.search(connection, state=None, scan_id=None, limit=2 * _COPIES)
    assert all(each.tier == Tier.CERTAIN for each in found)
    return sum(each.case == number for each in found)


def _wait(is_met: Callable[[], bool], start: float) -> float:
    while not is_met():
        if time.perf_counter() - start > 120:
            sys.exit("A planted copy was not found.")
        time.sleep(0.005)
    return time.perf_counter() - start


def _print(result: dict[str, Any]) -> None:
    sys.stdout.write(
        f"{result['candidates']:,} candidates of {result['codes_a_candidate']:,} codes, "
        f"{result['bytes_a_candidate']:,} bytes each in the file; {result['machine']}.\n"
    )
    for name, which in (("whole", "PDQ"), ("all", "regions alone")):
        times = result[f"seconds_to_{name}_matches"]
        sys.stdout.write(
            f"matches by {which}: median {statistics.median(times):.2f} s of {len(times)} runs, "
            f"{max(times):.2f} at most\n"
        )
    sys.stdout.write(
        f"{result['processor_seconds_a_content']} s of processor time per content, with polling\n"
    )
    sys.stdout.write(f"{result['command']}, seed {result['seed']}\n")


if __name__ == "__main__":
    main()
