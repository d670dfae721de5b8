"""Candidates are stored once and sealed; after their day has expired, nobody can open them."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from hashsvc.bank import Bank, Housekeeping
from hashsvc.keyring import SealError
from hashsvc.settings import Settings
from hashsvc.store import Database, candidates, data_keys, scans
from hashsvc.store.candidates import Sighted
from hashsvc.store.feedback_tables import candidate, candidate_day, candidate_regions
from hashsvc.store.ids import CandidateId, KeyId, ScanId, random_id
from tests.helpers.cases import wrapped_keys
from tests.helpers.database import bytes_of, swap_values
from tests.helpers.set_clock import START, SetClock

DAYS = [(START + timedelta(days=each)).date().isoformat() for each in range(40)]
FIRST = CandidateId(0)


def sighted(number: int = 0, **other: object) -> Sighted:
    rng = random.Random(number)
    seen = Sighted(
        page_url=f"https://example.org/page-nobody-may-know/{number}",
        image_url=f"https://example.org/image-nobody-may-know/{number}",
        image_sha256=rng.randbytes(32),
        facts='{"status":200,"said":"nobody-may-know"}',
        whole=rng.randbytes(700),
        regions=rng.randbytes(9_000),
    )
    return replace(seen, **other)  # type: ignore[arg-type]


@pytest.fixture
def scan_id(database: Database) -> ScanId:
    made = ScanId(random_id())
    with database.write() as connection:
        scans.add(connection, made, KeyId("reporter"), ["https://example.org/"], START)
    return made


def keep(database: Database, scan_id: ScanId, seen: Sighted, day: str) -> CandidateId:
    """Store a candidate that was not stored on this day before."""
    with database.write(alone=False) as connection:
        candidate_id = candidates.keep(connection, seen, scan_id=scan_id, day=day)
    assert candidate_id is not None
    return candidate_id


def counts(database: Database) -> list[int]:
    with database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (candidate, candidate_regions, candidate_day)
        ]


@pytest.mark.both_databases
def test_stored_candidates_can_be_read_page_by_page(database: Database, scan_id: ScanId) -> None:
    seen = [sighted(number) for number in range(7)]
    ids = [keep(database, scan_id, each, DAYS[number % 3]) for number, each in enumerate(seen)]
    with database.read() as connection:
        kept = candidates.by_ids(connection, ids)
        assert [each.seen for each in kept] == seen
        assert [each.day for each in kept] == [DAYS[number % 3] for number in range(7)]
        assert {each.scan_id for each in kept} == {scan_id}
        for read, column in ((candidates.wholes, "whole"), (candidates.regions, "regions")):
            first, second = read(connection, FIRST, 5), read(connection, ids[4], 5)
            expected = [(each, getattr(what, column)) for each, what in zip(ids, seen, strict=True)]
            assert first + second == expected
            assert read(connection, ids[-1], 5) == []
        for each in seen:
            found = candidates.find(connection, each.image_url, each.image_sha256)
            assert found is not None
            assert found.seen == each
        assert candidates.find(connection, seen[0].image_url, seen[1].image_sha256) is None


@pytest.mark.both_databases
def test_a_candidate_that_is_seen_again_is_stored_once_for_its_last_day(
    database: Database, scan_id: ScanId
) -> None:
    first = keep(database, scan_id, sighted(), DAYS[0])
    with database.write(alone=False) as connection:
        again = candidates.keep(connection, sighted(facts="{}"), scan_id=scan_id, day=DAYS[0])
    assert again is None
    later = keep(database, scan_id, sighted(facts="[]"), DAYS[20])
    other = keep(database, scan_id, sighted(image_sha256=bytes(32)), DAYS[20])
    assert counts(database) == [2, 2, 2]
    with database.write() as connection:
        assert candidates.expire(connection, DAYS[20]) == 1
    with database.read() as connection:
        assert candidates.by_ids(connection, [first]) == []
        assert [each.seen.facts for each in candidates.by_ids(connection, [later, other])] == [
            "[]",
            sighted().facts,
        ]


@pytest.mark.both_databases
def test_workers_that_begin_a_day_at_the_same_time_share_its_key(
    database: Database, scan_id: ScanId
) -> None:
    together = threading.Barrier(4)

    def begin(number: int) -> CandidateId:
        together.wait()
        return keep(database, scan_id, sighted(number), DAYS[0])

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(begin, range(4)))
    with database.read() as connection:
        assert len(candidates.by_ids(connection, ids)) == 4
        assert data_keys.count_strays(connection) == 0
    assert counts(database) == [4, 4, 1]


def test_no_file_contains_a_candidate_unsealed(
    database: Database, settings: Settings, scan_id: ScanId
) -> None:
    seen = sighted()
    keep(database, scan_id, seen, DAYS[0])
    everything = bytes_of(settings.data_dir)
    parts = [seen.whole, seen.regions]
    secrets = [b"nobody-may-know", seen.image_sha256, seen.image_sha256.hex().encode()]
    secrets += [part[at : at + 32] for part in parts for at in range(0, len(part) - 32, 32)]
    assert [each for each in secrets if each in everything] == []
    assert DAYS[0].encode() in everything


@pytest.mark.parametrize("column", ["private", "whole"])
def test_sealed_columns_cannot_be_moved_to_another_candidate(
    database: Database, settings: Settings, scan_id: ScanId, column: str
) -> None:
    ids = [keep(database, scan_id, sighted(number), DAYS[0]) for number in range(2)]
    swap_values(settings.data_dir, "candidate", column)
    with database.read() as connection, pytest.raises(SealError):
        candidates.by_ids(connection, ids)


def at(day: str) -> SetClock:
    clock = SetClock()
    clock.now = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=1)
    return clock


def keeper(database: Database, settings: Settings, day: str, **changed: int) -> Housekeeping:
    settings = settings.model_copy(update=changed)
    return Housekeeping(settings, database, Bank(database, at(day)), at(day))


@pytest.mark.parametrize(("today", "left"), [(30, 3), (31, 2), (32, 1), (33, 0)])
def test_the_key_of_an_expired_day_is_in_no_file(
    database: Database, settings: Settings, scan_id: ScanId, today: int, left: int
) -> None:
    for number in range(3):
        keep(database, scan_id, sighted(number), DAYS[number])
    with database.read() as connection:
        query = select(candidate_day.c.key_id).order_by(candidate_day.c.day)
        key_ids = connection.execute(query).scalars().all()
    before = wrapped_keys(database)
    keeper(database, settings, DAYS[today]).run_once()
    assert counts(database) == [left] * 3
    expired, kept = key_ids[: 3 - left], key_ids[3 - left :]
    everything = bytes_of(settings.data_dir)
    assert [before[each] in everything for each in expired] == [False] * len(expired)
    assert [before[each] in everything for each in kept] == [True] * left
    with database.read() as connection:
        assert data_keys.count_strays(connection) == 0


def test_expired_candidates_are_not_found_even_before_their_rows_are_deleted(
    database: Database, scan_id: ScanId
) -> None:
    ids = [keep(database, scan_id, sighted(number), DAYS[0]) for number in range(5)]
    with database.write() as connection:
        candidates.expire(connection, DAYS[1])
    with database.read() as connection:
        assert candidates.by_ids(connection, ids) == []
        assert candidates.wholes(connection, FIRST, 9) == []
        assert candidates.find(connection, sighted().image_url, sighted().image_sha256) is None
    assert counts(database) == [5, 5, 0]
    for left in (3, 1, 0):
        with database.write() as connection:
            candidates.sweep(connection, 2)
        assert counts(database) == [left, left, 0]


def test_the_oldest_of_too_many_candidates_are_deleted(
    database: Database, settings: Settings, scan_id: ScanId
) -> None:
    ids = [keep(database, scan_id, sighted(number), DAYS[0]) for number in range(5)]
    keeper(database, settings, DAYS[1], candidate_most=3).run_once()
    with database.read() as connection:
        assert [each.id for each in candidates.by_ids(connection, ids)] == ids[2:]


def test_all_candidates_are_deleted_if_none_are_to_be_kept(
    database: Database, settings: Settings, scan_id: ScanId
) -> None:
    keep(database, scan_id, sighted(), DAYS[0])
    keeper(database, settings, DAYS[0], candidate_days=0).run_once()
    assert counts(database) == [0, 0, 0]
