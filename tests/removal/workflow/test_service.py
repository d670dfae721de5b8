"""A request is raised once for a confirmed match, and moves only as its state allows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashsvc.removal import (
    MOVES,
    Language,
    NotConfirmedError,
    NotPossibleError,
    Removal,
    State,
    UnknownRequestError,
    platform_of,
)
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, requests
from hashsvc.store.ids import ContentId, MatchId, RequestId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.cases import IMAGE_URL, store_match, store_request
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START, SetClock
from tests.removal.conftest import ANN, BEN

ANSWERS = "removed refused partial identity-asked"
LED_TO = {
    "draft": "approved withdrawn",
    "approved": "sent withdrawn",
    "sent": f"receipted silent escalated order-sought {ANSWERS}",
    "receipted": f"silent escalated order-sought {ANSWERS}",
    "removed": "refused partial complained escalated order-sought",
    "refused": "sent removed partial complained escalated order-sought",
    "partial": "sent removed refused complained escalated order-sought",
    "identity-asked": f"sent silent complained escalated order-sought {ANSWERS}",
    "silent": f"sent receipted escalated order-sought {ANSWERS}",
    "complained": f"silent escalated order-sought {ANSWERS}",
    "escalated": f"receipted complained order-sought {ANSWERS}",
    "order-sought": "order-served removed revoked",
    "order-served": "complied breached revoked",
    "breached": "complied revoked",
    "complied": "breached",
    "revoked": "complained escalated order-sought",
    "gone": f"receipted {ANSWERS}",
}
ALLOWED = {(old, new) for old, all_new in LED_TO.items() for new in all_new.split()}


def test_a_request_begins_as_a_draft(
    removal: Removal, database: Database, match_id: MatchId
) -> None:
    view = removal.raise_for(match_id, actor=ANN)
    request = view.request
    assert (request.state, request.match_id, request.created_at) == ("draft", match_id, START)
    assert (request.platform, request.image_url) == ("example.org", IMAGE_URL)
    (event,) = view.events
    assert (event.state, event.actor, event.at, event.outcome) == ("draft", ANN, START, None)
    assert view.removed_after is None
    assert audit_entries(database) == [(ANN, "request.raise", request.id)]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.EN, "Notice of illegal content"),
        (Language.NL, "Melding van illegale inhoud"),
        (Language.FR, "Notification de contenu illicite"),
        (Language.DE, "Meldung rechtswidriger Inhalte"),
    ],
)
def test_the_notice_is_in_the_language_that_was_asked_for(
    removal: Removal, match_id: MatchId, language: Language, words: str
) -> None:
    request = removal.raise_for(match_id, actor=ANN, language=language).request
    notice = removal.document(request.id, actor=ANN).decode()
    assert notice.startswith(words)
    assert request.image_url in notice


def test_a_request_that_is_raised_again_is_the_same_one(
    removal: Removal, database: Database, clock: SetClock, match_id: MatchId
) -> None:
    first = removal.raise_for(match_id, actor=ANN)
    clock.advance(60)
    assert removal.raise_for(match_id, actor=BEN) == first
    moved = removal.move(first.request.id, State.APPROVED, actor=ANN)
    assert removal.raise_for(match_id, actor=BEN) == moved
    assert audit_entries(database) == [
        (who, f"request.{what}", first.request.id)
        for who, what in (
            (ANN, "raise"), (BEN, "read"), (ANN, "approved"), (BEN, "read"),
        )
    ]  # fmt: skip


def test_two_analysts_who_raise_a_request_at_once_get_the_same_one(
    removal: Removal, match_id: MatchId
) -> None:
    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(lambda actor: removal.raise_for(match_id, actor=actor), "abcd"))
    assert len({each.request.id for each in views}) == 1
    assert len(removal.search(state=None, limit=10)) == 1


@pytest.mark.parametrize("state", ["suspected", "dismissed"])
def test_a_match_that_was_not_confirmed_leads_to_no_request(
    removal: Removal,
    database: Database,
    settings: Settings,
    content_id: ContentId,
    state: str,
) -> None:
    match_id = store_match(database, content_id, state=state)
    before = rows_of(settings.data_dir)
    with pytest.raises(NotConfirmedError, match="confirmed"):
        removal.raise_for(match_id, actor=ANN)
    with pytest.raises(UnknownRowError):
        removal.raise_for(MatchId("none"), actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_the_moves_are_those_of_the_table() -> None:
    assert {(old, new) for old, all_new in MOVES.items() for new in all_new} == ALLOWED


@pytest.mark.parametrize("old", State)
def test_every_state_and_every_move(
    removal: Removal,
    database: Database,
    settings: Settings,
    content_id: ContentId,
    clock: SetClock,
    old: State,
) -> None:
    allowed = sorted(new for state, new in ALLOWED if state == old)
    for new in set(State) - {State.ORDER_SOUGHT}:
        match_id = store_match(
            database, content_id, state="confirmed", image_url=f"{IMAGE_URL}?{new}"
        )
        request_id = store_request(database, match_id, old)
        before = rows_of(settings.data_dir)
        clock.advance(60)
        if new in allowed:
            view = removal.move(request_id, new, actor=BEN)
            # A move after the image is gone is on record, and the image stays gone.
            led_to = [new, State.GONE] if old is State.GONE else [new]
            assert view.request.state == led_to[-1]
            assert [each.state for each in view.events] == [old, *led_to]
            for each in view.events[1:]:
                assert (each.actor, each.at, each.outcome) == (BEN, clock.now, None)
            told = [(BEN, f"request.{each}", request_id) for each in led_to]
            assert audit_entries(database)[-len(told) :] == told
        else:
            with pytest.raises(NotPossibleError) as raised:
                removal.move(request_id, new, actor=BEN)
            steps = ", ".join(allowed) or "no other state by hand"
            assert str(raised.value) == f"From {old} a request may go to: {steps}."
            assert rows_of(settings.data_dir) == before


UNKNOWN: dict[str, Callable[[Removal], object]] = {
    "view": lambda removal: removal.view(RequestId("none"), actor=ANN),
    "move": lambda removal: removal.move(RequestId("none"), State.SENT, actor=ANN),
    "recheck": lambda removal: removal.rechecks.check(RequestId("none"), actor=ANN),
}


@pytest.mark.parametrize("deed", UNKNOWN)
def test_an_unknown_request_is_refused_and_leaves_no_trace(
    removal: Removal, settings: Settings, sent: RequestId, deed: str
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(UnknownRequestError):
        UNKNOWN[deed](removal)
    assert rows_of(settings.data_dir) == before


def test_reading_a_request_is_in_the_audit_log(
    removal: Removal, database: Database, sent: RequestId
) -> None:
    assert removal.view(sent, actor=BEN).request.state == "sent"
    assert audit_entries(database)[-1] == (BEN, "request.read", sent)


def test_requests_are_listed_newest_first_and_by_state(
    removal: Removal, database: Database, content_id: ContentId, clock: SetClock
) -> None:
    made = []
    for number in range(3):
        match_id = store_match(
            database, content_id, state="confirmed", image_url=f"{IMAGE_URL}?{number}"
        )
        made.append(removal.raise_for(match_id, actor=ANN).request.id)
        clock.advance(1)
    removal.move(made[1], State.WITHDRAWN, actor=ANN)
    assert [each.id for each in removal.search(state=None, limit=10)] == made[::-1]
    assert [each.id for each in removal.search(state=None, limit=2)] == [made[2], made[1]]
    assert [each.id for each in removal.search(state=State.DRAFT, limit=9)] == [made[2], made[0]]
    assert [each.id for each in removal.search(state=State.WITHDRAWN, limit=9)] == [made[1]]
    assert removal.search(state=State.GONE, limit=10) == []
    with database.read() as connection:
        assert requests.count_by_state(connection) == {"draft": 2, "withdrawn": 1}


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://example.org/a", "example.org"),
        ("https://www.example.org/a", "example.org"),
        ("https://www2.example.org", "www2.example.org"),
        ("http://WWW.Example.org:8080/a?b=https://x.example", "example.org:8080"),
        ("http://[2001:db8::1]:8080/a", "[2001:db8::1]:8080"),
    ],
)
def test_the_platform_is_the_host(url: str, platform: str) -> None:
    assert platform_of(url) == platform
