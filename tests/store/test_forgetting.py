"""A destroyed key leaves all files at once. Deleted rows leave when the database is rewritten."""

import fcntl
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from hashsvc.bank import Bank, NewContent
from hashsvc.settings import Settings
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import Database, cases, data_keys, erasures, sqlite
from hashsvc.store.ids import CaseId, ContentId, DataKeyId, PublicContentId, random_id
from hashsvc.store.tables import case, data_key, signature
from tests.helpers.cases import (
    some_signals,
    store_case,
    store_content,
    store_match,
    store_request,
    wrapped_keys,
)
from tests.helpers.database import bytes_of
from tests.helpers.set_clock import START


def windows(text: bytes) -> set[bytes]:
    """Return all parts of eight bytes, so that a search finds even a part that was left."""
    return {text[start : start + 8] for start in range(len(text) - 7)}


def left_of(folder: Path, secrets: list[bytes]) -> int:
    """Return how many of these secrets are in the folder's files, whole or in part."""
    everything = bytes_of(folder)
    if len(secrets) < 10:
        return sum(any(part in everything for part in windows(each)) for each in secrets)
    parts = windows(everything)
    return sum(not windows(each).isdisjoint(parts) for each in secrets)


def new_content(rng: random.Random) -> NewContent:
    signals = (ViewedSignal(Signal(a, code), View.WHOLE) for a, _, code in some_signals(rng))
    return NewContent(PublicContentId(random_id()), Signature(80, tuple(signals)))


def sealed_codes(database: Database) -> list[bytes]:
    with database.read() as connection:
        return list(connection.execute(select(signature.c.sealed)).scalars())


def end(database: Database, case_id: CaseId) -> None:
    with database.write() as connection:
        for each in cases.contents_of(connection, case_id):
            cases.delete_content(connection, each.id)
        cases.delete_case(connection, case_id)


def test_a_withdrawn_cases_key_is_erased_at_once_and_its_rows_by_a_rewrite(
    database: Database, settings: Settings
) -> None:
    rng = random.Random(1)
    bank = Bank(database)
    number = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(number, [new_content(rng) for _ in range(40)], actor="intake")
    with database.read() as connection:
        mine = cases.case_by_number(connection, number)
        (content_id, *_) = (each.id for each in cases.contents_of(connection, mine.id))
    store_request(database, store_match(database, content_id, state="confirmed"), "draft")
    key, sealed = wrapped_keys(database)[mine.key_id], sealed_codes(database)
    other = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(other, [new_content(rng) for _ in range(40)], actor="intake")
    assert left_of(settings.data_dir, [key]) == 1
    assert left_of(settings.data_dir, sealed) == len(sealed)

    bank.withdraw_case(number, actor="intake")
    assert left_of(settings.data_dir, [key]) == 0
    assert database.purge(START)
    assert left_of(settings.data_dir, [key, *sealed]) == 0
    kept = sealed_codes(database) + [each for each in wrapped_keys(database).values() if any(each)]
    assert left_of(settings.data_dir, kept) == len(kept) == 40 + 2


def test_withdrawing_a_content_erases_the_key_that_its_case_had(
    database: Database, settings: Settings
) -> None:
    rng = random.Random(2)
    bank = Bank(database)
    contents = [new_content(rng) for _ in range(3)]
    opened = bank.open_case(adult=True, actor="intake")
    bank.add_contents(opened.number, contents, actor="intake")
    before, sealed = wrapped_keys(database), sealed_codes(database)
    bank.withdraw_content(opened.number, contents[1].public_id, actor="intake")
    after = wrapped_keys(database)
    (changed,) = (each for each in before if before[each] != after[each])
    assert left_of(settings.data_dir, [before[changed]]) == 0
    assert database.purge(START)
    assert left_of(settings.data_dir, sealed) == 0
    assert left_of(settings.data_dir, sealed_codes(database)) == 2


@pytest.mark.parametrize("seed", [0, 10, 13, 15])
def test_destroyed_keys_leave_no_copy_behind_without_a_rewrite(
    database: Database, settings: Settings, seed: int
) -> None:
    """
    With these seeds, as with a quarter of all seeds, deleted keys would leave copies.

    SQLite moves a deleted row's neighbours between pages, and does not overwrite their earlier
    places.
    """
    rng = random.Random(seed)
    live: list[DataKeyId] = []
    gone: list[bytes] = []
    for share in (0.5, 0.9, 0.5):
        with database.write() as connection:
            live += [data_keys.add(connection)[0] for _ in range(300)]
        before = wrapped_keys(database)
        ending = rng.sample(live, int(len(live) * share))
        with database.write() as connection:
            for each in ending:
                data_keys.destroy(connection, each)
        live = [each for each in live if each not in ending]
        with database.write() as connection:
            for each in live[::7]:
                data_keys.replace(connection, each)
        gone += [before[each] for each in (*ending, *live[::7])]
        database.finish_erasures()
        assert left_of(settings.data_dir, gone) == 0
        kept = [each for each in wrapped_keys(database).values() if any(each)]
        assert len(kept) == len(live) + 1
        assert left_of(settings.data_dir, kept) == len(kept)


