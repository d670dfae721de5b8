"""The command line of the benchmark; see the package."""

import argparse
import json
import os
import platform
import shlex
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import robustness
from benchmarks.alterations import SINGLES
from benchmarks.robustness.measuring import RunPlan, find_photos, measure, working
from benchmarks.robustness.plot import draw_plot
from benchmarks.robustness.report import print_report
from benchmarks.robustness.work import SourcePhoto

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = {"chain"} | {name for each in SINGLES for name in (each.family, each.name)}
    if wrong := set(options.only) - names:
        parser.error(f"--only does not accept {sorted(wrong)}; choose from {sorted(names)}.")
    if missing := [str(folder) for folder in options.photos if not folder.is_dir()]:
        parser.error(f"--photos must name existing folders; missing: {', '.join(missing)}.")
    console = Console(width=None if sys.stdout.isatty() else 120)
    plan = RunPlan(
        seed=options.seed,
        only=frozenset(options.only),
        chains=options.chains,
        pairs=options.pairs,
    )
    started = time.perf_counter()
    try:
        photos = find_photos(options.photos, limit=options.limit, seed=options.seed)
        with working(options.workers, Console(stderr=True)) as workers:
            used, figures = measure(photos, plan, workers)
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        return _INTERRUPTED
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    about = _about(arguments) | {
        "seed": plan.seed,
        "photos": used,
        "files_left_out": len(photos) - used,
        "chains_a_photo": plan.chains_a_photo,
        "pairs_drawn": _how_drawn(plan, used),
        "seconds": round(time.perf_counter() - started, 1),
    }
    for name, value in about.items():
        console.print(f"{name:15} {value}", highlight=False, soft_wrap=True)
    print_report(figures, console)
    if options.json:
        options.json.write_text(json.dumps(about | figures.as_json(), indent=1) + "\n")
    if options.plot:
        draw_plot(figures, options.plot)
    return 0


def _parser() -> argparse.ArgumentParser:
    about = (robustness.__doc__ or "").strip().partition("\n")[0]
    parser = argparse.ArgumentParser("python -m benchmarks.robustness", description=about)
    parser.add_argument(
        "--photos",
        type=Path,
        action="append",
        default=[],
        help="a folder of photographs; may be repeated; default: those in the scikit-image wheel",
    )
    parser.add_argument("--limit", type=int, help="use only this many files, chosen at random")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        help="measure only this family or kind, or `chain`; may be repeated",
    )
    parser.add_argument(
        "--chains", type=int, default=RunPlan().chains, help="random chains for each photo"
    )
    parser.add_argument("--seed", type=int, default=RunPlan().seed)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument(
        "--pairs", type=int, default=RunPlan().pairs, help="pairs of different photos to judge"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a plot of the recalls (PNG) here")
    return parser


def _about(arguments: list[str] | None) -> dict[str, Any]:
    given = sys.argv[1:] if arguments is None else arguments
    names = ("pillow", "numpy", "numba", "imagehash")
    return {
        "machine": f"{platform.processor() or platform.machine()}, {platform.platform()}",
        "versions": {"python": platform.python_version()} | {each: version(each) for each in names},
        "command": shlex.join(["python", "-m", "benchmarks.robustness", *given]),
    }


def _how_drawn(plan: RunPlan, photos: int) -> str:
    wanted = len(plan.drawn(SourcePhoto("", Path()), photos))
    return (
        f"every content against {wanted} of the {len(plan.candidates)} counted copies of each "
        "other photo, drawn anew for each; pairs in which an image shows both photos are left out"
    )


if __name__ == "__main__":
    sys.exit(main())
