"""A withdrawal deletes signals, matches and unsent requests; sent requests stay on record."""

import pytest
from sqlalchemy import Connection, select

from hashsvc import audit
from hashsvc.bank import Bank, UnknownCaseError, UnknownContentError
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, cases, matches, notices, requests
from hashsvc.store.ids import ContentId, PublicContentId, RequestId
from hashsvc.store.removal_tables import request_event
from hashsvc.store.tables import audit_entry, change, metadata
from tests.helpers.cases import new_content, signals_of, store_match, store_request
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock

UNSENT = ("draft", "approved")
SENT = ("sent", "receipted", "refused", "removed", "order-served")


def fill(bank: Bank, database: Database, number: str, *seeds: int) -> list[ContentId]:
    bank.add_contents(number, [new_content(each) for each in seeds], actor="intake")
    with database.read() as connection:
        case_id = cases.case_by_number(connection, number).id
        return [each.id for each in cases.contents_of(connection, case_id)]


def counts(connection: Connection, *tables: str) -> list[int]:
    return [len(connection.execute(select(metadata.tables[each])).all()) for each in tables]


def request_for(database: Database, content_id: ContentId, state: str) -> RequestId:
    match_id = store_match(
        database, content_id, state="confirmed", image_url=f"https://example.org/{state}.jpg"
    )
    return store_request(database, match_id, state)


def test_a_withdrawn_case_is_deleted_with_everything_it_had(
    bank: Bank, database: Database, number: str
) -> None:
    other = bank.open_case(adult=True, actor="intake").number
    mine = fill(bank, database, number, 1, 2)
    theirs = fill(bank, database, other, 3)
    for content_id in (*mine, *theirs):
        store_match(database, content_id)
    kept = request_for(database, theirs[0], "draft")

    assert bank.withdraw_case(number, actor="intake") == 2
    with pytest.raises(UnknownCaseError):
        bank.view(number, actor="intake")
    with database.read() as connection:
        assert counts(connection, "bank_case", "content", "signature") == [1, 1, 1]
        assert counts(connection, "match", "removal_request") == [2, 1]
        assert requests.by_id(connection, kept).state == "draft"
        found = matches.search(connection, state=None, scan_id=None, limit=10)
        assert {each.content_id for each in found} == set(theirs)
        query = select(change.c.kind, change.c.content_id).order_by(change.c.seq)
        changes = [tuple(each) for each in connection.execute(query)]
        assert changes[3:] == [("remove", each) for each in mine]
        assert audit.verify(connection) > 0


def test_a_withdrawn_content_leaves_the_others(bank: Bank, database: Database, number: str) -> None:
    first, second = fill(bank, database, number, 1, 2)
    for content_id in (first, second):
        store_match(database, content_id)
    bank.withdraw_content(number, new_content(1).public_id, actor="intake")
    assert [each.content for each in bank.view(number, actor="intake").contents] == [
        new_content(2).public_id
    ]
    with database.read() as connection:
        assert not cases.has_content(connection, first)
        assert {each.content_id for each in signals_of(database, first, second)} == {second}
        (match,) = matches.search(connection, state=None, scan_id=None, limit=10)
        assert match.content_id == second
    with pytest.raises(UnknownContentError):
        bank.withdraw_content(number, new_content(1).public_id, actor="intake")


@pytest.mark.parametrize("state", UNSENT)
def test_a_request_that_was_never_sent_is_deleted(
    bank: Bank, database: Database, number: str, state: str
) -> None:
    (content_id,) = fill(bank, database, number, 1)
    request_id = request_for(database, content_id, state)
    bank.withdraw_case(number, actor="intake")
    with database.read() as connection:
        with pytest.raises(UnknownRowError):
            requests.by_id(connection, request_id)
        assert requests.events_of(connection, [request_id]) == []
        assert counts(connection, "removal_request", "request_event") == [0, 0]


@pytest.mark.parametrize("state", SENT)
def test_a_request_that_was_sent_stays_without_its_match(
    bank: Bank, database: Database, number: str, clock: SetClock, state: str
) -> None:
    (content_id,) = fill(bank, database, number, 1)
    request_id = request_for(database, content_id, state)
    clock.advance(60)
    bank.withdraw_case(number, actor="intake")
    with database.read() as connection:
        request = requests.by_id(connection, request_id)
        first, last = requests.events_of(connection, [request_id])
        assert counts(connection, "match") == [0]
    assert (request.state, request.match_id) == ("withdrawn", None)
    assert request.platform == "example.org"
    with database.read() as connection:
        (notice,) = notices.of_requests(connection, [request_id])[request_id]
        assert notice.case_id is None
        assert notices.document(connection, notice.id, "text") == b"A notice."
    assert first.state == state
    assert (last.state, last.actor, last.at) == ("withdrawn", "intake", clock.now)


@pytest.mark.parametrize("state", ["gone", "reappeared"])
def test_a_withdrawal_does_not_change_a_request_that_was_fulfilled(
    bank: Bank, database: Database, number: str, state: str
) -> None:
    """The platform removed the image, and its record must keep showing that."""
    (content_id,) = fill(bank, database, number, 1)
    request_id = request_for(database, content_id, state)
    bank.withdraw_case(number, actor="intake")
    with database.read() as connection:
        request = requests.by_id(connection, request_id)
        assert (request.state, request.match_id) == (state, None)
        events = connection.execute(select(request_event.c.state)).scalars().all()
        assert events == [state]


def test_only_a_cases_own_contents_can_be_withdrawn(
    bank: Bank, database: Database, settings: Settings, number: str
) -> None:
    other = bank.open_case(adult=True, actor="intake").number
    fill(bank, database, other, 1)
    before = rows_of(settings.data_dir)
    answers = set()
    for content in (new_content(1).public_id, PublicContentId("f" * 32), PublicContentId("")):
        with pytest.raises(UnknownContentError) as raised:
            bank.withdraw_content(number, content, actor="intake")
        answers.add(raised.value.args)
    assert len(answers) == 1
    assert rows_of(settings.data_dir) == before


def test_every_action_is_in_the_audit_log(bank: Bank, database: Database, number: str) -> None:
    one, two = new_content(1), new_content(2)
    bank.add_contents(number, [one, two], actor="holder")
    bank.view(number, actor="reader")
    bank.withdraw_content(number, one.public_id, actor="holder")
    bank.withdraw_case(number, actor="office")
    with database.read() as connection:
        query = select(audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
        entries = [tuple(each) for each in connection.execute(query.order_by(audit_entry.c.seq))]
    assert entries == [
        ("intake", "case.open", number),
        ("holder", "content.add", one.public_id),
        ("holder", "content.add", two.public_id),
        ("reader", "case.read", number),
        ("holder", "content.withdraw", one.public_id),
        ("office", "content.withdraw", two.public_id),
        ("office", "case.withdraw", number),
    ]
