"""Each clock of a request tells when it began and ends, and whether it was met in time."""

from datetime import UTC, datetime, timedelta

import pytest

from hashsvc.bank import ConsentKind, Consents
from hashsvc.removal import Outcome, Removal
from hashsvc.removal.clocks.clock import ClockState, Countdown, state_of
from hashsvc.removal.clocks.dues import all_clocks, clocks_of
from hashsvc.store import Database
from hashsvc.store.ids import MatchId, RequestId
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, GAP_S, Configured, ToldLooker
from tests.removal.steps import NUMBER, entry, lead, sent_to

H = 3600.0
ONE = 0.000_001


def clocks(removal: Removal, request_id: RequestId, **how: int) -> dict[str, Countdown]:
    view = removal.view(request_id, actor=ANN)
    found = clocks_of(view, removal.context.letters.law, **how)
    return {each.deadline.id: each for each in found}


def stands(removal: Removal, request_id: RequestId, deadline: str, **how: int) -> str:
    return state_of(clocks(removal, request_id, **how)[deadline], removal.context.clock())


def go(
    removal: Removal, looker: ToldLooker, clock: SetClock, request_id: RequestId, sees: Outcome
) -> None:
    """Check twice, far enough apart that both count."""
    looker.sees = sees
    removal.rechecks.check(request_id, actor=ANN)
    clock.advance(GAP_S)
    removal.rechecks.check(request_id, actor=ANN)


def test_before_the_sending_no_clock_runs(removal: Removal, match_id: MatchId) -> None:
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    assert clocks(removal, request_id) == {}
    lead(removal, request_id, "approved")
    assert clocks(removal, request_id) == {}
    lead(removal, request_id, "sent")
    assert set(clocks(removal, request_id)) == {"dsa-timely"}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "running"), (48 * H, "due-today"), (48 * H + ONE, "overdue")],
)
def test_an_answer_is_due_in_48_hours_including_the_last_moment(
    removal: Removal, sent: RequestId, clock: SetClock, seconds: float, expected: str
) -> None:
    clock.advance(seconds)
    assert stands(removal, sent, "dsa-timely") == expected


