"""
Simulates months of removal requests, and checks the service's record against what happened.

    python -m benchmarks.removal [--months 3] [--seed N] [--json FILE]

Ten platforms on a small internet behave differently: they are fast or slow, refuse, ignore the
notice, upload the image again, hide, move or replace the image, leave it in a cache, or answer 200
for a missing page. The clock moves by the hour, so nothing sleeps. Every step, notice, mail and
figure is compared with an independent ledger. Every evidence bundle is verified; copies of it with
one byte altered must not pass. The exit code is 0 only if nothing differs.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from benchmarks.world.expected import Figures, figures_of, life_of
from benchmarks.world.institute import BEGIN, Institute
from benchmarks.world.internet import made_up_photo
from benchmarks.world.ledger import LedgerEntry
from hashsvc.removal import RequestView
from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence.bundle import entries_of, write_bundle
from hashsvc.removal.evidence.verify import verify_bundle
from hashsvc.removal.statistics.compute import Statistics, StatisticsGroup, statistics
from hashsvc.settings import Settings
from hashsvc.store import notices
from hashsvc.store.ids import NoticeId, RequestId

_DAYS_A_MONTH = 30
_FLIPS_A_BUNDLE = 12
_SHOWN = (
    "requests", "gone", "up", "unreachable", "withdrawn", "refused", "silent", "reappeared",
    "remove-median", "hours-beyond-dsa-timely", "hours-beyond-be-order",
)  # fmt: skip

console = Console(width=None if sys.stdout.isatty() else 110)


@dataclass(slots=True)
class RunComparison:
    """
    The differences between the service's record and the ledger.

    Attributes:
        compared: Number of facts compared, by kind.

        differences: A line about each difference.
    """

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def check(self, kind: str, name: str, actual: object, expected: object) -> None:
        """Compare a fact in the service's record with the ledger."""
        self.compared[kind] += 1
        if actual != expected:
            self.differences.append(f"{kind}, {name}: recorded {actual}, expected {expected}")


def compare(institute: Institute, *, flips: int = _FLIPS_A_BUNDLE) -> RunComparison:
    """
    Compare the service's whole record with the ledger.

    Args:
        institute: The institute, after its simulated months.

        flips: Number of bytes of each bundle that are altered, one at a time.
    """
    outcome = RunComparison()
    outcome.differences += institute.surprises
    views = {each.request.id: each for each in institute.services.removal.views()}
    entries = {str(each.request): each for each in institute.ledger.entries}
    outcome.check("request", "ids", sorted(views), sorted(entries))
    for request_id in sorted(views.keys() & entries.keys()):
        _compare_request(outcome, views[request_id], entries[str(request_id)])
    _compare_notices(outcome, institute, list(views.values()))
    actual = statistics(
        views.values(),
        since=BEGIN,
        until=institute.clock.now,
        now=institute.clock.now,
        law=institute.services.removal.context.letters.law,
    )
    _compare_figures(outcome, institute, actual)
    _compare_bundles(outcome, institute, views, flips)
    outcome.check("audit log", "verified", institute.services.log_signer.verify() > 0, True)
    return outcome


def _compare_request(outcome: RunComparison, view: RequestView, entry: LedgerEntry) -> None:
    name = f"{entry.platform} {view.request.id[:6]}"
    actual = [(each.at, each.state, each.outcome) for each in view.events]
    expected = [(each.at, each.state, each.seen) for each in entry.lines]
    outcome.compared["step"] += max(len(actual), len(expected))
    outcome.check("steps", name, actual, expected)
    parent = entry.parent.request if entry.parent else None
    outcome.check("link", name, (view.request.parent_id, view.request.link), (parent, entry.link))
    urls = view.request.page_url, view.request.image_url
    outcome.check("place", name, urls[1], entry.copy.image_url)
    sent = entry.first("sent")
    up = entry.absent_at - sent if entry.absent_at and sent and entry.state == "gone" else None
    outcome.check("time to removal", name, view.removed_after, up)
    outcome.check("next check", name, view.request.check_at, entry.check_at)
    if view.notice is not None:
        way = view.notice.kind, view.notice.channel, view.notice.basis
        outcome.check("way", name, way, (entry.kind, entry.channel, entry.basis))


def _compare_notices(
    outcome: RunComparison, institute: Institute, views: Sequence[RequestView]
) -> None:
    named: dict[str, tuple[str, str, set[str]]] = {}
    for view in views:
        for each in view.notices:
            place = named.setdefault(each.id, (each.kind, each.platform, set()))
            place[2].add(view.request.image_url)
    actual = Counter((kind, platform, frozenset(urls)) for kind, platform, urls in named.values())
    expected = Counter((each.kind, each.platform, each.images) for each in institute.ledger.notices)
    outcome.compared["notice"] += sum(expected.values())
    outcome.check("notices", "all", actual, expected)
    arrived = [(each.to[0], _images_in(each.message)) for each in institute.post.letters]
    outcome.compared["mail"] += len(arrived)
    outcome.check("mails", "all", arrived, institute.expected_mails)


def _images_in(message: object) -> frozenset[str]:
    """Return the image URLs in the JSON file attached to a mail."""
    for part in message.iter_attachments():  # type: ignore[attr-defined]
        if part.get_content_type() == "application/json" and "xarf" not in part.get_filename():
            content = json.loads(part.get_content())
            return frozenset(each["image_url"] for each in content["locations"])
    return frozenset()


