"""A content added after its copies were scanned is matched with them once, despite crashes."""

import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import ImageOps

from hashsvc.bank import Bank, ImageList, Lists, PendingContents
from hashsvc.matching import RetroactiveMatcher, Screen, Tier, compare, sighted
from hashsvc.scanning import SeenImage
from hashsvc.settings import Settings
from hashsvc.signals import (
    DHASH,
    PDQ,
    PHASH,
    POSSIBLE_REGIONS,
    REGION,
    Signal,
    Signature,
    View,
    ViewedSignal,
    sign_image,
)
from hashsvc.store import Database, candidates, scans, unmatched
from hashsvc.store.feedback_tables import unmatched as unmatched_table
from hashsvc.store.ids import CandidateId, KeyId, OrganisationId, PublicContentId, ScanId
from hashsvc.store.matches import Match
from tests.conftest import generated_photo, jpeg
from tests.helpers.cases import store_case, store_content
from tests.helpers.set_clock import START, SetClock
from tests.helpers.waiting import wait_until
from tests.scanning.support import OddSite, Service

MINE = generated_photo(31, (800, 600))
COPIES = {
    "recompressed": MINE,
    "mirrored": ImageOps.mirror(MINE),
    "cropped": MINE.crop((60, 60, 800, 600)),
    "captioned": ImageOps.expand(MINE, (0, 0, 0, 200), "white"),
}


def matcher(service: Service, **changed: int) -> RetroactiveMatcher:
    settings = service.settings.model_copy(update=changed)
    return RetroactiveMatcher(settings, service.database, service.clock)


def waiting(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(unmatched_table.select()).all())


def kept(database: Database) -> int:
    with database.read() as connection:
        return candidates.count(connection)


def scan_copies(service: Service, site: OddSite) -> tuple[str, set[str]]:
    """Scan a page of copies and other images before the case exists; return scan and copies."""
    copies = {site.add_image(f"/{name}.jpg", jpeg(each, 70)) for name, each in COPIES.items()}
    others = [
        site.add_image(f"/other{seed}.jpg", jpeg(generated_photo(seed))) for seed in range(60, 66)
    ]
    scan = service.scan(site.add_page("/page", [*copies, *others]))
    service.finish()
    return scan, copies


@pytest.mark.both_databases
def test_earlier_candidates_are_matched_as_a_new_scan_would_match_them(
    service: Service, site: OddSite, clock: SetClock
) -> None:
    scan, copies = scan_copies(service, site)
    assert service.matches() == []
    assert kept(service.database) == len(copies) + 6
    clock.advance(3600)
    service.open_case(MINE)
    assert matcher(service).work_once()
    found = {each.image_url: each for each in service.matches()}
    assert set(found) == copies
    for each in found.values():
        assert (each.scan_id, each.found_at, each.state) == (scan, clock(), "suspected")
        assert each.page_url == f"{site.url}/page"
        assert '"status":200' in each.facts.replace(" ", "")
    # The matches equal those of a new scan.
    service.open_case(MINE)
    assert {(each.image_url, each.tier, each.evidence) for each in found.values()} == {
        (each.image_url, each.tier, each.evidence) for each in rescanned(service, site)
    }
    assert waiting(service.database) == 1


def rescanned(service: Service, site: OddSite) -> list[Match]:
    before = {each.id for each in service.matches()}
    service.scan(f"{site.url}/page")
    service.finish()
    return [each for each in service.matches() if each.id not in before]


def test_a_content_is_matched_retroactively_once(service: Service, site: OddSite) -> None:
    _, copies = scan_copies(service, site)
    service.open_case(MINE)
    work = matcher(service)
    assert work.work_once()
    assert not work.work_once()
    assert waiting(service.database) == 0
    # A scan that finds a copy too does not record a second match.
    assert rescanned(service, site) == []
    assert len(service.matches()) == len(copies)


def test_without_kept_candidates_nothing_is_found(
    service: Service, site: OddSite, settings: Settings
) -> None:
    service.settings = settings.model_copy(update={"candidate_days": 0})
    service.scanner = service.another_scanner()
    scan_copies(service, site)
    assert kept(service.database) == 0
    service.open_case(MINE)
    assert matcher(service).work_once()
    assert service.matches() == []
    assert waiting(service.database) == 0


