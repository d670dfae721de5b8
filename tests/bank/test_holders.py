"""A holder enters with number and PIN; guessing is slow and does not reveal valid numbers."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select

from hashsvc.bank import (
    Bank,
    BankError,
    Holders,
    TooManyGuessesError,
    UnknownCaseError,
    UnknownContentError,
    WrongPinError,
    holders,
    new_case_number,
    pins,
    read_case_number,
)
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.tables import audit_entry, pin_guess
from tests.helpers.cases import new_content, store_match, store_request
from tests.helpers.database import bytes_of
from tests.helpers.set_clock import SetClock


@pytest.fixture
def all_holders(database: Database, bank: Bank, clock: SetClock) -> Holders:
    return Holders(database, bank, clock)


@pytest.fixture
def opened(bank: Bank) -> tuple[str, str]:
    """Number and PIN of a case with two contents."""
    case = bank.open_case(adult=True, actor="intake")
    bank.add_contents(case.number, [new_content(1), new_content(2)], actor="intake")
    return case.number, case.pin


def other_than(pin: str) -> str:
    return f"{(int(pin) + 1) % 10**8:08}"


def answer(all_holders: Holders, number: str, pin: str) -> str:
    """Return the error of an attempt to enter as text, or "entered"."""
    try:
        all_holders.enter(number, pin)
    except BankError as error:
        return f"{type(error).__name__}: {error}"
    return "entered"


def test_a_holder_is_shown_their_case(
    all_holders: Holders, opened: tuple[str, str], database: Database, bank: Bank
) -> None:
    holding = all_holders.enter(*opened).view()
    assert [each.content for each in holding.case.contents] == [
        new_content(1).public_id,
        new_content(2).public_id,
    ]
    assert (holding.matches, holding.requests) == ({}, [])
    with database.read() as connection:
        content_id = connection.exec_driver_sql("SELECT min(id) FROM content").scalar_one()
    other = bank.open_case(adult=True, actor="intake").number
    bank.add_contents(other, [new_content(3)], actor="intake")
    with database.read() as connection:
        others = connection.exec_driver_sql("SELECT max(id) FROM content").scalar_one()
    states = ("suspected", "suspected", "confirmed", "dismissed")
    for number, state in enumerate(states):
        match_id = store_match(
            database, content_id, state=state, image_url=f"https://x.org/{number}"
        )
        if state == "confirmed":
            store_request(database, match_id, "sent")
    store_request(database, store_match(database, others, state="confirmed"), "gone")
    holding = all_holders.enter(*opened).view()
    assert holding.matches == {"suspected": 2, "confirmed": 1, "dismissed": 1}
    assert [(each.platform, each.state) for each in holding.requests] == [("example.org", "sent")]


def test_a_holder_adds_renews_and_withdraws(
    all_holders: Holders, opened: tuple[str, str], bank: Bank, clock: SetClock
) -> None:
    holder = all_holders.enter(*opened)
    holder.add_contents([new_content(3)])
    assert len(holder.view().case.contents) == 3
    holder.withdraw_content(new_content(1).public_id)
    assert len(holder.view().case.contents) == 2
    with pytest.raises(UnknownContentError):
        holder.withdraw_content(new_content(1).public_id)
    before = holder.view().case.ends_on
    clock.advance(10 * 24 * 3600)
    until = holder.renew()
    assert before is not None
    assert until == holder.view().case.ends_on
    assert until > before
    holder.withdraw_case()
    with pytest.raises(UnknownCaseError):
        bank.view(opened[0], actor="test")
    with pytest.raises(WrongPinError):
        all_holders.enter(*opened)


def test_what_holders_do_is_in_the_audit_log(
    all_holders: Holders, opened: tuple[str, str], database: Database
) -> None:
    holder = all_holders.enter(*opened)
    holder.view()
    holder.renew()
    answer(all_holders, opened[0], other_than(opened[1]))
    with database.read() as connection:
        rows = connection.execute(
            select(audit_entry.c.action, audit_entry.c.subject).where(
                audit_entry.c.actor == "holder"
            )
        ).all()
    assert [each.action for each in rows] == ["case.read", "case.renew", "pin.wrong"]
    assert opened[0] not in rows[-1].subject
    assert opened[1] not in str(rows)


@pytest.mark.parametrize("known", [True, False], ids=["a case", "no case"])
def test_after_five_wrong_pins_each_wait_is_twice_as_long_up_to_an_hour(
    all_holders: Holders, opened: tuple[str, str], clock: SetClock, known: bool
) -> None:
    number, pin = opened if known else (new_case_number(), "00000000")
    for _ in range(5):
        assert answer(all_holders, number, other_than(pin)).startswith("WrongPinError")
    waits = []
    for _ in range(10):
        with pytest.raises(TooManyGuessesError) as raised:
            all_holders.enter(number, pin)
        waits.append(raised.value.retry_after_s)
        clock.advance(waits[-1] - 1)
        # Not even the right PIN is checked, and another attempt does not make the wait longer.
        assert answer(all_holders, number, pin).startswith("TooManyGuessesError")
        clock.advance(1)
        assert answer(all_holders, number, other_than(pin)).startswith("WrongPinError")
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_the_right_pin_resets_the_count(
    all_holders: Holders, opened: tuple[str, str], clock: SetClock
) -> None:
    number, pin = opened
    for _ in range(3):
        for _ in range(4):
            answer(all_holders, number, other_than(pin))
        assert answer(all_holders, number, pin) == "entered"
    for _ in range(5):
        answer(all_holders, number, other_than(pin))
    clock.advance(30)
    assert answer(all_holders, number, pin) == "entered"
    assert answer(all_holders, number, other_than(pin)).startswith("WrongPinError")


def test_wrong_pins_of_one_case_do_not_lock_another(
    all_holders: Holders, opened: tuple[str, str], bank: Bank
) -> None:
    for _ in range(6):
        answer(all_holders, opened[0], other_than(opened[1]))
    other = bank.open_case(adult=True, actor="intake")
    assert answer(all_holders, other.number, other.pin) == "entered"


def test_wrong_pins_still_count_after_a_restart(
    all_holders: Holders, opened: tuple[str, str], settings: Settings, clock: SetClock
) -> None:
    number, pin = opened
    for _ in range(5):
        answer(all_holders, number, other_than(pin))
    again = Database(settings.url)
    restarted = Holders(again, Bank(again, clock), clock)
    assert answer(restarted, number, pin).startswith("TooManyGuessesError")
    again.close()


@pytest.mark.both_databases
def test_guesses_at_the_same_time_are_all_counted(
    all_holders: Holders, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each guess is counted before it is checked, so of twenty at once only five are checked."""
    checked = []
    monkeypatch.setattr(holders, "check_pin", lambda pin, pin_hash: checked.append(pin))
    threads = [
        threading.Thread(target=answer, args=(all_holders, opened[0], f"{number:08}"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(checked) == 5


@pytest.mark.parametrize(
    "number",
    ["unknown", "withdrawn", "no number", "another check digit"],
)
def test_a_wrong_number_gets_the_same_answer_as_a_wrong_pin(
    all_holders: Holders, opened: tuple[str, str], bank: Bank, number: str
) -> None:
    right, pin = opened
    withdrawn = bank.open_case(adult=True, actor="intake")
    bank.withdraw_case(withdrawn.number, actor="intake")
    tried = {
        "unknown": new_case_number(),
        "withdrawn": withdrawn.number,
        "no number": "x",
        "another check digit": right[:-1] + ("0" if right[-1] != "0" else "1"),
    }[number]
    expected = answer(all_holders, right, other_than(pin))
    assert expected == "WrongPinError: No case has this number and this PIN."
    assert answer(all_holders, tried, pin) == expected


@pytest.mark.parametrize("known", [True, False], ids=["a case", "no case"])
def test_one_hash_is_verified_whether_there_is_a_case_or_not(
    all_holders: Holders, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    real, verified = pins.HASHER, []

    class Counting:
        """Verifies as the real hasher does, and lists the hashes."""

        def hash(self, pin: str) -> str:
            return real.hash(pin)

        def verify(self, pin_hash: str, pin: str) -> bool:
            verified.append(pin_hash)
            return real.verify(pin_hash, pin)

    monkeypatch.setattr(pins, "HASHER", Counting())
    number = opened[0] if known else new_case_number()
    with pytest.raises(WrongPinError):
        all_holders.enter(number, other_than(opened[1]))
    assert len(verified) == 1
    assert verified[0].startswith("$argon2id$")


def test_a_wrong_pin_causes_the_same_writes_whether_the_case_exists_or_not(
    all_holders: Holders, opened: tuple[str, str], statements: Callable[..., list[str]]
) -> None:
    known = statements(lambda: answer(all_holders, opened[0], other_than(opened[1])))
    unknown = statements(lambda: answer(all_holders, new_case_number(), opened[1]))
    writes = ("INSERT", "UPDATE", "DELETE", "BEGIN")
    assert [each for each in known if each in writes] == [
        each for each in unknown if each in writes
    ]


@pytest.fixture
def statements() -> Iterator[Callable[[Callable[[], object]], list[str]]]:
    """A function that returns the first word of each SQL statement that a call causes."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement.split(maxsplit=1)[0])

    def statements_of(call: Callable[[], object]) -> list[str]:
        seen.clear()
        call()
        return list(seen)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements_of
    event.remove(Engine, "before_cursor_execute", note)


def test_mistyped_numbers_are_stored_as_digests_and_for_a_week_only(
    all_holders: Holders,
    opened: tuple[str, str],
    database: Database,
    settings: Settings,
    clock: SetClock,
) -> None:
    tried = new_case_number()
    answer(all_holders, tried, "00000000")

    def kept() -> int:
        with database.read() as connection:
            return len(connection.execute(select(pin_guess)).all())

    assert kept() == 1
    assert tried.encode() not in bytes_of(settings.data_dir)
    clock.advance(timedelta(days=7).total_seconds() + 1)
    assert answer(all_holders, *opened) == "entered"
    assert kept() == 0


def test_a_check_that_waits_too_long_for_a_slot_is_refused(
    all_holders: Holders, opened: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "PATIENCE_S", 0.01)
    monkeypatch.setattr(pins, "CHECK_SLOTS", threading.BoundedSemaphore(1))
    with pins.CHECK_SLOTS:
        assert answer(all_holders, *opened).startswith("TooManyGuessesError")
    assert answer(all_holders, *opened) == "entered"
    assert pins.CHECK_SLOTS.acquire(blocking=False)


@pytest.mark.parametrize(
    "typed",
    ["7K3M-X9QD-5", "7k3m-x9qd-5", "7K3M X9QD 5", "7K3MX9QD5", " 7k3mx9qd-5 "],
)
def test_a_number_is_recognised_as_people_type_it(typed: str) -> None:
    assert read_case_number(typed) == "7K3M-X9QD-5"


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    assert read_case_number("OoIi-LlX9-o") == "0011-11X9-0"
    for text in ("", "x", "é" * 20, "-", "1" * 20):
        assert isinstance(read_case_number(text), str)
