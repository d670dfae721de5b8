"""Sent requests are re-checked on schedule, and move to silent when no answer came in time."""

from datetime import timedelta
from typing import Any

import pytest

from hashsvc.bank import Bank, ConsentKind, Consents
from hashsvc.removal import Language, NotPossibleError, Outcome, Removal, State
from hashsvc.removal.workflow.recheck_loop import ACTOR, CLOCK
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, MatchId, RequestId
from tests.helpers.set_clock import START, SetClock
from tests.removal.conftest import ANN, GAP_S, Configured, ToldLooker
from tests.removal.statements import recorded
from tests.removal.steps import NUMBER, entry, lead, matched, raised, sent_to

DAY_S = 24 * 3600.0
ONE = 0.000_001


def check_at(removal: Removal, request_id: RequestId) -> float | None:
    """Return when the next check is due, in seconds after START."""
    at = removal.view(request_id, actor=ANN).request.check_at
    return None if at is None else (at - START).total_seconds()


def work(removal: Removal) -> int:
    """Make all checks that are due, and return their number."""
    checks = 0
    while removal.rechecks.work_once():
        checks += 1
    return checks


def test_a_request_is_checked_a_day_after_the_sending_and_each_day_after(
    removal: Removal, looker: ToldLooker, sent: RequestId, clock: SetClock
) -> None:
    clock.advance(DAY_S - ONE)
    assert work(removal) == 0
    clock.advance(ONE)
    assert work(removal) == 1
    assert check_at(removal, sent) == 2 * DAY_S
    clock.advance(DAY_S + 100)
    assert work(removal) == 1
    assert check_at(removal, sent) == 3 * DAY_S + 100
    steps = [each for each in removal.view(sent, actor=ANN).events if each.outcome]
    assert [(each.actor, each.outcome) for each in steps] == [(ACTOR, "still-there")] * 2


