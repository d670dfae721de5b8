"""The command line of the benchmark; see the package."""

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import inversion
from benchmarks.inversion.attacks import in_all_poses, pdq_signs, rebuilt_patches, rebuilt_wholes
from benchmarks.inversion.pictures import LearntPatches, Pictures, learnt_from, patches_of, stored
from benchmarks.inversion.scores import draw_sheet, print_scores, score
from hashsvc.signals import PDQ
from tests.helpers.photos import Photo, load_photos

_ATTACKED_SHARE = 1 / 3
_LEAST = 5


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if len(options.photos) > 2:
        parser.error("--photos must be given once or twice.")
    if missing := [str(folder) for folder in options.photos if not folder.is_dir()]:
        parser.error(f"--photos must name existing folders; missing: {', '.join(missing)}.")
    started = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    mine, theirs = _split([load_photos(folder) for folder in options.photos], rng)
    if min(len(mine), len(theirs)) < _LEAST:
        parser.error(
            f"There are too few photos: {len(mine)} to learn from and {len(theirs)} to attack; "
            f"at least {_LEAST} of each are needed."
        )
    learnt, attacked = learnt_from(mine, rng, options.crops), stored(theirs)
    learnt_patches = [patches_of(each.image) for each in mine]
    patches = _together([patches_of(each.image) for each in theirs])
    if min(sum(len(each.codes) for each in learnt_patches), len(patches.codes)) < _LEAST:
        parser.error("The photos have too few regions.")
    wholes = rebuilt_wholes(learnt, attacked, rng)
    parts = rebuilt_patches(learnt_patches, patches, rng)
    scores = [score(name, each, attacked.thumbnails) for name, each in wholes.items()]
    scores += [score(name, each, patches.pixels, retrieve=False) for name, each in parts.items()]
    about = _about(arguments) | {
        "seed": options.seed,
        "learnt_from": f"{len(mine)} photos, {len(learnt.whole)} pictures",
        "attacked": len(theirs),
        "nearest_learnt_pdq_bits": _nearest_learnt(learnt, attacked),
        "region_codes_a_photo_median": float(np.median([len(each) for each in attacked.regions])),
        "seconds": round(time.perf_counter() - started, 1),
    }
    for name, value in about.items():
        print(f"{name:28} {value}")
    print_scores(scores)
    if options.json:
        figures = about | {"scores": [asdict(each) for each in scores]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plot:
        draw_sheet(attacked.thumbnails, wholes, patches.pixels, parts, rng).save(options.plot)
    return 0


def _parser() -> argparse.ArgumentParser:
    about = (inversion.__doc__ or "").strip().partition("\n")[0]
    parser = argparse.ArgumentParser("python -m benchmarks.inversion", description=about)
    parser.add_argument(
        "--photos",
        type=Path,
        action="append",
        required=True,
        help="a folder of photographs; may be given twice",
    )
    parser.add_argument(
        "--crops", type=int, default=4, help="crops of each photograph to learn from"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a contact sheet (PNG) here")
    return parser


def _about(arguments: list[str] | None) -> dict[str, Any]:
    given = sys.argv[1:] if arguments is None else arguments
    names = ("numpy", "scipy", "scikit-image", "pillow", "numba")
    return {
        "machine": f"{platform.processor() or platform.machine()}, {platform.platform()}",
        "versions": {"python": platform.python_version()} | {each: version(each) for each in names},
        "command": shlex.join(["python", "-m", "benchmarks.inversion", *given]),
    }


def _together(some: Sequence[LearntPatches]) -> LearntPatches:
    return LearntPatches(
        np.concatenate([each.codes for each in some]),
        np.concatenate([each.pixels for each in some]),
    )


def _split(
    folders: Sequence[list[Photo]], rng: np.random.Generator
) -> tuple[list[Photo], list[Photo]]:
    if len(folders) == 2:
        return folders[0], folders[1]
    photos = [folders[0][number] for number in rng.permutation(len(folders[0]))]
    cut = round(len(photos) * _ATTACKED_SHARE)
    return photos[cut:], photos[:cut]


def _nearest_learnt(learnt: Pictures, attacked: Pictures) -> int:
    """Return the least PDQ distance between learnt and attacked photos, to reveal overlap."""
    agreement = pdq_signs(attacked.whole) @ in_all_poses(learnt)[0].T
    return int((PDQ.bits - agreement.max()) / 2)


if __name__ == "__main__":
    sys.exit(main())
