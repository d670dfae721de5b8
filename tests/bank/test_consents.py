"""A consent is stored with its version and its days, and holds until it is withdrawn."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from hashsvc.bank import (
    CONSENT_VERSION,
    Bank,
    ConsentKind,
    Consents,
    NotSubmittableError,
    UnknownCaseError,
    has_consent,
)
from hashsvc.settings import Settings
from hashsvc.store import Database, cases
from hashsvc.store.consents import Consent
from hashsvc.store.ids import KeyId, OrganisationId
from hashsvc.store.removal_tables import consent
from hashsvc.store.tables import audit_entry
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock

ANN = KeyId("key of an analyst")
NOTIFY, LITIGATE = ConsentKind.NOTIFY, ConsentKind.LITIGATE
DAY = "2026-01-05"


@pytest.fixture
def consents(database: Database, clock: SetClock) -> Consents:
    return Consents(database, clock)


@pytest.fixture
def number(bank: Bank) -> str:
    return bank.open_case(adult=True, actor="intake").number


@pytest.fixture
def holds(database: Database, number: str) -> Callable[[ConsentKind], bool]:
    """Returns whether a consent of the case holds."""

    def holds(kind: ConsentKind) -> bool:
        with database.read() as connection:
            case = cases.case_by_number(connection, number)
            return has_consent(connection, case.id, kind)

    return holds


def test_a_new_case_has_the_consents_to_hash_and_to_notify(
    consents: Consents, number: str, holds: Callable[[ConsentKind], bool]
) -> None:
    assert consents.view(number, actor=ANN) == [
        Consent("hash", CONSENT_VERSION, DAY, None),
        Consent("notify", CONSENT_VERSION, DAY, None),
    ]
    assert [each for each in ConsentKind if holds(each)] == ["hash", "notify"]


@pytest.mark.parametrize(
    ("consented", "kinds"),
    [
        ((), ["hash"]),
        ((LITIGATE,), ["hash", "litigate"]),
        ((NOTIFY, NOTIFY, ConsentKind.SHARE), ["hash", "notify", "share"]),
    ],
)
def test_a_new_case_has_the_consents_that_were_given(
    bank: Bank, consents: Consents, consented: tuple[ConsentKind, ...], kinds: list[str]
) -> None:
    number = bank.open_case(adult=True, actor="intake", consented=consented).number
    assert [each.kind for each in consents.view(number, actor=ANN)] == kinds


def test_a_withdrawn_consent_no_longer_holds_but_stays_on_record(
    consents: Consents, clock: SetClock, number: str, holds: Callable[[ConsentKind], bool]
) -> None:
    clock.advance(24 * 3600)
    consents.withdraw(number, NOTIFY, actor=ANN)
    assert not holds(NOTIFY)
    assert holds(ConsentKind.HASH)
    clock.advance(24 * 3600)
    found = consents.give(number, NOTIFY, version="2", actor=ANN)
    assert found[1:] == [
        Consent("notify", CONSENT_VERSION, DAY, "2026-01-06"),
        Consent("notify", "2", "2026-01-07", None),
    ]
    assert holds(NOTIFY)


def test_each_consent_keeps_its_version_and_one_withdrawal_ends_all(
    consents: Consents, number: str, holds: Callable[[ConsentKind], bool]
) -> None:
    for version in ("2", "2", "3"):
        consents.give(number, NOTIFY, version=version, actor=ANN)
    versions = [each.version for each in consents.view(number, actor=ANN) if each.kind == NOTIFY]
    assert versions == [CONSENT_VERSION, "2", "3"]
    found = consents.withdraw(number, NOTIFY, actor=ANN)
    assert [each.withdrawn_on for each in found if each.kind == NOTIFY] == [DAY] * 3
    assert not holds(NOTIFY)


def test_the_consent_to_hash_cannot_be_withdrawn_alone(
    consents: Consents, settings: Settings, number: str
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(NotSubmittableError, match="withdraw the case"):
        consents.withdraw(number, ConsentKind.HASH, actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_withdrawing_a_consent_that_was_not_given_changes_nothing(
    consents: Consents, settings: Settings, number: str
) -> None:
    before = rows_of(settings.data_dir)
    assert len(consents.withdraw(number, LITIGATE, actor=ANN)) == 2
    assert rows_of(settings.data_dir) == before


def test_every_action_is_in_the_audit_log(
    consents: Consents, database: Database, number: str
) -> None:
    consents.view(number, actor=ANN)
    consents.give(number, LITIGATE, version="1", actor=ANN)
    consents.withdraw(number, LITIGATE, actor=ANN)
    with database.read() as connection:
        columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
        rows = connection.execute(select(*columns).order_by(audit_entry.c.seq)).all()
    assert [tuple(each) for each in rows][-3:] == [
        (ANN, "consent.read", number),
        (ANN, "consent.give-litigate", number),
        (ANN, "consent.withdraw-litigate", number),
    ]


def test_consents_are_deleted_with_their_case(bank: Bank, database: Database, number: str) -> None:
    other = bank.open_case(adult=True, actor="intake").number
    bank.withdraw_case(number, actor="intake")
    with database.read() as connection:
        kept = connection.execute(select(consent.c.case_id)).scalars().all()
        assert set(kept) == {cases.case_by_number(connection, other).id}


@pytest.mark.parametrize("action", ["view", "give", "withdraw"])
def test_another_organisations_case_is_unknown(
    consents: Consents, settings: Settings, number: str, action: str
) -> None:
    other = OrganisationId("f" * 32)
    actions: dict[str, Callable[[], object]] = {
        "view": lambda: consents.view(number, actor=ANN, organisation_id=other),
        "give": lambda: consents.give(
            number, LITIGATE, version="1", actor=ANN, organisation_id=other
        ),
        "withdraw": lambda: consents.withdraw(number, NOTIFY, actor=ANN, organisation_id=other),
    }
    before = rows_of(settings.data_dir)
    with pytest.raises(UnknownCaseError):
        actions[action]()
    assert rows_of(settings.data_dir) == before
