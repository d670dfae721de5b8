"""An image is gone once two checks in a row, far enough apart, do not find it. It may return."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from hashsvc import audit
from hashsvc.bank import Bank
from hashsvc.removal import NotPossibleError, Outcome, Removal, RequestView, State
from hashsvc.removal.states import RECHECKED
from hashsvc.scanning import Look
from hashsvc.settings import Settings
from hashsvc.store import Database, audit_entries
from hashsvc.store.ids import MatchId, RequestId
from tests.helpers.cases import store_request
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, GAP_S, ToldLooker

THERE, UNREACHABLE = Outcome.STILL_THERE, Outcome.UNREACHABLE
NO_IMAGE, NO_PAGE = Outcome.IMAGE_GONE, Outcome.PAGE_GONE
JUST_BELOW = GAP_S - 0.000_001
Step = tuple[float, Outcome, str]

# Each step has the seconds since the step before, what is seen, and the state after it. The time
# to removal follows the steps.
SCRIPTS: dict[str, tuple[list[Step], float | None]] = {
    "two checks, the gap apart": (
        [(10, NO_IMAGE, "sent"), (GAP_S, NO_IMAGE, "gone")],
        10,
    ),
    "two checks, just less apart": (
        [(10, NO_IMAGE, "sent"), (JUST_BELOW, NO_IMAGE, "sent")],
        None,
    ),
    "the first of all counts": (
        [(10, NO_IMAGE, "sent"), (JUST_BELOW, NO_IMAGE, "sent"), (0.000_001, NO_IMAGE, "gone")],
        10,
    ),
    "first the image, then the page": (
        [(10, NO_IMAGE, "sent"), (GAP_S, NO_PAGE, "gone")],
        10,
    ),
    "first the page, then the image": (
        [(10, NO_PAGE, "sent"), (GAP_S, NO_IMAGE, "gone")],
        10,
    ),
    "one check, however late": (
        [(1000 * GAP_S, NO_IMAGE, "sent")],
        None,
    ),
    "unreachable in between begins anew": (
        [
            (10, NO_IMAGE, "sent"),
            (GAP_S, UNREACHABLE, "sent"),
            (GAP_S, NO_IMAGE, "sent"),
            (JUST_BELOW, NO_IMAGE, "sent"),
            (0.000_001, NO_IMAGE, "gone"),
        ],
        10 + 2 * GAP_S,
    ),
    "there in between begins anew": (
        [
            (10, NO_IMAGE, "sent"),
            (GAP_S, THERE, "sent"),
            (GAP_S, NO_IMAGE, "sent"),
            (GAP_S, NO_IMAGE, "gone"),
        ],
        10 + 2 * GAP_S,
    ),
    "unreachable is not gone": (
        [(10, UNREACHABLE, "sent"), (GAP_S, UNREACHABLE, "sent"), (GAP_S, UNREACHABLE, "sent")],
        None,
    ),
    "there is not gone": (
        [(10, THERE, "sent"), (GAP_S, THERE, "sent"), (GAP_S, THERE, "sent")],
        None,
    ),
    "gone stays gone": (
        [
            (10, NO_IMAGE, "sent"),
            (GAP_S, NO_IMAGE, "gone"),
            (10, NO_PAGE, "gone"),
            (10, UNREACHABLE, "gone"),
            (GAP_S, UNREACHABLE, "gone"),
            (GAP_S, NO_IMAGE, "gone"),
        ],
        10,
    ),
    "gone and back": (
        [(10, NO_IMAGE, "sent"), (GAP_S, NO_IMAGE, "gone"), (10, THERE, "reappeared")],
        None,
    ),
    "gone, out of reach, and back": (
        [
            (10, NO_IMAGE, "sent"),
            (GAP_S, NO_IMAGE, "gone"),
            (10, UNREACHABLE, "gone"),
            (10, THERE, "reappeared"),
        ],
        None,
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_state_follows_from_the_checks(
    removal: Removal, looker: ToldLooker, clock: SetClock, sent: RequestId, name: str
) -> None:
    steps, removed_after_s = SCRIPTS[name]
    for seconds, sees, state in steps:
        clock.advance(seconds)
        looker.sees = sees
        outcome, view = removal.rechecks.check(sent, actor=ANN)
        assert (outcome, view.request.state) == (sees, state)
        last = view.events[-1]
        assert (last.outcome, last.state, last.at, last.actor) == (sees, state, clock.now, ANN)
    assert len(view.events) == 3 + len(steps)
    expected = None if removed_after_s is None else timedelta(seconds=removed_after_s)
    assert view.removed_after == expected
    assert removal.view(sent, actor=ANN) == view


def check(
    removal: Removal, looker: ToldLooker, request_id: RequestId, sees: Outcome
) -> RequestView:
    looker.sees = sees
    return removal.rechecks.check(request_id, actor=ANN)[1]


@pytest.mark.parametrize("state", sorted(RECHECKED - {State.GONE}))
def test_an_image_may_be_gone_whatever_the_platform_said(
    removal: Removal,
    database: Database,
    looker: ToldLooker,
    clock: SetClock,
    match_id: MatchId,
    state: str,
) -> None:
    request_id = store_request(database, match_id, state)
    assert check(removal, looker, request_id, NO_IMAGE).request.state == state
    clock.advance(GAP_S)
    assert check(removal, looker, request_id, NO_IMAGE).request.state == "gone"


def test_a_receipt_between_two_checks_does_not_restart_the_count(
    removal: Removal, looker: ToldLooker, clock: SetClock, sent: RequestId
) -> None:
    """A platform's answer after the removal does not make its time to removal longer."""
    clock.advance(10)
    check(removal, looker, sent, NO_IMAGE)
    clock.advance(GAP_S / 2)
    removal.move(sent, State.RECEIPTED, actor=ANN)
    clock.advance(GAP_S / 2)
    view = check(removal, looker, sent, NO_IMAGE)
    assert view.request.state == "gone"
    assert view.removed_after == timedelta(seconds=10)


