"""An expired case ends exactly like a withdrawn one. Renewing a case postpones its last day."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from hashsvc import audit
from hashsvc.bank import (
    LIFETIME_DAYS,
    WARNED_DAYS,
    Bank,
    Holders,
    Housekeeping,
    UnknownCaseError,
    WrongPinError,
)
from hashsvc.matching import BankIndex
from hashsvc.settings import Settings
from hashsvc.store import Database, cases, erasures, matches, pin_guesses, requests, scans
from hashsvc.store.ids import KeyId, ScanId
from hashsvc.store.tables import audit_entry, metadata
from tests.helpers.cases import new_content, signature, store_match, store_request
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START, SetClock
from tests.helpers.waiting import wait_until

DAY_S = 24 * 3600


def go_to(clock: SetClock, day: str) -> None:
    """Move the clock by whole days until a day has come."""
    while clock.now.date().isoformat() < day:
        clock.advance(DAY_S)


@pytest.mark.parametrize("days", [1, 30, LIFETIME_DAYS])
def test_a_case_ends_a_lifetime_after_it_was_opened(
    database: Database, clock: SetClock, days: int
) -> None:
    bank = Bank(database, clock, lifetime_days=days)
    number = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(number, [new_content(1)], actor="intake")
    ends_on = bank.view(number, actor="intake").ends_on
    assert ends_on == (START + timedelta(days=days)).date().isoformat()
    go_to(clock, ends_on)
    clock.now = clock.now.replace(hour=0, minute=0) - timedelta(microseconds=1)
    assert bank.end_due_cases(actor="retention") == 0
    assert bank.view(number, actor="intake").contents
    clock.now += timedelta(microseconds=1)
    assert bank.end_due_cases(actor="retention") == 1
    with pytest.raises(UnknownCaseError):
        bank.view(number, actor="intake")
    assert bank.end_due_cases(actor="retention") == 0


@pytest.mark.parametrize(
    ("left", "soon"),
    [(LIFETIME_DAYS, False), (WARNED_DAYS + 1, False), (WARNED_DAYS, True), (1, True)],
)
def test_a_case_ends_soon_in_its_last_days(
    bank: Bank, clock: SetClock, number: str, left: int, soon: bool
) -> None:
    clock.advance((LIFETIME_DAYS - left) * DAY_S)
    assert bank.view(number, actor="intake").ends_soon is soon


def test_a_renewed_case_ends_a_lifetime_after_its_renewal(
    bank: Bank, database: Database, clock: SetClock, number: str
) -> None:
    clock.advance((LIFETIME_DAYS - 3) * DAY_S)
    assert bank.view(number, actor="holder").ends_soon
    until = bank.renew_case(number, actor="holder")
    assert until == (clock.now + timedelta(days=LIFETIME_DAYS)).date().isoformat()
    view = bank.view(number, actor="holder")
    assert (view.ends_on, view.ends_soon) == (until, False)
    clock.advance(10 * DAY_S)
    assert bank.end_due_cases(actor="retention") == 0
    with database.read() as connection:
        entries = connection.execute(select(audit_entry.c.actor, audit_entry.c.action)).all()
        assert ("holder", "case.renew") in [tuple(each) for each in entries]
        audit.verify(connection)
    with pytest.raises(UnknownCaseError):
        bank.renew_case("0000-0000-0", actor="holder")


def test_an_expired_case_leaves_the_same_rows_as_a_withdrawn_one(
    bank: Bank, database: Database, clock: SetClock, settings: Settings
) -> None:
    numbers = [bank.open_case(adult=True, actor="intake").number for _ in range(2)]
    index = BankIndex(database)
    kept: list[str] = []
    for each, seed in zip(numbers, (1, 2), strict=True):
        bank.add_contents(each, [new_content(seed)], actor="intake")
        assert len(index.find(signature(seed))) == 1
        with database.read() as connection:
            case_id = cases.case_by_number(connection, each).id
            (content,) = cases.contents_of(connection, case_id)
        for state in ("draft", "sent"):
            url = f"https://example.org/{state}.jpg"
            match_id = store_match(database, content.id, state="confirmed", image_url=url)
            kept.append(store_request(database, match_id, state))

    def left(seed: int, requested: list[str], action: str) -> list[object]:
        with database.read() as connection:
            entries = connection.execute(select(audit_entry.c.action)).scalars().all()
            (sent,) = (
                each for each in requests.search(connection, state=None, limit=9)
                if each.id in requested
            )  # fmt: skip
            return [
                [action if each == action else each for each in entries[-2:]],
                (sent.state, sent.match_id),
                [each.state for each in requests.events_of(connection, [sent.id])],
                len(matches.search(connection, state=None, scan_id=None, limit=9)),
                len(erasures.all_ids(connection)),
                index.find(signature(seed)),
            ]

    bank.withdraw_case(numbers[0], actor="intake")
    withdrawn = left(1, kept[:2], "case.withdraw")
    clock.advance(LIFETIME_DAYS * DAY_S)
    assert bank.end_due_cases(actor="retention") == 1
    ended = left(2, kept[2:], "case.expired")
    assert withdrawn == [
        ["content.withdraw", "case.withdraw"], ("withdrawn", None), ["sent", "withdrawn"], 2, 1, []
    ]  # fmt: skip
    assert ended == [
        ["content.withdraw", "case.expired"], ("withdrawn", None), ["sent", "withdrawn"], 0, 2, []
    ]  # fmt: skip
    with database.read() as connection:
        for name in ("bank_case", "content", "signature", "match"):
            assert connection.execute(select(metadata.tables[name])).all() == []


def test_only_cases_that_are_due_end(bank: Bank, clock: SetClock) -> None:
    numbers = []
    for _ in range(4):
        numbers.append(bank.open_case(adult=True, actor="intake").number)
        clock.advance(10 * DAY_S)
    bank.renew_case(numbers[0], actor="holder")
    clock.advance((LIFETIME_DAYS - 30) * DAY_S)
    assert bank.end_due_cases(actor="retention") == 1
    for each in (numbers[0], *numbers[2:]):
        bank.view(each, actor="intake")
    with pytest.raises(UnknownCaseError):
        bank.view(numbers[1], actor="intake")


def test_a_case_that_was_renewed_after_the_list_was_read_stays(
    bank: Bank, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn = bank.open_case(adult=True, actor="intake").number
    bank.withdraw_case(withdrawn, actor="holder")
    monkeypatch.setattr(cases, "numbers_ending_by", lambda _connection, _day: [withdrawn, number])
    assert bank.end_due_cases(actor="retention") == 0
    bank.view(number, actor="intake")


def housekeeping(settings: Settings, database: Database, clock: SetClock) -> Housekeeping:
    return Housekeeping(settings, database, Bank(database, clock), clock)


def test_housekeeping_ends_cases_and_rewrites_the_file_in_time(
    bank: Bank, database: Database, settings: Settings, clock: SetClock, number: str
) -> None:
    keeper = housekeeping(settings, database, clock)
    bank.add_contents(number, [new_content(1)], actor="intake")
    keeper.run_once()
    bank.view(number, actor="intake")
    clock.advance(LIFETIME_DAYS * DAY_S)
    keeper.run_once()

    def is_due() -> bool:
        with database.read() as connection:
            return bool(erasures.unpurged(connection))

    assert is_due()
    clock.advance(settings.purge_within_h * 3600 / 2 - 1)
    keeper.run_once()
    assert is_due()
    clock.advance(1)
    keeper.run_once()
    assert not is_due()
    before = rows_of(settings.data_dir)
    keeper.run_once()
    assert rows_of(settings.data_dir) == before


def test_wrong_pins_are_forgotten_after_a_week(
    bank: Bank, database: Database, settings: Settings, clock: SetClock, number: str
) -> None:
    with pytest.raises(WrongPinError):
        Holders(database, bank, clock).enter(number, "no PIN")

    def remembered() -> bool:
        with database.read() as connection:
            return pin_guesses.of(connection, number) is not None

    clock.advance(7 * DAY_S)
    housekeeping(settings, database, clock).run_once()
    assert remembered()
    clock.advance(1)
    housekeeping(settings, database, clock).run_once()
    assert not remembered()


def test_old_finished_scans_are_deleted_but_their_matches_stay(
    bank: Bank, database: Database, settings: Settings, clock: SetClock, number: str
) -> None:
    bank.add_contents(number, [new_content(1)], actor="intake")
    with database.read() as connection:
        case_id = cases.case_by_number(connection, number).id
        (content,) = cases.contents_of(connection, case_id)
    match_id = store_match(database, content.id)
    with database.read() as connection:
        finished = matches.by_id(connection, match_id).scan_id
    assert finished is not None
    with database.write() as connection:
        scans.cancel(connection, finished, START)
        for name, then in (("waiting", START), ("young", START + timedelta(days=1))):
            scans.add(connection, ScanId(name), KeyId("reporter"), ["https://example.org"], then)
        scans.cancel(connection, ScanId("young"), START)
    keeper = housekeeping(settings, database, clock)
    clock.advance(settings.scan_lifetime_days * DAY_S)
    keeper.run_once()
    with database.read() as connection:
        assert scans.by_id(connection, finished)
    clock.advance(1)
    keeper.run_once()
    with database.read() as connection:
        left = connection.execute(select(metadata.tables["scan"].c.id)).scalars().all()
        assert sorted(left) == ["waiting", "young"]
        items = connection.execute(select(metadata.tables["scan_item"].c.scan_id)).scalars().all()
        assert sorted(items) == ["waiting", "young"]
        match = matches.by_id(connection, match_id)
        assert (match.scan_id, match.page_url) == (None, "https://example.org/page")
        assert erasures.unpurged(connection) == [finished]
        entries = connection.execute(select(audit_entry.c.actor, audit_entry.c.action)).all()
        assert tuple(entries[-1]) == ("retention", "scan.expired")


def test_housekeeping_finishes_what_a_killed_service_began(
    bank: Bank, database: Database, settings: Settings, clock: SetClock, number: str
) -> None:
    """The rows are deleted, but SQLite's log has the key and the list of erasures lacks its id."""
    with database.write() as connection:
        case = cases.case_by_number(connection, number)
        cases.delete_case(connection, case.id)
        erasures.add(connection, case.key_id, now=clock.now)
    log, listed = settings.data_dir / "hashsvc.db-wal", settings.data_dir / erasures.LIST_NAME
    assert log.stat().st_size > 0
    assert listed.read_text() == ""
    housekeeping(settings, database, clock).run_once()
    assert log.stat().st_size == 0
    assert listed.read_text() == f"{case.key_id}\n"


def test_housekeeping_continues_after_a_failure(
    bank: Bank,
    database: Database,
    settings: Settings,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def fail(_self: Bank, *, actor: str) -> int:
        tries.append(actor)
        if len(tries) == 3:
            keeper.ask_to_stop()
        raise OSError

    monkeypatch.setattr("hashsvc.bank.housekeeping.EVERY_S", 0.001)
    monkeypatch.setattr(Bank, "end_due_cases", fail)
    keeper = housekeeping(settings, database, clock)
    with capture_logs() as logs:
        keeper.start()
        wait_until(lambda: keeper.is_stopping)
        keeper.stop()
    assert tries == ["retention"] * 3
    assert [each["error"] for each in logs] == ["OSError"] * 3
