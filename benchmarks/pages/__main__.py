"""
Measures which images of pages the scanner finds, compared with headless Chromium.

    python -m benchmarks.pages [--json OUT] [--pages 255] [--seed 1] [--only STYLE] [--render]

The pages imitate sites of many kinds, such as imageboards and shops, and are served on loopback.
Chromium runs each page's scripts, scrolls to its end, and reports the images that it shows at
100 × 100 pixels or more. These include backgrounds, posters and images inside frames. A `Looker`
looks at the same page, without a renderer unless `--render` is given. The benchmark compares by
path and query which images both found, and signs nothing.

On half of the pages, chosen by the seed, the pictures are on another host than the page.

A third of the pages, chosen by a hash of their names, is kept aside: nobody tunes the scanner on
it.
Pages on which only a browser can find images are counted separately. The exit code is 1 if less
than 0.99 of the shown images were found in the shown size or another one, or if Chromium showed
nothing on a page.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.pages.browser import look_with_chromium
from benchmarks.pages.catalogue import RENDERED, STYLES, make_pages
from benchmarks.pages.making import MadePage
from benchmarks.pages.measuring import Figures, PageResult, look_with_product

_LEAST_SHARE = 0.99
_MOST_LISTED = 3


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if wrong := set(options.only) - STYLES.keys():
        parser.error(f"--only does not accept {sorted(wrong)}; choose from {sorted(STYLES)}.")
    command = shlex.split(options.chromium)
    if not command or shutil.which(command[0]) is None:
        print("Chromium was not found; name it with --chromium.", file=sys.stderr)
        return 2
    pages = make_pages(options.pages, seed=options.seed)
    pages = [each for each in pages if not options.only or each.style in options.only]
    about = _about(arguments, command) | {"seed": options.seed, "pages": len(pages)}
    for name, value in about.items():
        print(f"{name:9} {value}")
    seen = look_with_chromium(command, pages)
    results = look_with_product(pages, seen, renderer=options.chromium if options.render else "")
    # Every page shows something; if not, the browser or the page is at fault.
    silent = [each.name for each in pages if not seen.shown.get(each.name)]
    parts = _parts(results)
    _print_figures(parts)
    _print_misses(results)
    _print_needless(results)
    if silent:
        print(f"\nChromium showed nothing on: {', '.join(silent)}")
    if options.json:
        options.json.write_text(json.dumps(about | _as_json(parts, results, silent), indent=1))
    return int(bool(silent) or parts["all"].share_found_in_some_size < _LEAST_SHARE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.pages",
        description="Measure which images of pages are found, compared with Chromium.",
    )
    parser.add_argument("--pages", type=int, default=5 * len(STYLES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", action="append", default=[], help="only this style; may be repeated"
    )
    parser.add_argument(
        "--chromium", default=_default_chromium(), help="Chromium's command, with switches"
    )
    parser.add_argument(
        "--render", action="store_true", help="let the scanner run scripts with Chromium, too"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser


def _default_chromium() -> str:
    found = shutil.which("chromium")
    # Chromium's own sandbox does not work for root.
    switch = " --no-sandbox" if os.geteuid() == 0 else ""
    return f"{shlex.quote(found)}{switch}" if found else ""


def _about(arguments: list[str] | None, chromium: Sequence[str]) -> dict[str, Any]:
    given = sys.argv[1:] if arguments is None else arguments
    told = subprocess.run(
        [*chromium, "--version"], capture_output=True, text=True, check=False, timeout=30
    ).stdout.strip()
    cores = len(os.sched_getaffinity(0))
    versions = {name: version(name) for name in ("selectolax", "tinycss2", "tree-sitter", "httpx2")}
    return {
        "machine": f"{platform.processor() or platform.machine()}, {platform.platform()}",
        "load": f"{os.getloadavg()[0]:.1f} on {cores} cores before it began",
        "versions": {"python": platform.python_version(), "chromium": told} | versions,
        "command": shlex.join(["python", "-m", "benchmarks.pages", *given]),
    }


def _parts(results: Sequence[PageResult]) -> dict[str, Figures]:
    counted = [each for each in results if each.page.style not in RENDERED]
    return {
        "all": Figures(counted),
        "kept aside": Figures([each for each in counted if each.page.is_kept_aside]),
        "not kept aside": Figures([each for each in counted if not each.page.is_kept_aside]),
        "two hosts": Figures([each for each in counted if each.page.has_image_host]),
        "needs a browser": Figures([each for each in results if each.page.style in RENDERED]),
    }


def _print_figures(parts: dict[str, Figures]) -> None:
    print(f"\n{'':26}" + "".join(f"{name:>17}" for name in parts))
    columns = [each.as_json() for each in parts.values()]
    for name in columns[0]:
        print(f"{name:26}" + "".join(f"{each[name]:>17}" for each in columns))


def _print_misses(results: Sequence[PageResult]) -> None:
    for page in results:
        if not page.missed:
            continue
        kind = "needs a browser" if page.page.style in RENDERED else "miss"
        aside = ", kept aside" if page.page.is_kept_aside else ""
        print(
            f"\n{kind}  {page.page.name}{aside}: {len(page.missed)} of {len(page.shown)}, "
            f"{len(page.missed_in_every_size)} of them in no other size either"
        )
        for key in page.missed[:_MOST_LISTED]:
            print(f"      {key}")


def _print_needless(results: Sequence[PageResult]) -> None:
    """Print the needless requests of each style, with one as an example."""
    by_style: dict[str, list[str]] = {}
    for each in results:
        by_style.setdefault(each.page.style, []).extend(each.needless)
    print("\nneedless requests")
    for style, keys in by_style.items():
        if keys:
            print(f"{style:20} {len(keys):>4}, such as {keys[0]}")


def _as_json(
    parts: dict[str, Figures], results: Sequence[PageResult], silent: list[str]
) -> dict[str, Any]:
    return {
        "figures": {name: each.as_json() for name, each in parts.items()},
        "misses": {each.page.name: each.missed for each in results if each.missed},
        "needless": {each.page.name: each.needless for each in results if each.needless},
        "pages_that_showed_nothing": silent,
        "pages_digest": _digest([each.page for each in results]),
    }


def _digest(pages: Sequence[MadePage]) -> str:
    """Return a digest of all documents, to tell whether two runs had the same pages."""
    digest = hashlib.sha256()
    for page in pages:
        for path, document in sorted(page.documents.items()):
            digest.update(path.encode() + b"\0" + document.body + b"\0")
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
