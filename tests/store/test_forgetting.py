"""What was withdrawn is in no byte of any file of the data directory."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hashsvc.bank import Bank, NewContent
from hashsvc.settings import Settings
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import Database, cases
from hashsvc.store import database as database_module
from hashsvc.store.ids import ContentId, random_id
from tests.store.conftest import (
    bytes_of,
    some_signals,
    store_case,
    store_content,
    store_match,
    store_request,
)

PAGE_URL = "https://example.org/the-page-nobody-may-know-of"


def windows(text: bytes) -> set[bytes]:
    """Return every eight bytes of a text: a part of it left over is found too."""
    return {text[start : start + 8] for start in range(len(text) - 7)}


def left_of(folder: Path, secrets: list[bytes]) -> int:
    """Return how many of these texts are found on the disk, whole or in part."""
    everything = bytes_of(folder)
    return sum(any(part in everything for part in windows(each)) for each in secrets)


def new_content(rng: random.Random) -> NewContent:
    signals = (ViewedSignal(Signal(a, code), View.WHOLE) for a, _, code in some_signals(rng))
    return NewContent(random_id(), Signature(80, tuple(signals)))


def codes_of(contents: list[NewContent]) -> list[bytes]:
    return [each.signal.code for content in contents for each in content.signature.signals]


def test_a_withdrawn_case_leaves_no_byte(database: Database, settings: Settings) -> None:
    rng = random.Random(1)
    bank = Bank(database)
    mine, others = ([new_content(rng) for _ in range(40)] for _ in range(2))
    number = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(number, mine, actor="intake")
    other = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(other, others, actor="intake")
    with database.read() as connection:
        case = cases.case_by_number(connection, number)
        (content_id, *_) = (each.id for each in cases.contents_of(connection, case.id))
    match_id = store_match(database, content_id, state="confirmed", image_url=PAGE_URL + "/1.jpg")
    store_request(database, match_id, "draft")
    secrets = [*codes_of(mine), case.pin_hash.rpartition("$")[2].encode()]
    assert left_of(settings.data_dir, secrets) == len(secrets)
    assert b"nobody-may-know-of/1.jpg" in bytes_of(settings.data_dir)

    bank.withdraw_case(number, actor="intake")
    assert left_of(settings.data_dir, secrets) == 0
    assert b"nobody-may-know-of/1.jpg" not in bytes_of(settings.data_dir)
    assert left_of(settings.data_dir, codes_of(others)) == len(codes_of(others))


def test_a_withdrawn_content_leaves_no_byte(database: Database, settings: Settings) -> None:
    rng = random.Random(2)
    bank = Bank(database)
    contents = [new_content(rng) for _ in range(3)]
    number = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(number, contents, actor="intake")
    gone = codes_of(contents[1:2])
    assert left_of(settings.data_dir, gone) == len(gone)
    bank.withdraw_content(number, contents[1].public_id, actor="intake")
    assert left_of(settings.data_dir, gone) == 0
    assert left_of(settings.data_dir, codes_of([contents[0], contents[2]])) == 6


@pytest.mark.parametrize("seed", [5, 6, 11, 13])
def test_rows_that_moved_leave_no_copy_behind(
    database: Database, settings: Settings, seed: int
) -> None:
    """
    Rows are moved between pages when many neighbours are deleted. SQLite's `secure_delete`
    overwrites a deleted row, and not the places where it has been before: without VACUUM these
    seeds, a quarter of all, leave codes in the file.
    """
    rng = random.Random(seed)
    case_id = store_case(database)
    live: dict[ContentId, int] = {}
    numbers = iter(range(1, 1_000_000))

    def signals(number: int) -> list[tuple[str, str, bytes]]:
        mark = b"MARK" + number.to_bytes(4)
        return [("pdq1", "whole", mark * 4), ("phash1", "whole", mark), ("dhash1", "whole", mark)]

    for share in (0.5, 0.9, 0.5):
        with database.write() as connection:
            for _ in range(200):
                number = next(numbers)
                content_id = cases.add_content(
                    connection,
                    case_id,
                    public_id=f"{rng.getrandbits(128):032x}",
                    quality=80,
                    day="2026-01-05",
                    signals=signals(number),
                )
                live[content_id] = number
        with database.write() as connection:
            for each in rng.sample(list(live), int(len(live) * share)):
                cases.delete_content(connection, each)
                del live[each]
        database.forget_deleted()
        found = re.findall(rb"MARK(....)", bytes_of(settings.data_dir), re.DOTALL)
        assert {int.from_bytes(each) for each in found} == set(live.values())


def test_withdrawals_at_the_same_time_all_leave_no_byte(
    database: Database, settings: Settings
) -> None:
    """SQLite does not wait for another connection's checkpoint; `forget_deleted` does."""
    case_id = store_case(database)
    for _ in range(20):
        store_content(database, case_id)
    stop = threading.Event()

    def withdraw(seed: int) -> list[bytes]:
        rng, gone = random.Random(seed), []
        for _ in range(8):
            signals = some_signals(rng)
            content_id = store_content(database, case_id, signals)
            with database.write() as connection:
                cases.delete_content(connection, content_id)
            database.forget_deleted()
            gone += [code for _, _, code in signals]
            assert left_of(settings.data_dir, gone) == 0
        return gone

    def read() -> None:
        while not stop.is_set():
            with database.read() as connection:
                assert cases.counts(connection)[1] >= 20

    with capture_logs() as logs, ThreadPoolExecutor(6) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        withdrawing = [pool.submit(withdraw, seed) for seed in range(4)]
        wait(withdrawing)
        stop.set()
    for each in reading:
        each.result()
    gone = [code for each in withdrawing for code in each.result()]
    assert logs == []
    assert left_of(settings.data_dir, gone) == 0


@pytest.mark.parametrize("holder", ["read", "write"])
def test_somebody_who_holds_on_puts_it_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_S", 0.1)
    database = Database(settings.url)
    database.migrate()
    signals = some_signals(random.Random(9))
    gone = [code for _, _, code in signals]
    content_id = store_content(database, store_case(database), signals)
    with database.write() as connection:
        cases.delete_content(connection, content_id)
    with getattr(database, holder)() as connection, capture_logs() as logs:
        cases.counts(connection)
        database.forget_deleted()
    assert [each["event"] for each in logs] == ["store.deleted_not_yet_forgotten"]
    assert left_of(settings.data_dir, gone) > 0

    with capture_logs() as logs:
        database.forget_deleted()
    assert logs == []
    assert left_of(settings.data_dir, gone) == 0
    database.close()


def test_closing_empties_the_log(database: Database, settings: Settings) -> None:
    """A log that was put off does not outlast the service."""
    store_case(database)
    assert (settings.data_dir / "hashsvc.db-wal").stat().st_size > 0
    database.close()
    assert {each.name for each in settings.data_dir.iterdir()} == {"hashsvc.db"}
