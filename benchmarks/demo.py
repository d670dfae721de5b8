"""
Shows the whole job on real photographs: case, signals, scan, matches, removal request, re-check.

    python -m benchmarks.demo [--photos DIR]

The exit code is 0 only if the scan found every copy that the signals promise to find, and reported
no unrelated photo.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.alterations import DEMONSTRATED, Demonstrated
from hashsvc.access import Role
from hashsvc.cli.client import Client
from hashsvc.cli.hashing import as_record
from hashsvc.cli.scans import follow
from hashsvc.matching import Tier, compare
from hashsvc.signals import PDQ, REGION, Signature, sign_image
from tests.helpers.photos import Photo, as_jpeg, load_photos
from tests.helpers.service import running_service, token_for
from tests.helpers.site import Site

_CASE_PHOTOS = 4
_MOST_PHOTOS = 40
_UNRELATED_A_PAGE = 3
_GAP_S = 1.0
# Copies that only regions can find are promised only for photos with this many regions.
_ENOUGH_REGIONS = 20

console = Console(width=None if sys.stdout.isatty() else 110)


@dataclass(frozen=True, slots=True)
class Planted:
    """An altered copy on the small site."""

    image_url: str
    alteration: Demonstrated
    photo: str
    promised: bool


def main() -> int:
    """Run the demonstration and return its exit code."""
    parser = argparse.ArgumentParser(description="The whole job on real photographs.")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    folder: Path | None = parser.parse_args().photos
    if folder is not None and not folder.is_dir():
        parser.error("--photos must name an existing folder.")
    chosen = _choose(load_photos(folder, limit=_MOST_PHOTOS))
    if chosen is None:
        console.print("The demonstration needs at least 6 different, detailed photographs.")
        return 2
    with tempfile.TemporaryDirectory() as data, Site() as site:
        settings = {
            # The scanner connects to public addresses only, unless the settings allow others.
            "fetch_networks": "127.0.0.0/8",
            "fetch_ports": str(site.port),
            "recheck_gap_s": str(_GAP_S),
        }
        with running_service(Path(data), settings) as url:
            return _run(Path(data), url, site, *chosen)


def _run(data: Path, url: str, site: Site, mine: list[Photo], others: list[Photo]) -> int:
    with (
        Client(url, token_for(data, Role.INTAKE)) as intake,
        Client(url, token_for(data, Role.ANALYST)) as analyst,
    ):
        _open_case(intake, mine)
        planted, pages = _plant(site, mine, others)
        matches = _scan(analyst, pages)
        good = _judge(planted, matches)
        if matches:
            good &= _remove(analyst, site, matches)
    verdict = "every promised copy found, nothing unrelated reported" if good else "FAILED"
    console.print(f"\n[bold]Result:[/] {verdict}.")
    return 0 if good else 1


def _choose(photos: list[Photo]) -> tuple[list[Photo], list[Photo]] | None:
    """Return the photos of the case and unrelated ones, leaving out plain and repeated photos."""
    kept: list[tuple[Photo, Signature]] = []
    for photo in photos:
        signature = sign_image(photo.data)
        same = (compare(before, signature).tier is Tier.CERTAIN for _, before in kept)
        if signature.quality >= PDQ.min_quality and not any(same):
            kept.append((photo, signature))
    left_out = len(photos) - len(kept)
    console.print(f"{len(kept)} photographs. {left_out} left out: too plain, or a copy of another.")
    if len(kept) < _CASE_PHOTOS + 2:
        return None
    ordered = [photo for photo, _ in kept]
    return ordered[:_CASE_PHOTOS], ordered[_CASE_PHOTOS:]


def _open_case(intake: Client, photos: list[Photo]) -> None:
    opened = intake.post("/v1/cases", {"adult": True})
    contents = [as_record(sign_image(photo.data).whole()) for photo in photos]
    body = {"contents": contents}
    intake.post(f"/v1/cases/{opened['number']}/contents", body)
    images, sent = sum(len(photo.data) for photo in photos), len(json.dumps(body))
    console.print(
        f"\n[bold]Case {opened['number']}[/] is open. {len(photos)} photos were hashed here: "
        f"{sent:,} bytes of signals\nwere sent, and none of the photos' {images:,} bytes."
    )


def _plant(site: Site, mine: list[Photo], others: list[Photo]) -> tuple[list[Planted], list[str]]:
    unrelated = [
        site.add_image(f"/photo/{number}.jpg", as_jpeg(photo.image))
        for number, photo in enumerate(others)
    ]
    planted: list[Planted] = []
    pages: list[str] = []
    for number, photo in enumerate(mine):
        regions = sum(
            each.signal.algorithm == REGION.name for each in sign_image(photo.data).whole().signals
        )
        for alteration in DEMONSTRATED:
            other = others[len(pages) % len(others)].image
            path = f"/upload/{number}-{alteration.name}.jpg"
            image_url = site.add_image(path, alteration(photo.image, other))
            promised = alteration.by_whole or regions >= _ENOUGH_REGIONS
            planted.append(Planted(image_url, alteration, photo.name, promised))
            beside = [
                unrelated[(len(pages) + step) % len(unrelated)] for step in range(_UNRELATED_A_PAGE)
            ]
            pages.append(site.add_page(f"/page/{len(pages)}", [beside[0], image_url, *beside[1:]]))
    console.print(
        f"\nA little web site at {site.url} now has {len(planted)} altered copies on "
        f"{len(pages)} pages,\namong {len(unrelated)} unrelated photos.\n"
    )
    return planted, pages


def _scan(analyst: Client, pages: list[str]) -> list[dict[str, Any]]:
    created = analyst.post("/v1/scans", {"urls": pages})
    (state,) = follow(analyst, created["scan"])
    console.print(f"Scanned {state['finished']} of {state['total']} reported pages.\n")
    matches: list[dict[str, Any]] = analyst.get("/v1/matches", scan=created["scan"], limit=1000)
    table = Table(title="Suspected re-uploads", title_justify="left")
    for heading in ("page", "image", "tier", "why", "bits"):
        table.add_column(heading, overflow="fold")
    for match in sorted(matches, key=lambda each: str(each["image_url"])):
        nearest = match["evidence"]["findings"][0]
        table.add_row(
            match["page_url"].partition("//")[2].partition("/")[2],
            match["image_url"].partition("//")[2].partition("/")[2],
            match["tier"],
            f"{nearest['algorithm']} {nearest['view']}"
            + (f", {nearest['regions']} regions" if nearest["regions"] else ""),
            str(nearest["distance"]),
        )
    console.print(table)
    return matches


def _judge(planted: list[Planted], matches: list[dict[str, Any]]) -> bool:
    """Print how many copies of each alteration were found; return whether the promise was kept."""
    reported = {match["image_url"] for match in matches}
    wrong = reported - {each.image_url for each in planted}
    good = not wrong
    console.print("\nFound, by alteration:")
    for alteration in DEMONSTRATED:
        copies = [each for each in planted if each.alteration is alteration]
        found = sum(each.image_url in reported for each in copies)
        beyond = [each for each in copies if not each.promised]
        word = f" ({len(beyond)} of photos with few regions, not promised)" if beyond else ""
        console.print(f"  {alteration.name:14} {found} of {len(copies)}{word}")
        good &= all(each.image_url in reported for each in copies if each.promised)
    console.print(f"  unrelated photos reported: {len(wrong)}")
    return good


def _remove(analyst: Client, site: Site, matches: list[dict[str, Any]]) -> bool:
    """Confirm all matches, raise one removal request, take its image off, and re-check."""
    for match in matches:
        analyst.post(f"/v1/matches/{match['match']}/verdict", {"confirmed": True})
    first = next(each for each in matches if each["tier"] == Tier.CERTAIN)
    request = analyst.post("/v1/removal-requests", {"match": first["match"]})
    path = f"/v1/removal-requests/{request['request']}"
    console.print(f"\n{len(matches)} confirmed. The notice to the platform of one of them:\n")
    console.print(
        request["notice_text"], style="dim", highlight=False, markup=False, soft_wrap=True
    )
    for state in ("approved", "sent"):
        analyst.post(f"{path}/moves", {"to": state})
    before = analyst.post(f"{path}/rechecks")
    console.print(f"Sent. Re-check: {before['outcome']}.")
    site.take_off(first["image_url"])
    console.print("The site takes the image off.")
    analyst.post(f"{path}/rechecks")
    time.sleep(_GAP_S)
    after = analyst.post(f"{path}/rechecks")
    seconds = after["request"]["removed_after_s"]
    if seconds is None:
        console.print(f"Re-check: {after['outcome']}; not known to be removed.")
        return False
    console.print(
        f"Two re-checks agree: {after['outcome']}; [bold]removed after {seconds:.1f} s[/]."
    )
    return bool(before["outcome"] == "still-there")


if __name__ == "__main__":
    sys.exit(main())
