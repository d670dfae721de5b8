"""The command line of the benchmark; see the package."""

import argparse
import functools
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import matching
from benchmarks.matching.engines import ENGINES, versions
from benchmarks.matching.generated import skewed_codes, uniform_codes
from benchmarks.matching.measuring import measure
from benchmarks.matching.photographed import photographed
from benchmarks.matching.plot import draw_plot
from benchmarks.matching.queries import MIXTURE, QUERIES
from benchmarks.matching.report import print_rows
from benchmarks.matching.skew import skew_of
from benchmarks.matching.workload import FULL_EFFORT, Data, Effort

_FRESH = 4000
_GENERATED = {"uniform": uniform_codes, "skewed": skewed_codes}
_INTERRUPTED = 130


def main(arguments: list[str] | None = None, effort: Effort = FULL_EFFORT) -> int:
    """Run the benchmark, measure as much as `effort` says, and return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.drawn_from:
        if not options.plot:
            parser.error("--from needs --plot.")
        rows = [
            row for file in options.drawn_from for row in json.loads(file.read_text())["results"]
        ]
        draw_plot(rows, options.plot)
        return 0
    if options.photos and not options.photos.is_dir():
        parser.error("--photos must name an existing folder.")
    try:
        figures = _run(options, sys.argv[1:] if arguments is None else arguments, effort)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.plot:
        draw_plot(figures["results"], options.plot)
    return 0


def _run(options: argparse.Namespace, arguments: list[str], effort: Effort) -> dict[str, Any]:
    console = Console(width=None if sys.stdout.isatty() else 180)
    log = functools.partial(console.print, highlight=False, soft_wrap=True)
    engines = [each for each in ENGINES if each.name in options.engines]
    figures = _about(options, arguments)
    for name, value in figures.items():
        log(f"{name:8} {value}")
    figures |= {"skew": [], "results": [], "results_64": []}
    for count in options.n:
        for kind in options.data:
            for bits in options.bits:
                if (kind, bits) == ("photos", 64):
                    log("NOT MEASURED: photos, 64 bits: images have too few such codes.")
                    continue
                log(f"\n{count:,} {kind} codes of {bits} bits")

                def load(count: int = count, kind: str = kind, bits: int = bits) -> Data:
                    return _load(options, kind, count, bits, figures["skew"], log)

                rows = measure(load, seed=options.seed, engines=engines, effort=effort, log=log)
                print_rows(rows, console)
                results = figures["results" if bits == 256 else f"results_{bits}"]
                results += [row.as_json() for row in rows]
                if options.json:
                    # Write after each run, because a larger run may run out of memory.
                    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _load(
    options: argparse.Namespace,
    kind: str,
    count: int,
    bits: int,
    skews: list[dict[str, Any]],
    log: Callable[[str], None],
) -> Data:
    """Return codes, and log a description of them."""
    origins = None
    started = time.perf_counter()
    if kind == "photos":
        real = photographed(
            options.photos, most=max(options.n), seconds=options.seconds, seed=options.seed
        )
        stored, about = real.extended(count, seed=options.seed)
        fresh, hashed = real.fresh, real.stored[:count]
        origins = real.origins[:count]
    else:
        make = _GENERATED[kind]
        stored = make(count, bits, seed=options.seed)
        fresh = make(_FRESH, bits, seed=options.seed, stream="fresh")
        about, hashed = "by formula", stored
    skew = skew_of(hashed, origins)
    log(f"codes    {about}; {time.perf_counter() - started:.1f} s")
    log(f"skew     {skew}")
    skews.append({"n": count, "data": kind, "bits": bits, "about": about} | skew.as_json())
    return Data(kind, stored, fresh)


def _about(options: argparse.Namespace, arguments: list[str]) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.platform()}",
        "versions": {"python": platform.python_version()} | versions(),
        "command": shlex.join(["python", "-m", "benchmarks.matching", *arguments]),
        "seed": options.seed,
        "threads": 1,
        "queries": f"{QUERIES}, the same for every engine: {MIXTURE}",
    }


def _processor() -> str:
    try:
        listed = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        listed = []
    names = [line.partition(":")[2].strip() for line in listed if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _parser() -> argparse.ArgumentParser:
    about = (matching.__doc__ or "").strip().partition("\n")[0]
    parser = argparse.ArgumentParser("python -m benchmarks.matching", description=about)
    names = [each.name for each in ENGINES]
    parser.add_argument(
        "--n",
        type=_count,
        nargs="+",
        default=[1_000_000],
        help="number of stored codes; several are measured in turn",
    )
    parser.add_argument(
        "--data",
        nargs="+",
        choices=[*_GENERATED, "photos"],
        default=["skewed"],
        help="codes of fair bits, of bits as skewed as in real codes, or of photographs",
    )
    parser.add_argument("--bits", type=int, nargs="+", choices=[256, 64], default=[256, 64])
    parser.add_argument("--engines", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--photos",
        type=Path,
        help="a folder of photographs; default: those in the scikit-image wheel",
    )
    parser.add_argument(
        "--seconds", type=float, default=120, help="longest time to hash photographs"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a plot of the latencies (PNG) here")
    parser.add_argument(
        "--from",
        dest="drawn_from",
        type=Path,
        nargs="+",
        help="measure nothing; plot the JSON files of earlier runs",
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1000:
        raise argparse.ArgumentTypeError("--n must be at least 1000.")
    return count


if __name__ == "__main__":
    sys.exit(main())
