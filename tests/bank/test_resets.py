"""Two analysts together can give a holder a new PIN; one alone cannot."""

import pytest
from sqlalchemy import select

from hashsvc.bank import (
    Bank,
    Holders,
    OpenedCase,
    Resets,
    SameKeyError,
    TooManyGuessesError,
    UnknownCaseError,
    UnknownResetError,
    WrongPinError,
)
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, OrganisationId, ResetId, random_id
from hashsvc.store.tables import audit_entry
from tests.helpers.database import bytes_of
from tests.helpers.set_clock import SetClock

ANN, BEN = KeyId("ann"), KeyId("ben")
OURS, OTHERS = DEFAULT_ORGANISATION, OrganisationId("1" * 32)


@pytest.fixture
def resets(database: Database, clock: SetClock) -> Resets:
    return Resets(database, clock)


@pytest.fixture
def all_holders(database: Database, bank: Bank, clock: SetClock) -> Holders:
    return Holders(database, bank, clock)


@pytest.fixture
def case(bank: Bank) -> OpenedCase:
    return bank.open_case(adult=True, actor="intake")


def test_the_new_pin_opens_the_case_and_the_old_one_no_longer_does(
    resets: Resets, all_holders: Holders, case: OpenedCase, settings: Settings
) -> None:
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    # The old PIN works until the request is approved.
    assert all_holders.enter(case.number, case.pin)
    pin = resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)
    assert len(pin) == 8
    assert pin != case.pin
    assert all_holders.enter(case.number, pin).view().case.number == case.number
    with pytest.raises(WrongPinError):
        all_holders.enter(case.number, case.pin)
    assert pin.encode() not in bytes_of(settings.data_dir)


def test_one_key_cannot_both_request_and_approve(resets: Resets, case: OpenedCase) -> None:
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    with pytest.raises(SameKeyError):
        resets.approve(case.number, requested.reset_id, actor=ANN, organisation_id=OURS)
    # The refused attempt has not used up the request.
    assert resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)


def test_a_request_is_approved_only_once(resets: Resets, case: OpenedCase) -> None:
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)
    with pytest.raises(UnknownResetError):
        resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)


@pytest.mark.parametrize(("seconds", "lasts"), [(24 * 3600 - 1, True), (24 * 3600, False)])
def test_a_request_expires_after_a_day(
    resets: Resets, case: OpenedCase, clock: SetClock, seconds: int, lasts: bool
) -> None:
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    assert (requested.expires_at - clock()).total_seconds() == 24 * 3600
    clock.advance(seconds)
    if lasts:
        assert resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)
    else:
        with pytest.raises(UnknownResetError):
            resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)


def test_a_later_request_replaces_an_earlier_one(resets: Resets, case: OpenedCase) -> None:
    first, second = (
        resets.request(case.number, actor=each, organisation_id=OURS) for each in (ANN, BEN)
    )
    with pytest.raises(UnknownResetError):
        resets.approve(case.number, first.reset_id, actor=BEN, organisation_id=OURS)
    assert resets.approve(case.number, second.reset_id, actor=ANN, organisation_id=OURS)


def test_a_request_is_valid_for_one_case_only(resets: Resets, case: OpenedCase, bank: Bank) -> None:
    other = bank.open_case(adult=True, actor="intake")
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    for reset_id in (requested.reset_id, ResetId(random_id())):
        with pytest.raises(UnknownResetError):
            resets.approve(other.number, reset_id, actor=BEN, organisation_id=OURS)


def test_another_organisations_case_is_unknown(resets: Resets, case: OpenedCase) -> None:
    with pytest.raises(UnknownCaseError):
        resets.request(case.number, actor=ANN, organisation_id=OTHERS)
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    with pytest.raises(UnknownCaseError):
        resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OTHERS)


def test_a_new_pin_ends_the_wait_after_wrong_pins(
    resets: Resets, all_holders: Holders, case: OpenedCase
) -> None:
    for _ in range(5):
        with pytest.raises(WrongPinError):
            all_holders.enter(case.number, f"{(int(case.pin) + 1) % 10**8:08}")
    with pytest.raises(TooManyGuessesError):
        all_holders.enter(case.number, case.pin)
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    pin = resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)
    assert all_holders.enter(case.number, pin)


def test_the_audit_log_names_both_analysts(
    resets: Resets, case: OpenedCase, database: Database
) -> None:
    requested = resets.request(case.number, actor=ANN, organisation_id=OURS)
    pin = resets.approve(case.number, requested.reset_id, actor=BEN, organisation_id=OURS)
    with database.read() as connection:
        columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
        rows = [tuple(each) for each in connection.execute(select(*columns))]
    assert rows[-2:] == [
        (ANN, "pin.request", case.number),
        (BEN, "pin.renew", case.number),
    ]
    assert pin not in str(rows)


def test_requests_are_deleted_with_their_case(
    resets: Resets, case: OpenedCase, bank: Bank, database: Database
) -> None:
    resets.request(case.number, actor=ANN, organisation_id=OURS)
    bank.withdraw_case(case.number, actor="intake")
    with database.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM pin_reset").scalar_one()
    assert count == 0