def test_the_time_to_removal_begins_with_the_first_sending(
    removal: Removal, looker: ToldLooker, clock: SetClock, sent: RequestId
) -> None:
    clock.advance(100)
    removal.move(sent, State.REFUSED, actor=ANN)
    clock.advance(100)
    removal.move(sent, State.SENT, actor=ANN)
    clock.advance(100)
    assert check(removal, looker, sent, NO_IMAGE).removed_after is None
    clock.advance(GAP_S)
    assert check(removal, looker, sent, NO_IMAGE).removed_after == timedelta(seconds=300)


def test_an_image_that_came_back_gets_a_new_request(
    removal: Removal, looker: ToldLooker, clock: SetClock, sent: RequestId, match_id: MatchId
) -> None:
    check(removal, looker, sent, NO_IMAGE)
    clock.advance(GAP_S)
    check(removal, looker, sent, NO_IMAGE)
    clock.advance(10)
    assert check(removal, looker, sent, THERE).request.state == "reappeared"
    (new,) = removal.search(state=State.DRAFT, limit=9)
    assert (new.parent_id, new.link, new.match_id) == (sent, "reappeared", match_id)
    assert (new.image_url, new.created_at) == (
        removal.view(sent, actor=ANN).request.image_url,
        clock.now,
    )
    with pytest.raises(NotPossibleError, match="no other state by hand"):
        removal.move(sent, State.SENT, actor=ANN)
    with pytest.raises(NotPossibleError, match="Only a sent request can be checked"):
        removal.rechecks.check(sent, actor=ANN)
    assert removal.raise_for(match_id, actor=ANN).request.id == new.id


@pytest.mark.parametrize("state", ["draft", "approved", "reappeared", "withdrawn"])
def test_a_request_that_was_not_sent_or_was_withdrawn_is_not_checked(
    removal: Removal,
    database: Database,
    settings: Settings,
    looker: ToldLooker,
    match_id: MatchId,
    state: str,
) -> None:
    request_id = store_request(database, match_id, state)
    before = rows_of(settings.data_dir)
    with pytest.raises(NotPossibleError, match="Only a sent request can be checked"):
        removal.rechecks.check(request_id, actor=ANN)
    assert looker.looks == 0
    assert rows_of(settings.data_dir) == before