def test_the_organisations_own_hours_replace_the_48(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    clock.advance(5 * H + ONE)
    assert stands(removal, sent, "dsa-timely", answer_within_h=5) == "overdue"
    assert stands(removal, sent, "dsa-timely", answer_within_h=6) == "due-today"


@pytest.mark.parametrize("answer", ["removed", "refused", "partial", "identity-asked"])
@pytest.mark.parametrize(
    ("seconds", "met"), [(48 * H, ClockState.MET), (48 * H + ONE, ClockState.MET_LATE)]
)
def test_a_decision_meets_the_clock_in_time_or_late(
    removal: Removal, sent: RequestId, clock: SetClock, answer: str, seconds: float, met: ClockState
) -> None:
    clock.advance(seconds)
    lead(removal, sent, answer)
    assert stands(removal, sent, "dsa-timely") == met


@pytest.mark.parametrize("step", ["receipted", "silent", "escalated"])
def test_nothing_but_a_decision_meets_the_clock(
    removal: Removal, sent: RequestId, clock: SetClock, step: str
) -> None:
    lead(removal, sent, step)
    clock.advance(48 * H + ONE)
    assert stands(removal, sent, "dsa-timely") == "overdue"


def test_an_image_that_is_gone_meets_the_clock_when_it_was_first_absent(
    removal: Removal, sent: RequestId, looker: ToldLooker, clock: SetClock
) -> None:
    clock.advance(48 * H)
    went = clock.now
    go(removal, looker, clock, sent, Outcome.IMAGE_GONE)
    found = clocks(removal, sent)["dsa-timely"]
    assert found.met_at == went
    assert state_of(found, clock.now) is ClockState.MET


def test_a_request_whose_image_came_back_has_no_running_clock(
    removal: Removal, sent: RequestId, looker: ToldLooker, clock: SetClock
) -> None:
    """The new request has clocks of its own."""
    go(removal, looker, clock, sent, Outcome.IMAGE_GONE)
    looker.sees = Outcome.STILL_THERE
    assert removal.rechecks.check(sent, actor=ANN)[1].request.state == "reappeared"
    clock.advance(1000 * H)
    assert stands(removal, sent, "dsa-timely") == "met"


def test_a_request_that_is_sent_again_restarts_the_clock(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    clock.advance(100 * H)
    lead(removal, sent, "refused", "sent")
    found = clocks(removal, sent)["dsa-timely"]
    assert found.began_at == clock.now
    assert found.met_at is None


@pytest.mark.parametrize(
    ("decided", "last_second"),
    [
        # The day in Belgium counts, in winter time and in summer time. The hour does not.
        ("2026-01-15T10:00", "2026-07-15T21:59:59"),
        ("2026-01-15T22:59", "2026-07-15T21:59:59"),
        ("2026-01-15T23:00", "2026-07-16T21:59:59"),
        ("2026-03-31T12:00", "2026-09-30T21:59:59"),
        ("2026-08-31T12:00", "2027-02-28T22:59:59"),
        ("2027-08-31T12:00", "2028-02-29T22:59:59"),
    ],
)
def test_a_complaint_may_be_made_for_six_months_from_the_decision(
    removal: Removal, sent: RequestId, clock: SetClock, decided: str, last_second: str
) -> None:
    clock.now = datetime.fromisoformat(decided).replace(tzinfo=UTC)
    lead(removal, sent, "refused")
    found = clocks(removal, sent)["dsa-complaint"]
    assert found.due_at == datetime.fromisoformat(last_second).replace(tzinfo=UTC)
    clock.now = found.due_at
    assert stands(removal, sent, "dsa-complaint") == "due-today"
    clock.advance(1)
    assert stands(removal, sent, "dsa-complaint") == "overdue"


def test_a_complaint_meets_its_clock_and_a_new_decision_starts_another(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    lead(removal, sent, "removed")
    assert "dsa-complaint" not in clocks(removal, sent)
    lead(removal, sent, "refused")
    removal.remedies.complain(sent, actor=ANN)
    assert stands(removal, sent, "dsa-complaint") == "met"
    clock.advance(24 * H)
    lead(removal, sent, "refused")
    found = clocks(removal, sent)["dsa-complaint"]
    assert (found.began_at, found.met_at) == (clock.now, None)


@pytest.fixture
def served(removal: Removal, database: Database, sent: RequestId, clock: SetClock) -> RequestId:
    """A request about which an order was just served."""
    Consents(database, clock).give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)
    clock.advance(24 * H)
    removal.remedies.seek_order(sent, actor=ANN)
    lead(removal, sent, "order-served")
    return sent


@pytest.mark.parametrize(
    ("seconds", "expected"), [(6 * H, ClockState.MET), (6 * H + ONE, ClockState.MET_LATE)]
)
@pytest.mark.parametrize("by", ["word", "image"])
def test_an_order_is_met_within_six_hours_of_its_service(
    removal: Removal,
    looker: ToldLooker,
    served: RequestId,
    clock: SetClock,
    seconds: float,
    expected: ClockState,
    by: str,
) -> None:
    clock.advance(seconds)
    assert stands(removal, served, "be-order") in ("due-today", "overdue")
    if by == "word":
        lead(removal, served, "complied")
    else:
        go(removal, looker, clock, served, Outcome.PAGE_GONE)
    assert stands(removal, served, "be-order") == expected


@pytest.mark.parametrize(
    ("served_at", "due_at"),
    [("2026-03-28T23:00", "2026-03-29T05:00"), ("2026-10-24T22:00", "2026-10-25T04:00")],
)
def test_six_hours_are_six_when_the_clocks_change(
    removal: Removal,
    database: Database,
    sent: RequestId,
    clock: SetClock,
    served_at: str,
    due_at: str,
) -> None:
    Consents(database, clock).give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)
    clock.now = datetime.fromisoformat(served_at).replace(tzinfo=UTC)
    removal.remedies.seek_order(sent, actor=ANN)
    lead(removal, sent, "order-served")
    found = clocks(removal, sent)["be-order"]
    assert found.due_at == datetime.fromisoformat(due_at).replace(tzinfo=UTC)


@pytest.mark.parametrize("then", [(), ("complained",), ("escalated",)])
def test_a_revoked_order_has_no_running_clock(
    removal: Removal, served: RequestId, clock: SetClock, then: tuple[str, ...]
) -> None:
    lead(removal, served, "revoked", *then)
    clock.advance(100 * H)
    assert "be-order" not in clocks(removal, served)


def test_under_the_law_of_the_united_states_only_removal_meets_the_clock(
    configured: Configured, looker: ToldLooker, match_id: MatchId, clock: SetClock
) -> None:
    removal = configured(signatory="Head of the legal service")
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    american = entry("a-site", "example.org", channel={"basis": "take-it-down"})
    removal.context.platforms.put(american, actor=ANN)
    request_id = sent_to(removal, match_id)
    lead(removal, request_id, "refused")
    assert set(clocks(removal, request_id)) == {"us-request", "dsa-complaint"}
    clock.advance(48 * H)
    assert stands(removal, request_id, "us-request") == "due-today"
    clock.advance(ONE)
    assert stands(removal, request_id, "us-request") == "overdue"
    went = clock.now
    go(removal, looker, clock, request_id, Outcome.PAGE_GONE)
    assert clocks(removal, request_id)["us-request"].met_at == went
    # The law sets this limit, and no setting changes it.
    found = clocks(removal, request_id, answer_within_h=5)["us-request"]
    assert found.due_at - found.began_at == timedelta(hours=48)


def test_the_clocks_of_several_requests_name_their_requests(
    removal: Removal, sent: RequestId, served: RequestId
) -> None:
    found = all_clocks(removal.views(), removal.context.letters.law)
    assert {each.reference for each in found} == {sent}
    assert {each.deadline.id for each in found} == {"dsa-timely", "be-order"}
