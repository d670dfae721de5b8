"""Each document of a notice, and each text of an event, opens in its own place only."""

import pytest
from sqlalchemy import select, update

from hashsvc.bank import Bank
from hashsvc.keyring import KeyringError
from hashsvc.settings import Settings
from hashsvc.store import Database, notices, requests
from hashsvc.store.ids import NoticeId, RequestId
from hashsvc.store.notices import Notice
from hashsvc.store.removal_tables import (
    notice_document,
    notice_request,
    removal_notice,
    removal_request,
    request_event,
)
from hashsvc.store.requests import Step
from tests.helpers.cases import store_case, store_content, store_match, store_request
from tests.helpers.database import bytes_of
from tests.helpers.set_clock import START, SetClock

MARKED = b"a marked document of https://marked.example/secret-page"
WORDS = "marked words of the platform"
FACTS = '{"page":{"url":"https://marked.example/facts"}}'


@pytest.fixture
def request_ids(database: Database) -> list[RequestId]:
    """Two requests, each with its own draft."""
    content_id = store_content(database, store_case(database))
    return [
        store_request(
            database,
            store_match(
                database,
                content_id,
                state="confirmed",
                image_url=f"https://marked.example/{number}.jpg",
            ),
            "draft",
        )
        for number in range(2)
    ]


@pytest.fixture
def fixed(database: Database, request_ids: list[RequestId]) -> list[Notice]:
    """The notices of both requests, fixed in two formats."""
    with database.write() as connection:
        found = notices.of_requests(connection, request_ids)
        made = [found[each][0] for each in request_ids]
        for number, each in enumerate(made):
            documents = {form: MARKED + form.encode() + b"%d" % number for form in ("text", "pdf")}
            notices.fix(connection, each, "{}", documents)
        for request_id in request_ids:
            step = Step(START, "ann", "sent", None, WORDS, FACTS)
            requests.add_event(connection, request_id, step)
    return made


@pytest.mark.both_databases
def test_documents_are_read_by_notice_and_format(database: Database, fixed: list[Notice]) -> None:
    with database.read() as connection:
        for number, each in enumerate(fixed):
            assert notices.formats(connection, each.id) == ["pdf", "text"]
            for form in ("text", "pdf"):
                expected = MARKED + form.encode() + b"%d" % number
                assert notices.document(connection, each.id, form) == expected
            assert notices.document(connection, each.id, "html") is None
        assert notices.document(connection, NoticeId("none"), "text") is None


def test_no_file_contains_a_document_a_reason_or_a_url_unsealed(
    database: Database, settings: Settings, fixed: list[Notice]
) -> None:
    database.close()
    everything = bytes_of(settings.data_dir)
    for each in (b"marked", WORDS.encode(), b"secret-page", b"marked.example"):
        assert each not in everything


@pytest.mark.parametrize("swap", ["of two notices", "of two forms"])
def test_exchanged_documents_do_not_open(
    database: Database, fixed: list[Notice], swap: str
) -> None:
    first = (fixed[0].id, "text")
    second = (fixed[1].id, "text") if swap == "of two notices" else (fixed[0].id, "pdf")
    table = notice_document.c
    with database.write() as connection:
        sealed = {
            place: connection.execute(
                select(table.sealed).where(table.notice_id == place[0], table.format == place[1])
            ).scalar_one()
            for place in (first, second)
        }
        for place, other in ((first, second), (second, first)):
            query = update(notice_document).where(
                table.notice_id == place[0], table.format == place[1]
            )
            connection.execute(query.values(sealed=sealed[other]))
    with database.read() as connection:
        for notice_id, form in (first, second):
            with pytest.raises(KeyringError):
                notices.document(connection, notice_id, form)


@pytest.mark.parametrize("column", ["reason", "facts"])
def test_a_reason_or_facts_moved_to_another_request_do_not_open(
    database: Database, fixed: list[Notice], request_ids: list[RequestId], column: str
) -> None:
    first, second = request_ids
    moved = request_event.c[column]
    with database.write() as connection:
        sealed = connection.execute(
            select(moved).where(request_event.c.request_id == second, moved.is_not(None))
        ).scalar_one()
        connection.execute(
            update(request_event)
            .where(request_event.c.request_id == first, moved.is_not(None))
            .values(**{column: sealed})
        )
    with database.read() as connection:
        assert requests.events_of(connection, [second])[-1].reason == WORDS
        with pytest.raises(KeyringError):
            requests.events_of(connection, [first])


def test_a_reason_in_the_place_of_facts_does_not_open(
    database: Database, fixed: list[Notice], request_ids: list[RequestId]
) -> None:
    with database.write() as connection:
        rows = update(request_event).where(request_event.c.reason.is_not(None))
        connection.execute(rows.values(facts=request_event.c.reason))
    with database.read() as connection, pytest.raises(KeyringError):
        requests.events_of(connection, request_ids)


def test_an_altered_document_does_not_open(database: Database, fixed: list[Notice]) -> None:
    place = notice_document.c.notice_id == fixed[0].id
    with database.write() as connection:
        sealed = connection.execute(select(notice_document.c.sealed).where(place)).scalars().first()
        assert sealed is not None
        altered = bytearray(sealed)
        altered[-1] ^= 1
        connection.execute(update(notice_document).where(place).values(sealed=bytes(altered)))
    with database.read() as connection, pytest.raises(KeyringError):
        notices.document(connection, fixed[0].id, "text")


@pytest.mark.both_databases
@pytest.mark.parametrize("state", ["draft", "approved", "sent"])
def test_after_a_withdrawal_only_sent_requests_keep_their_notices(
    database: Database, state: str
) -> None:
    content_id = store_content(database, store_case(database))
    match_id = store_match(database, content_id, state="confirmed")
    request_id = store_request(database, match_id, state)
    Bank(database, SetClock()).withdraw_case("7K3M-X9QD-5", actor="intake")
    with database.read() as connection:
        left = {
            table.name: len(connection.execute(select(table)).all())
            for table in (
                removal_notice,
                notice_document,
                notice_request,
                removal_request,
                request_event,
            )
        }
        found = notices.of_requests(connection, [request_id])[request_id]
    kept = state == "sent"
    assert left == {
        "removal_notice": int(kept),
        "notice_document": int(kept),
        "notice_request": int(kept),
        "removal_request": int(kept),
        "request_event": 2 * int(kept),
    }
    assert [each.case_id for each in found] == [None] * int(kept)


@pytest.mark.both_databases
def test_a_full_draft_is_not_offered_for_more_requests(
    database: Database, request_ids: list[RequestId]
) -> None:
    with database.read() as connection:
        like = notices.of_requests(connection, request_ids)[request_ids[0]][0]
        assert notices.draft_for(connection, like, most=2) is not None
        assert notices.draft_for(connection, like, most=1) is None