def _compare_figures(outcome: RunComparison, institute: Institute, actual: Statistics) -> None:
    everyone, now = institute.ledger.entries, institute.clock.now
    groups: dict[tuple[str | None, ...], list[LedgerEntry]] = {("all", None, None, None): []}
    for each in everyone:
        if each.was_sent:
            groups["all", None, None, None].append(each)
            groups.setdefault(("platform", each.platform, None, None), []).append(each)
            way = ("way", each.platform, each.channel, each.basis)
            groups.setdefault(way, []).append(each)
    names = [(each.by, each.platform, each.channel, each.basis) for each in actual.groups]
    outcome.check("groups", "all", sorted(names, key=str), sorted(groups, key=str))
    for group, name in zip(actual.groups, names, strict=True):
        expected = figures_of(groups.get(name, ()), everyone, now)
        _compare_group(outcome, " / ".join(filter(None, name)), group, expected)
        lasted = sorted(life_of(each, now).up for each in groups.get(name, ()))
        outcome.check("durations", str(name), group.removal.count, len(lasted))


def _compare_group(
    outcome: RunComparison, name: str, group: StatisticsGroup, expected: Figures
) -> None:
    outcome.check("figures", name, sorted(group.figures), sorted(expected))
    for figure, (value, n) in expected.items():
        actual = group.figures.get(figure)
        if actual is None:
            continue
        near = (
            value is not None and actual.value is not None and abs(value - actual.value) < 1e-9
        ) or value is actual.value
        outcome.check("figure", f"{name}: {figure}", value if near else actual.value, value)
        outcome.check("figure's n", f"{name}: {figure}", actual.n, n)


def _compare_bundles(
    outcome: RunComparison, institute: Institute, views: Mapping[RequestId, RequestView], flips: int
) -> None:
    cases: dict[str, list[RequestView]] = {}
    for each in institute.ledger.entries:
        view = views.get(RequestId(str(each.request)))
        if view is not None and each.was_sent:
            cases.setdefault(each.case, []).append(view)
    dice = random.Random(len(cases))
    key = institute.services.log_signer.key()
    for case, theirs in cases.items():
        for some in (theirs, theirs[:1]):
            bundle = bundle_of(institute, some, case)
            found = verify_bundle(bundle, key.public())
            ids = tuple(each.request.id for each in some)
            outcome.check("bundle", "requests", found.requests, ids)
            steps = [each for view in some for each in view.events]
            checks = sum(each.outcome is not None for each in steps)
            proven = (found.checks, found.proven, found.unproven)
            outcome.check("bundle", "steps", proven, (checks, len(steps), 0))
            for altered in _altered(bundle, dice, flips):
                outcome.check("altered byte", "found", _is_found(altered, institute), True)


def bundle_of(institute: Institute, views: Sequence[RequestView], case: str) -> bytes:
    """Return the evidence bundle of some of a case's requests."""
    services = institute.services
    excerpt = services.log_signer.prove(entries_of(views))
    documents: dict[NoticeId, dict[str, bytes]] = {}
    with services.database.read() as connection:
        for each in {notice.id: notice for view in views for notice in view.notices}:
            forms = notices.formats(connection, each)
            found = {form: notices.document(connection, each, form) for form in forms}
            documents[each] = {form: content for form, content in found.items() if content}
    now, key = services.clock(), services.log_signer.key()
    return write_bundle(views, documents, excerpt, key, now=now, never=[case])


def _altered(bundle: bytes, dice: random.Random, flips: int) -> Iterator[bytes]:
    for _ in range(flips):
        place = dice.randrange(len(bundle))
        changed = bytearray(bundle)
        changed[place] ^= 1 << dice.randrange(8)
        yield bytes(changed)


def _is_found(altered: bytes, institute: Institute) -> bool:
    try:
        verify_bundle(altered, institute.services.log_signer.key().public())
    except BadBundleError:
        return True
    return False


def main() -> int:
    """Run the simulation, compare, and return the exit code."""
    parser = argparse.ArgumentParser(description="Simulate months of removal requests.")
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # The service's log lines about each item are not needed here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(
            data_dir=Path(data),
            fetch_networks="127.0.0.0/8",
            fetch_ports=frozenset(range(1, 65536)),
        )
        with Institute(settings, made_up_photo, options.seed) as institute:
            institute.live(options.months * _DAYS_A_MONTH)
            lived_s = time.monotonic() - began
            outcome = compare(institute)
            _show(institute, outcome)
    console.print(
        f"{options.months} months, seed {options.seed}: {lived_s:.0f} s to simulate, "
        f"{time.monotonic() - began - lived_s:.0f} s to compare."
    )
    if options.json is not None:
        report = {"compared": dict(outcome.compared), "differences": outcome.differences}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    good = not outcome.differences
    console.print(f"[bold]Result:[/] {'nothing differs' if good else 'DIFFERENT'}.")
    return 0 if good else 1


def _show(institute: Institute, outcome: RunComparison) -> None:
    everyone, now = institute.ledger.entries, institute.clock.now
    table = Table(title="What happened, by platform", title_justify="left")
    for heading in ("platform", *_SHOWN):
        table.add_column(heading, overflow="fold")
    for platform in dict.fromkeys(each.platform for each in everyone):
        expected = figures_of(
            [each for each in everyone if each.platform == platform], everyone, now
        )
        values = (expected[each][0] for each in _SHOWN)
        table.add_row(platform, *("–" if each is None else f"{each:g}" for each in values))
    console.print(table)
    counted = ", ".join(f"{number:,} {kind}" for kind, number in outcome.compared.items())
    console.print(f"Compared: {counted}.")
    console.print(f"Answers after the proof of removal, which are not recorded: {institute.late}.")
    for each in outcome.differences[:40]:
        console.print(f"  {each}", style="red", markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