@pytest.fixture
def withdraw(database: Database, clock: SetClock) -> Callable[[], object]:
    """Withdraws the case."""
    return lambda: Bank(database, clock).withdraw_case("7K3M-X9QD-5", actor="intake")


@pytest.mark.parametrize("gone", [False, True])
def test_a_withdrawn_case_ends_the_checks(
    removal: Removal,
    looker: ToldLooker,
    clock: SetClock,
    sent: RequestId,
    withdraw: Callable[[], object],
    gone: bool,
) -> None:
    check(removal, looker, sent, NO_IMAGE)
    if gone:
        clock.advance(GAP_S)
        check(removal, looker, sent, NO_IMAGE)
    withdraw()
    before, looks = removal.view(sent, actor=ANN), looker.looks
    assert before.request.state == ("gone" if gone else "withdrawn")
    assert before.removed_after == (timedelta(0) if gone else None)
    with pytest.raises(NotPossibleError, match="Only a sent request can be checked"):
        removal.rechecks.check(sent, actor=ANN)
    assert looker.looks == looks
    assert removal.view(sent, actor=ANN) == before
    with pytest.raises(NotPossibleError, match=r"no other state by hand|From gone a request"):
        removal.move(sent, State.SENT, actor=ANN)


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("sees", [THERE, NO_IMAGE])
def test_a_check_under_way_when_the_case_is_withdrawn_is_not_recorded(
    removal: Removal,
    looker: ToldLooker,
    clock: SetClock,
    sent: RequestId,
    withdraw: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    gone: bool,
    sees: Outcome,
) -> None:
    for _ in range(1 + gone):
        check(removal, looker, sent, NO_IMAGE)
        clock.advance(GAP_S)
    looker.sees = sees
    look = looker.look

    def withdraw_and_look(url: str, **how: Any) -> Iterator[Look]:
        monkeypatch.undo()
        withdraw()
        yield from look(url, **how)

    monkeypatch.setattr(looker, "look", withdraw_and_look)
    with pytest.raises(NotPossibleError, match="Only a sent request can be checked"):
        removal.rechecks.check(sent, actor=ANN)
    view = removal.view(sent, actor=ANN)
    assert view.request.state == ("gone" if gone else "withdrawn")
    assert [each.outcome for each in view.events].count(THERE) == 0
    assert [each.outcome for each in view.events].count(NO_IMAGE) == 1 + gone


def test_every_check_is_in_the_audit_log(
    removal: Removal, database: Database, looker: ToldLooker, sent: RequestId
) -> None:
    for sees in Outcome:
        check(removal, looker, sent, sees)
    with database.read() as connection:
        entries = audit_entries.page(connection, after=0, limit=100)
        assert audit.verify(connection) == len(entries)
    checks = [each for each in entries if each.action == "request.recheck"]
    assert [(each.actor, each.subject) for each in checks] == [(ANN, sent)] * len(Outcome)


def test_an_answer_after_the_image_went_is_on_record_and_it_stays_gone(
    removal: Removal, looker: ToldLooker, clock: SetClock, sent: RequestId
) -> None:
    """If a platform removes first and writes later, it has answered. Its time to removal stays."""
    clock.advance(10)
    check(removal, looker, sent, NO_IMAGE)
    clock.advance(GAP_S)
    before = check(removal, looker, sent, NO_IMAGE)
    answered = clock.now - timedelta(seconds=GAP_S / 2)
    clock.advance(2 * 86_400)
    view = removal.move(sent, State.REMOVED, actor=ANN, at=answered, reason="Removed.")
    assert view.request.state == "gone"
    assert view.removed_after == before.removed_after == timedelta(seconds=10)
    assert view.decided is not None
    assert (view.decided.state, view.decided.at) == ("removed", answered)
    clock.advance(10)
    assert check(removal, looker, sent, THERE).request.state == "reappeared"