def test_a_pending_content_is_matched_once_it_is_released(
    service: Service, site: OddSite, database: Database
) -> None:
    _, copies = scan_copies(service, site)
    service.bank = Bank(database, service.clock, screen=Screen())
    Lists(database).add(ImageList.PROTECTED, sign_image(jpeg(MINE)), actor="test")
    service.open_case(MINE)
    assert not matcher(service).work_once()
    pending = PendingContents(database, service.bank)
    own = OrganisationId("0" * 32)
    (content,) = (each.content for each in pending.search(organisation_id=own, limit=9))
    pending.release(PublicContentId(content), actor=KeyId("analyst"), organisation_id=own)
    assert matcher(service).work_once()
    assert {each.image_url for each in service.matches()} == copies


def test_a_withdrawn_content_is_not_matched(service: Service, site: OddSite) -> None:
    scan_copies(service, site)
    number = service.open_case(MINE)
    service.bank.withdraw_case(number, actor="intake")
    assert not matcher(service).work_once()
    assert service.matches() == []


@pytest.mark.both_databases
def test_a_content_added_during_a_scan_is_matched_too(
    service: Service, site: OddSite, database: Database
) -> None:
    """The content came after the image was matched, and before the image was kept."""
    find = service.bank_index.find_all

    def find_and_open(signatures: Sequence[Signature]) -> object:
        found = find(signatures)
        if not service.matches() and not opened:
            opened.append(service.open_case(MINE))
            assert matcher(service).work_once()
        return found

    opened: list[str] = []
    service.bank_index.find_all = find_and_open  # type: ignore[method-assign, assignment]
    url = site.add_image("/copy.jpg", jpeg(MINE, 60))
    service.scan(url)
    service.finish()
    assert opened
    assert service.matches() == []
    assert waiting(database) == 1
    assert matcher(service).work_once()
    assert [each.image_url for each in service.matches()] == [url]