@pytest.mark.parametrize("seed", [5, 6, 11, 13])
def test_rows_that_moved_leave_no_copy_behind_after_a_rewrite(
    database: Database, settings: Settings, seed: int
) -> None:
    """
    SQLite moves rows between pages when many neighbours are deleted. Its `secure_delete` overwrites
    a deleted row, but not the row's earlier places.
    """
    rng = random.Random(seed)
    case_id = store_case(database)
    live: dict[ContentId, int] = {}
    numbers = iter(range(1, 1_000_000))
    for share in (0.5, 0.9, 0.5):
        with database.write() as connection:
            for _ in range(200):
                number = next(numbers)
                content_id = cases.add_content(
                    connection,
                    case_id,
                    public_id=PublicContentId(f"{rng.getrandbits(128):032x}MARK{number:06}"),
                    quality=80,
                    day="2026-01-05",
                    signals=some_signals(rng),
                )
                live[content_id] = number
        with database.write() as connection:
            for each in rng.sample(list(live), int(len(live) * share)):
                cases.delete_content(connection, each)
                del live[each]
        assert database.purge(START)
        found = re.findall(rb"MARK(\d{6})", bytes_of(settings.data_dir))
        assert {int(each) for each in found} == set(live.values())


def test_withdrawals_at_the_same_time_all_erase_their_keys(
    database: Database, settings: Settings
) -> None:
    """`finish_erasures` waits while another connection empties SQLite's log; SQLite does not."""
    store_content(database, store_case(database))
    stop = threading.Event()

    def withdraw(worker: int) -> None:
        for number in range(8):
            case_id = store_case(database, f"{worker} {number}")
            store_content(database, case_id)
            with database.read() as connection:
                key_id = cases.case_by_number(connection, f"{worker} {number}").key_id
            key = wrapped_keys(database)[key_id]
            end(database, case_id)
            database.finish_erasures()
            assert left_of(settings.data_dir, [key]) == 0

    def read() -> None:
        while not stop.is_set():
            with database.read() as connection:
                assert cases.counts(connection)[1] >= 1

    with capture_logs() as logs, ThreadPoolExecutor(6) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        withdrawing = [pool.submit(withdraw, worker) for worker in range(4)]
        wait(withdrawing)
        stop.set()
    for each in reading + withdrawing:
        each.result()
    assert logs == []


@pytest.mark.parametrize("holder", ["read", "write"])
def test_an_open_transaction_delays_the_erasure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.1)
    database = Database(settings.url)
    database.migrate()
    case_id = store_case(database)
    (key,) = (each for name, each in wrapped_keys(database).items() if name != data_keys.RECORDS)
    with database.write() as connection:
        key_id = connection.execute(select(case.c.key_id)).scalar_one()
        cases.delete_case(connection, case_id)
        erasures.add(connection, key_id, now=START)
    with getattr(database, holder)() as connection, capture_logs() as logs:
        cases.counts(connection)
        database.finish_erasures()
        assert not database.purge(START)
    assert [each["event"] for each in logs] == [
        "store.log_not_yet_emptied",
        "store.deleted_not_yet_forgotten",
    ]
    assert left_of(settings.data_dir, [key]) == 1
    with database.read() as connection:
        assert erasures.unpurged(connection) == [key_id]

    with capture_logs() as logs:
        database.finish_erasures()
        assert left_of(settings.data_dir, [key]) == 0
        assert database.purge(START)
    assert logs == []
    with database.read() as connection:
        assert erasures.unpurged(connection) == []
    database.close()


def test_the_ids_of_what_was_erased_are_listed_beside_the_data(
    new_database: Database, settings: Settings
) -> None:
    database = new_database
    path = settings.data_dir / erasures.LIST_NAME
    assert path.read_text() == ""
    assert path.stat().st_mode & 0o777 == 0o600
    bank = Bank(database)
    rng = random.Random(3)
    kept, whole, part = new_content(rng), new_content(rng), new_content(rng)
    numbers = [bank.open_case(adult=True, actor="intake").number for _ in range(2)]
    bank.add_contents(numbers[0], [whole], actor="intake")
    bank.add_contents(numbers[1], [kept, part], actor="intake")
    with database.read() as connection:
        key_id = cases.case_by_number(connection, numbers[0]).key_id
    bank.withdraw_case(numbers[0], actor="intake")
    bank.withdraw_content(numbers[1], part.public_id, actor="intake")
    assert sorted(path.read_text().splitlines()) == sorted([key_id, part.public_id])
    path.unlink()
    database.migrate()  # The service does this when it starts.
    assert sorted(path.read_text().splitlines()) == sorted([key_id, part.public_id])


def test_processes_that_list_erasures_at_once_write_each_id_once(tmp_path: Path) -> None:
    """Another process is stopped in the middle of an id."""
    ids = [f"{number:032x}" for number in range(3)]
    path = tmp_path / erasures.LIST_NAME
    ours = threading.Thread(target=erasures.list_beside, args=(tmp_path, ids))
    with path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(ids[0][:20])
        other.flush()
        ours.start()
        ours.join(timeout=0.5)
        other.write(f"{ids[0][20:]}\n")
    ours.join()
    assert path.read_text().splitlines() == ids


def test_closing_the_database_removes_the_log(new_database: Database, settings: Settings) -> None:
    """Even a log that could not be emptied before does not outlast the service."""
    store_case(new_database)
    assert (settings.data_dir / "hashsvc.db-wal").stat().st_size > 0
    new_database.close()
    assert {each.name for each in settings.data_dir.iterdir()} == {
        "hashsvc.db",
        "key-encryption-key",
        erasures.LIST_NAME,
    }


def test_the_row_of_a_destroyed_key_stays(database: Database) -> None:
    """If it were deleted, SQLite would move its neighbours, and leave copies of their keys."""
    case_id = store_case(database)
    with database.write() as connection:
        cases.delete_case(connection, case_id)
        rows = connection.execute(select(data_key.c.id, data_key.c.wrapped)).all()
        assert sorted(any(wrapped) for _, wrapped in rows) == [False, True]
        assert data_keys.count_strays(connection) == 0
    assert database.purge(START)
    with database.read() as connection:
        assert len(connection.execute(select(data_key)).all()) == 2
