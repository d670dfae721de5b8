"""A case is a number and a PIN. No case is opened for a minor; unknown numbers reveal nothing."""

from collections.abc import Callable

import argon2
import pytest

from hashsvc import audit
from hashsvc.bank import Bank, BankError, MinorError, UnknownCaseError, new_case_number, pins
from hashsvc.settings import Settings
from hashsvc.store import Database, cases
from hashsvc.store.ids import PublicContentId
from tests.helpers.cases import new_content
from tests.helpers.database import bytes_of, rows_of


def test_a_case_has_a_number_a_day_and_no_contents(bank: Bank, database: Database) -> None:
    opened = bank.open_case(adult=True, actor="intake")
    view = bank.view(opened.number, actor="analyst")
    assert (view.number, view.opened_on, view.contents) == (opened.number, "2026-01-05", ())
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)
        assert audit.verify(connection) == 2  # The case was opened, and read.


def test_the_pin_is_stored_only_as_argon2id(
    bank: Bank,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    costly_hasher: argon2.PasswordHasher,
) -> None:
    monkeypatch.setattr(pins, "HASHER", costly_hasher)
    opened = bank.open_case(adult=True, actor="intake")
    with database.read() as connection:
        kept = cases.case_by_number(connection, opened.number).pin_hash
    assert kept.startswith("$argon2id$")
    assert argon2.extract_parameters(kept) == argon2.profiles.RFC_9106_LOW_MEMORY
    assert argon2.PasswordHasher().verify(kept, opened.pin)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(kept, f"{(int(opened.pin) + 1) % 10**8:08}")
    assert opened.pin.encode() not in bytes_of(settings.data_dir)
    assert opened.number.encode() in bytes_of(settings.data_dir)
    assert opened.pin not in repr(opened)


def test_a_minor_is_referred_to_child_focus_and_nothing_is_stored(
    bank: Bank, settings: Settings
) -> None:
    bank.open_case(adult=True, actor="intake")
    before = rows_of(settings.data_dir)
    with pytest.raises(MinorError, match=r"Child Focus.*116000"):
        bank.open_case(adult=False, actor="intake")
    assert rows_of(settings.data_dir) == before


CONTENT = PublicContentId("0" * 32)
ACTIONS: dict[str, Callable[[Bank, str], object]] = {
    "view": lambda bank, number: bank.view(number, actor="a"),
    "add": lambda bank, number: bank.add_contents(number, [new_content(1)], actor="a"),
    "add nothing": lambda bank, number: bank.add_contents(number, [], actor="a"),
    "withdraw content": lambda bank, number: bank.withdraw_content(number, CONTENT, actor="a"),
    "withdraw case": lambda bank, number: bank.withdraw_case(number, actor="a"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_unknown_withdrawn_and_malformed_numbers_get_the_same_answer(
    bank: Bank, number: str, settings: Settings, action: str
) -> None:
    withdrawn = bank.open_case(adult=True, actor="intake").number
    bank.withdraw_case(withdrawn, actor="intake")
    malformed = ["", "x", number.lower(), number + " ", "0000-0000-1", "%", "\0", "a" * 10_000]
    assert number.lower() != number
    before = rows_of(settings.data_dir)
    answers = set()
    for each in (new_case_number(), withdrawn, *malformed):
        with pytest.raises(BankError) as raised:
            ACTIONS[action](bank, each)
        answers.add((raised.type, raised.value.args))
    assert answers == {(UnknownCaseError, ("There is no such case.",))}
    assert rows_of(settings.data_dir) == before