def test_another_matcher_takes_over_after_a_lost_lease(
    service: Service, site: OddSite, clock: SetClock, database: Database
) -> None:
    _, copies = scan_copies(service, site)
    service.open_case(MINE)
    with database.write() as connection:
        until = clock() + RetroactiveMatcher.LEASE
        assert len(unmatched.take(connection, now=clock(), until=until, limit=9)) == 1
    assert not matcher(service).work_once()
    clock.advance(RetroactiveMatcher.LEASE.total_seconds())
    assert matcher(service).work_once()
    assert len(service.matches()) == len(copies)


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from hashsvc.matching import RetroactiveMatcher, retroactive
    from hashsvc.settings import Settings
    from hashsvc.store import Database, {room}

    def die(*_given, **_named):
        os.kill(os.getpid(), signal.SIGKILL)

    {room}.{deed} = die
    settings = Settings(data_dir=sys.argv[1], _env_file=None)
    RetroactiveMatcher(settings, Database.of(settings)).work_once()
    """
)


@pytest.mark.parametrize(
    ("room", "deed"),
    [
        ("candidates", "wholes"),
        ("candidates", "regions"),
        ("matches", "add"),
        ("unmatched", "done"),
    ],
)
def test_after_kill_9_at_any_step_the_matching_is_still_done(
    service: Service, site: OddSite, clock: SetClock, room: str, deed: str
) -> None:
    _, copies = scan_copies(service, site)
    service.open_case(MINE)
    script = KILLED.format(room=room, deed=deed)
    done = subprocess.run(
        [sys.executable, "-c", script, str(service.settings.data_dir)],
        env=os.environ | {"HASHSVC_DATA_DIR": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert waiting(service.database) == 1
    # The killed process used the machine's clock, which is ahead of this one.
    clock.advance(10 * 365 * 86_400)
    assert matcher(service).work_once()
    assert {each.image_url for each in service.matches()} == copies
    assert waiting(service.database) == 0


def test_the_matcher_thread_notices_new_work_by_itself(service: Service, site: OddSite) -> None:
    _, copies = scan_copies(service, site)
    thread = matcher(service)
    thread.start()
    try:
        service.open_case(MINE)
        wait_until(lambda: len(service.matches()) == len(copies))
        wait_until(lambda: waiting(service.database) == 0)
        # The change feed does not announce work that is put back.
        (content_id,) = {each.content_id for each in service.matches()}
        with service.database.write() as connection:
            unmatched.add(connection, [content_id])
        wait_until(lambda: waiting(service.database) == 0)
    finally:
        thread.stop()


def test_stopping_puts_unfinished_work_back(
    service: Service, site: OddSite, clock: SetClock
) -> None:
    scan_copies(service, site)
    service.open_case(MINE)
    thread = matcher(service)
    thread.ask_to_stop()
    assert thread.work_once()
    assert waiting(service.database) == 1
    assert matcher(service).work_once()
    assert waiting(service.database) == 0


def flipped(code: bytes, bits: int, rng: random.Random) -> bytes:
    number = int.from_bytes(code)
    for bit in rng.sample(range(len(code) * 8), bits):
        number ^= 1 << bit
    return number.to_bytes(len(code))


def keep(database: Database, *signatures: Signature) -> list[CandidateId | None]:
    ids = []
    with database.write() as connection:
        scans.add(connection, ScanId("scan"), KeyId("reporter"), ["https://example.org/"], START)
        for number, signature in enumerate(signatures):
            url = f"https://example.org/{number}"
            seen = sighted(SeenImage(url, url, bytes(32), (signature,)))
            assert seen is not None
            day = START.date().isoformat()
            ids.append(candidates.keep(connection, seen, scan_id=ScanId("scan"), day=day))
    return ids


def test_it_finds_exactly_what_a_comparison_of_each_pair_finds(
    service: Service, database: Database
) -> None:
    """Codes are just within, at and beyond each threshold; regions are enough or one too few."""
    rng = random.Random(3)
    names = (PDQ, PHASH, DHASH)
    content = [(each.name, rng.randbytes(each.bits // 8)) for each in names]
    regions = [rng.randbytes(32) for _ in range(12)]

    def candidate(view: View) -> Signature:
        parts = [
            ViewedSignal(Signal(name, flipped(code, limit + rng.choice([-1, 0, 1, 20]), rng)), view)
            for (name, code), limit in zip(content, (31, 8, 8), strict=True)
        ]
        count = POSSIBLE_REGIONS + rng.choice([-1, 0, 3])
        away = REGION.threshold + rng.choice([-1, 0, 1])
        pose = rng.choice([View.WHOLE, View.PART, View.MIRROR])
        parts += [
            ViewedSignal(Signal(REGION.name, flipped(code, away, rng)), pose)
            for code in regions[:count]
        ]
        return Signature(rng.choice([50, 100]), parts)

    shown = [candidate(rng.choice([*list(View)[:3], View.MIRROR])) for _ in range(120)]
    keep(database, *shown)
    signals = [(name, "whole", code) for name, code in content]
    signals += [("reg1", "whole", code) for code in regions]
    content_id = store_content(database, store_case(database), signals)
    assert matcher(service, flood_matches=1_000).work_once()
    mine = Signature(
        100, [ViewedSignal(Signal(name, code), View.WHOLE) for name, _, code in signals]
    )
    expected = {
        f"https://example.org/{number}": str(evidence.tier)
        for number, each in enumerate(shown)
        if (evidence := compare(mine, each)).tier is not None
    }
    found = {each.image_url: each.tier for each in service.matches()}
    assert found == expected
    assert {each.content_id for each in service.matches()} == {content_id}
    assert set(expected.values()) >= {Tier.CERTAIN, Tier.POSSIBLE}
    assert 10 < len(expected) < 110


@pytest.mark.parametrize(("quality", "kept_too"), [(49, False), (50, True)])
def test_images_too_plain_to_match_are_not_kept(quality: int, kept_too: bool) -> None:
    signal = ViewedSignal(Signal("pdq1", bytes(32)), View.WHOLE)
    seen = sighted(SeenImage("page", "image", bytes(32), (Signature(quality, [signal]),)))
    assert (seen is not None) is kept_too


def test_the_best_frame_of_an_animation_counts(service: Service, database: Database) -> None:
    frames = tuple(sign_image(jpeg(each)) for each in (generated_photo(7), MINE))
    with database.write() as connection:
        scans.add(connection, ScanId("scan"), KeyId("reporter"), ["https://example.org/"], START)
        seen = sighted(SeenImage("page", "image", bytes(32), frames))
        assert seen is not None
        candidates.keep(connection, seen, scan_id=ScanId("scan"), day="2026-01-05")
    service.open_case(MINE, generated_photo(8))
    assert matcher(service).work_once()
    (match,) = service.matches()
    assert match.tier == Tier.CERTAIN