def test_missed_checks_are_not_made_up_for(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    clock.advance(10 * DAY_S)
    assert work(removal) == 1
    assert check_at(removal, sent) == 11 * DAY_S


def test_nothing_is_checked_before_the_sending(
    removal: Removal, looker: ToldLooker, match_id: MatchId, clock: SetClock
) -> None:
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    lead(removal, request_id, "approved")
    clock.advance(10 * DAY_S)
    assert work(removal) == 0
    assert looker.looks == 0


def test_the_second_check_of_an_absent_image_comes_as_soon_as_it_counts(
    removal: Removal, looker: ToldLooker, sent: RequestId, clock: SetClock
) -> None:
    looker.sees = Outcome.PAGE_GONE
    clock.advance(DAY_S)
    assert work(removal) == 1
    assert check_at(removal, sent) == DAY_S + GAP_S
    clock.advance(GAP_S - ONE)
    assert work(removal) == 0
    clock.advance(ONE)
    assert work(removal) == 1
    assert removal.view(sent, actor=ANN).request.state == "gone"
    # From then on it is checked once a day.
    assert check_at(removal, sent) == 2 * DAY_S + GAP_S


def test_an_unreachable_page_brings_no_early_second_check(
    removal: Removal, looker: ToldLooker, sent: RequestId, clock: SetClock
) -> None:
    looker.sees = Outcome.UNREACHABLE
    clock.advance(DAY_S)
    assert work(removal) == 1
    assert check_at(removal, sent) == 2 * DAY_S


def test_a_worker_that_dies_has_missed_one_check(
    removal: Removal,
    looker: ToldLooker,
    sent: RequestId,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_args: object, **_how: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(looker, "look", die)
    clock.advance(DAY_S)
    with pytest.raises(KeyboardInterrupt):
        removal.rechecks.work_once()
    monkeypatch.undo()
    assert work(removal) == 0
    assert len(removal.view(sent, actor=ANN).events) == 3
    clock.advance(DAY_S)
    assert work(removal) == 1
    assert removal.view(sent, actor=ANN).events[-1].outcome == "still-there"


def test_a_case_that_is_withdrawn_during_a_check_ends_the_checks(
    removal: Removal,
    database: Database,
    looker: ToldLooker,
    sent: RequestId,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = looker.look

    def withdraw_and_look(url: str, **how: Any) -> Any:
        monkeypatch.undo()
        Bank(database, clock).withdraw_case(NUMBER, actor="intake")
        yield from look(url, **how)

    monkeypatch.setattr(looker, "look", withdraw_and_look)
    clock.advance(DAY_S)
    assert removal.rechecks.work_once()
    view = removal.view(sent, actor=ANN)
    assert (view.request.state, view.request.check_at) == ("withdrawn", None)
    assert [each.outcome for each in view.events] == [None] * 4
    assert view.events[-1].audit_seq is not None
    clock.advance(DAY_S)
    assert work(removal) == 0


def test_an_image_that_comes_back_gets_a_new_request_and_the_old_one_no_more_checks(
    removal: Removal, looker: ToldLooker, sent: RequestId, clock: SetClock
) -> None:
    looker.sees = Outcome.IMAGE_GONE
    clock.advance(DAY_S)
    work(removal)
    clock.advance(GAP_S)
    work(removal)
    looker.sees = Outcome.STILL_THERE
    clock.advance(DAY_S)
    assert work(removal) == 1
    assert removal.view(sent, actor=ANN).request.state == "reappeared"
    assert check_at(removal, sent) is None
    (child,) = removal.search(state=State.DRAFT, limit=9)
    assert (child.parent_id, child.link) == (sent, "reappeared")
    lead(removal, child.id, "approved", "sent")
    clock.advance(DAY_S)
    assert work(removal) == 1
    assert removal.view(child.id, actor=ANN).events[-1].outcome == "still-there"


def test_an_image_that_comes_back_without_the_consent_is_recorded_and_not_requested(
    removal: Removal, database: Database, looker: ToldLooker, sent: RequestId, clock: SetClock
) -> None:
    looker.sees = Outcome.IMAGE_GONE
    for _ in range(2):
        removal.rechecks.check(sent, actor=ANN)
        clock.advance(GAP_S)
    Consents(database, clock).withdraw(NUMBER, ConsentKind.NOTIFY, actor=ANN)
    looker.sees = Outcome.STILL_THERE
    assert removal.rechecks.check(sent, actor=ANN)[1].request.state == "reappeared"
    assert removal.search(state=State.DRAFT, limit=9) == []


HOURS_48 = 48 * 3600.0


@pytest.mark.parametrize("state", ["sent", "receipted"])
@pytest.mark.parametrize(("seconds", "silent"), [(HOURS_48, False), (HOURS_48 + ONE, True)])
def test_without_an_answer_in_48_hours_the_platform_is_silent(
    removal: Removal, sent: RequestId, clock: SetClock, state: str, seconds: float, silent: bool
) -> None:
    if state == "receipted":
        lead(removal, sent, "receipted")
    clock.advance(seconds)
    assert removal.rechecks.mark_silent() == int(silent)
    last = removal.view(sent, actor=ANN).events[-1]
    assert last.state == ("silent" if silent else state)
    assert not silent or (last.actor, last.at) == (CLOCK, clock.now)
    assert removal.rechecks.mark_silent() == 0


def test_the_organisations_own_limit_counts(
    configured: Configured, sent: RequestId, clock: SetClock
) -> None:
    """The request was sent before the setting was changed and the service started anew."""
    removal = configured(answer_within_h=5)
    clock.advance(5 * 3600)
    assert removal.rechecks.mark_silent() == 0
    clock.advance(ONE)
    assert removal.rechecks.mark_silent() == 1


def test_a_platform_is_silent_under_the_law_of_the_united_states_too(
    configured: Configured, match_id: MatchId, clock: SetClock
) -> None:
    removal = configured(signatory="Head of the legal service")
    clock.now = clock.now.replace(month=7)
    american = entry("a-site", "example.org", channel={"basis": "take-it-down"})
    removal.context.platforms.put(american, actor=ANN)
    request_id = sent_to(removal, match_id)
    clock.advance(HOURS_48 + ONE)
    assert removal.rechecks.mark_silent() == 1
    assert removal.view(request_id, actor=ANN).request.state == "silent"


@pytest.mark.parametrize("state", ["removed", "refused", "partial", "identity-asked"])
def test_a_platform_that_answered_or_removed_is_not_silent(
    removal: Removal,
    database: Database,
    content_id: ContentId,
    looker: ToldLooker,
    clock: SetClock,
    state: str,
) -> None:
    answered, went = (
        each.request.id
        for each in raised(removal, *(matched(database, content_id, each) for each in range(2)))
    )
    lead(removal, answered, "approved", "sent", state)
    looker.sees = Outcome.PAGE_GONE
    removal.rechecks.check(went, actor=ANN)
    clock.advance(GAP_S)
    removal.rechecks.check(went, actor=ANN)
    clock.advance(10 * DAY_S)
    assert removal.rechecks.mark_silent() == 0


def test_the_clock_begins_anew_when_the_notice_is_sent_again(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    lead(removal, sent, "identity-asked")
    clock.advance(HOURS_48)
    lead(removal, sent, "sent")
    clock.advance(HOURS_48)
    assert removal.rechecks.mark_silent() == 0
    clock.advance(ONE)
    assert removal.rechecks.mark_silent() == 1


@pytest.mark.parametrize("number", [1, 12])
def test_a_pass_with_nothing_due_reads_no_waiting_request(
    configured: Configured, database: Database, content_id: ContentId, clock: SetClock, number: int
) -> None:
    """However many requests wait, the database's own indexes show that nothing is due."""
    removal = configured(raise_certain=True)
    made = raised(removal, *(matched(database, content_id, each) for each in range(number)))
    lead(removal, made[0].request.id, "approved", "sent")
    removal.rechecks.run_once()
    clock.advance(60)
    with recorded() as statements:
        removal.rechecks.run_once()
    asked = [each for each in statements if not each.startswith("BEGIN")]
    assert len(asked) == 3
    for each in asked:
        assert "page_url" not in each
        assert "request_event" not in each
    with database.read() as connection:
        for statement, index in zip(asked, ("check_at", "answer_due_at"), strict=False):
            values = tuple("" for _ in range(statement.count("?")))
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            assert f"ix_removal_request_{index}" in " ".join(row[3] for row in rows)


def test_the_time_to_answer_is_kept_up_to_date_when_a_request_moves(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    def due() -> float | None:
        at = removal.view(sent, actor=ANN).request.answer_due_at
        return None if at is None else (at - START).total_seconds()

    assert due() == HOURS_48
    clock.advance(DAY_S)
    lead(removal, sent, "receipted")
    assert due() == HOURS_48
    removal.rechecks.check(sent, actor=ANN)
    assert due() == HOURS_48
    lead(removal, sent, "refused")
    assert due() is None
    lead(removal, sent, "sent")
    assert due() == DAY_S + HOURS_48
    clock.advance(HOURS_48 + ONE)
    assert removal.rechecks.mark_silent() == 1
    assert due() is None


def test_a_longer_limit_than_the_stored_one_counts(
    configured: Configured, database: Database, sent: RequestId, clock: SetClock
) -> None:
    """Another process that started with a shorter limit stored an earlier time."""
    removal = configured(answer_within_h=72)
    removal.rechecks.mark_silent()
    configured(answer_within_h=5).rechecks.mark_silent()
    clock.advance(6 * 3600)
    assert removal.rechecks.mark_silent() == 0
    at = removal.view(sent, actor=ANN).request.answer_due_at
    assert at == START + timedelta(hours=72)


SIX_H = 6 * 3600.0


@pytest.fixture
def served(removal: Removal, database: Database, sent: RequestId, clock: SetClock) -> RequestId:
    """A request about which an order was just served."""
    Consents(database, clock).give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)
    removal.remedies.seek_order(sent, actor=ANN, language=Language.NL)
    lead(removal, sent, "order-served")
    return sent


@pytest.mark.parametrize(("seconds", "state"), [(SIX_H, "order-served"), (SIX_H + ONE, "breached")])
def test_an_order_is_breached_when_the_image_is_seen_after_its_six_hours(
    removal: Removal, served: RequestId, clock: SetClock, seconds: float, state: str
) -> None:
    clock.advance(seconds)
    assert removal.rechecks.check(served, actor=ANN)[1].request.state == state


def test_the_image_is_looked_at_as_soon_as_the_six_hours_are_over(
    removal: Removal, served: RequestId, clock: SetClock
) -> None:
    assert check_at(removal, served) == SIX_H + 1
    clock.advance(SIX_H)
    assert work(removal) == 0
    clock.advance(1)
    assert work(removal) == 1
    view = removal.view(served, actor=ANN)
    assert (view.request.state, view.events[-1].outcome) == ("breached", "still-there")
    assert check_at(removal, served) == SIX_H + 1 + DAY_S


def test_an_order_that_was_served_a_day_ago_is_checked_at_once(
    removal: Removal, database: Database, sent: RequestId, clock: SetClock
) -> None:
    Consents(database, clock).give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)
    removal.remedies.seek_order(sent, actor=ANN)
    at = clock.now
    clock.advance(DAY_S)
    lead(removal, sent, "order-served", at=at)
    assert work(removal) == 1
    assert removal.view(sent, actor=ANN).request.state == "breached"


@pytest.mark.parametrize("sees", [Outcome.IMAGE_GONE, Outcome.UNREACHABLE])
def test_an_order_is_not_breached_unless_the_image_was_seen(
    removal: Removal, looker: ToldLooker, served: RequestId, clock: SetClock, sees: Outcome
) -> None:
    looker.sees = sees
    clock.advance(SIX_H + 1)
    assert work(removal) == 1
    assert removal.view(served, actor=ANN).request.state == "order-served"


def test_what_an_analyst_saw_counts_as_a_check(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    for state in ("sent", "gone"):
        view = removal.rechecks.observe(
            sent, Outcome.IMAGE_GONE, reason="Seen from Belgium as a member", actor=ANN
        )
        assert view.request.state == state
        assert view.events[-1].reason == "Seen from Belgium as a member"
        clock.advance(GAP_S)
    assert view.removed_after == timedelta(0)


def test_a_request_that_was_not_sent_cannot_be_observed(
    removal: Removal, match_id: MatchId
) -> None:
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    with pytest.raises(NotPossibleError, match="Only a sent request can be checked"):
        removal.rechecks.observe(request_id, Outcome.IMAGE_GONE, reason="Looked", actor=ANN)


def test_two_workers_share_the_checks_that_are_due(
    removal: Removal,
    database: Database,
    settings: Settings,
    looker: ToldLooker,
    content_id: ContentId,
    clock: SetClock,
) -> None:
    made = raised(removal, *(matched(database, content_id, each) for each in range(6)))
    lead(removal, made[0].request.id, "approved", "sent")
    other = Removal(settings, database, looker, clock)
    clock.advance(DAY_S)
    done = 0
    while removal.rechecks.work_once() or other.rechecks.work_once():
        done += 1
    for each in made:
        steps = removal.view(each.request.id, actor=ANN).events
        assert [step.outcome for step in steps].count("still-there") == 1
    assert done == 6
