"""Every figure equals a count by hand, and lists the steps that it was computed from."""

import dataclasses
from datetime import datetime

import pytest

from hashsvc.removal.law.legal import Law, load_law
from hashsvc.removal.states import Outcome, State
from hashsvc.removal.statistics.compute import Figure, Review, Statistics, masked, statistics
from hashsvc.removal.statistics.figures import BY_NAME
from tests.removal.timelines import GONE, REPLACED, STILL, UNREACHABLE, StepFacts, Timelines, after

S = State
NOW = after(1000)


@pytest.fixture(scope="module")
def law() -> Law:
    return load_law()


@pytest.fixture
def made() -> Timelines:
    return Timelines()


def counted(made: Timelines, law: Law, **more: object) -> Statistics:
    given: dict[str, object] = {"since": after(-1), "until": after(800), "now": NOW, "law": law}
    return statistics(made.views, **{**given, **more})  # type: ignore[arg-type]


def figures(made: Timelines, law: Law, **more: object) -> dict[str, Figure]:
    return dict(counted(made, law, **more).all.figures)


def test_every_defined_figure_is_computed(made: Timelines, law: Law) -> None:
    assert set(figures(made, law)) == set(BY_NAME)
    made.gone(5)
    assert set(figures(made, law)) == set(BY_NAME)


def test_without_requests_every_figure_is_zero_or_none(made: Timelines, law: Law) -> None:
    for name, figure in figures(made, law).items():
        assert figure.value in (0, None), name
        assert (figure.n, figure.events, figure.audit) == (0, (), ())


def test_a_request_counts_in_the_period_of_its_first_sending(made: Timelines, law: Law) -> None:
    made.add((0, S.DRAFT), (1, S.APPROVED))
    made.add((10, S.SENT))
    again = made.add((20, S.SENT), (30, S.REFUSED, "no"), (40, S.SENT))
    late = made.add((30, S.SENT))
    found = figures(made, law, since=after(20), until=after(30))["requests"]
    assert (found.value, found.events) == (1, (again.events[1].id,))
    assert figures(made, law, since=after(30), until=after(31))["requests"].events == (
        late.events[1].id,
    )
    assert figures(made, law)["requests"].value == 3


def test_steps_after_the_time_of_the_statistics_are_ignored(made: Timelines, law: Law) -> None:
    made.gone(10)
    assert figures(made, law, now=after(34))["gone"].value == 1
    assert figures(made, law, now=after(33.9))["gone"].value == 0
    assert figures(made, law, now=after(-0.5))["requests"].value == 0


def image_state_of(made: Timelines, law: Law) -> str:
    names = ("gone", "up", "unproven", "unreachable", "withdrawn")
    found = figures(made, law)
    (name,) = [each for each in names if found[each].value]
    return name


@pytest.mark.parametrize(
    ("steps", "image_state"),
    [
        ([], "up"),
        ([(5, S.SENT, STILL)], "up"),
        ([(5, S.SENT, GONE)], "unproven"),
        ([(5, S.SENT, GONE), (6, S.SENT, STILL)], "up"),
        ([(5, S.SENT, GONE), (30, S.GONE, GONE)], "gone"),
        ([(5, S.SENT, GONE), (30, S.GONE, GONE), (50, S.GONE, UNREACHABLE)], "gone"),
        ([(5, S.SENT, GONE), (30, S.GONE, GONE), (50, S.REAPPEARED, STILL)], "gone"),
        ([(5, S.SENT, UNREACHABLE)], "unreachable"),
        ([(5, S.SENT, GONE), (6, S.SENT, UNREACHABLE)], "unreachable"),
        ([(5, S.SENT, UNREACHABLE), (6, S.SENT, REPLACED)], "unproven"),
        # A platform's word is not proof.
        ([(5, S.REMOVED)], "up"),
        ([(5, S.SENT, STILL), (6, S.WITHDRAWN)], "withdrawn"),
        ([(5, S.SENT, GONE), (30, S.GONE, GONE), (50, S.WITHDRAWN)], "gone"),
    ],
)
def test_each_request_has_exactly_one_image_state(
    made: Timelines, law: Law, steps: list[StepFacts], image_state: str
) -> None:
    made.add((0, S.SENT), *steps)
    assert image_state_of(made, law) == image_state


def test_replaced_images_are_counted_apart(made: Timelines, law: Law) -> None:
    made.add((0, S.SENT), (5, S.SENT, REPLACED), (30, S.GONE, GONE))
    made.gone(5)
    found = figures(made, law)
    assert (found["replaced"].value, found["replaced"].n, found["gone"].value) == (1, 2, 2)


@pytest.mark.parametrize(
    ("steps", "duration", "ended"),
    [
        ([], 1000, False),
        ([(5, S.SENT, STILL)], 1000, False),
        ([(5, S.SENT, GONE), (30, S.GONE, GONE)], 5, True),
        ([(5, S.SENT, GONE), (6, S.SENT, STILL), (9, S.SENT, GONE), (40, S.GONE, GONE)], 9, True),
        ([(5, S.SENT, STILL), (20, S.WITHDRAWN)], 20, False),
        ([(5, S.SENT, STILL), (8, S.SENT, UNREACHABLE), (20, S.SENT, UNREACHABLE)], 8, False),
        ([(8, S.SENT, UNREACHABLE), (9, S.SENT, GONE), (20, S.WITHDRAWN)], 8, False),
        ([(8, S.SENT, GONE)], 8, False),
        # Time runs from the first sending. A revoked order leaves the image up.
        ([(8, S.REFUSED), (9, S.SENT), (20, S.SENT, GONE), (50, S.GONE, GONE)], 20, True),
        ([(8, S.ORDER_SOUGHT), (9, S.ORDER_SERVED), (20, S.REVOKED)], 1000, False),
    ],
)
def test_time_to_removal_ends_when_the_image_is_gone_or_last_known_up(
    made: Timelines, law: Law, steps: list[StepFacts], duration: float, ended: bool
) -> None:
    made.add((0, S.SENT), *steps)
    curve = counted(made, law).all.removal
    assert curve.last == duration
    assert bool(curve.steps) == ended


def test_images_still_up_are_not_left_out(made: Timelines, law: Law) -> None:
    """Two of five images were gone, after 10 and 20 hours, so the median is not reached."""
    made.gone(10)
    made.gone(20)
    for _ in range(3):
        made.up(50)
    found = figures(made, law)
    assert (found["gone"].value, found["gone"].n) == (2, 5)
    assert found["gone-share"].value == 0.4
    assert found["remove-median"].value is None
    assert found["gone-within-7-days"].value == pytest.approx(0.4)
    made.gone(30)
    made.gone(30)
    assert figures(made, law)["remove-median"].value == 30
    assert figures(made, law)["remove-p90"].value is None


@pytest.mark.parametrize(
    ("steps", "duration", "answered"),
    [
        ([(3, S.RECEIPTED), (9, S.REFUSED)], 3, True),
        ([(9, S.REFUSED)], 9, True),
        ([(9, S.IDENTITY_ASKED)], 9, True),
        ([(4, S.SENT, STILL), (9, S.PARTIAL)], 9, True),
        ([(9, S.SILENT), (20, S.REMOVED)], 20, True),
        ([(9, S.SILENT)], 1000, False),
        ([(9, S.SILENT), (30, S.WITHDRAWN)], 30, False),
        # Once the image is proven gone, no answer is expected any more.
        ([(5, S.SENT, GONE), (30, S.GONE, GONE)], 30, False),
    ],
)
def test_time_to_an_answer_ends_with_the_first_answer(
    made: Timelines, law: Law, steps: list[StepFacts], duration: float, answered: bool
) -> None:
    made.add((0, S.SENT), *steps)
    found = figures(made, law)
    assert found["acknowledge-median"].value == (duration if answered else None)
    assert (found["acknowledged"].value, found["unanswered"].value) == (answered, not answered)


def test_an_image_gone_without_an_answer_no_longer_waits_for_one(made: Timelines, law: Law) -> None:
    """The image's request waits only for 30 hours. The other one is answered after 50 hours."""
    made.gone(6)
    made.add((0, S.SENT), (50, S.RECEIPTED))
    assert figures(made, law)["acknowledge-p90"].value == 50
    made.add((0, S.SENT))
    assert figures(made, law)["acknowledge-p90"].value is None


def test_each_kind_of_answer_counts_once_for_each_request(made: Timelines, law: Law) -> None:
    twice = made.add(
        (0, S.SENT),
        (1, S.REFUSED, "Within our rules."),
        (2, S.REFUSED, STILL),
        (3, S.COMPLAINED),
        (4, S.REFUSED, "Still within our rules."),
    )
    made.add((0, S.SENT), (1, S.IDENTITY_ASKED, "Send a passport."), (9, S.PARTIAL))
    made.add((0, S.SENT), (1, S.SILENT))
    false_claim = made.add((0, S.SENT), (1, S.REMOVED), (2, S.REMOVED, STILL))
    made.add((0, S.SENT), (1, S.REMOVED), (2, S.REMOVED, GONE), (30, S.GONE, GONE))
    found = figures(made, law)
    for name in ("refused", "identity-asked", "partial", "silent", "said-removed"):
        assert found[name].value == 1, name
    assert found["refused"].events == (twice.events[2].id,)
    assert found["said-removed"].n == 2
    assert found["said-removed"].events == (false_claim.events[2].id, false_claim.events[3].id)


def test_refusals_are_grouped_by_reason(made: Timelines, law: Law) -> None:
    for hours in (1, 2):
        made.add((0, S.SENT), (hours, S.REFUSED, "Within  our\nrules."))
    made.add((0, S.SENT), (1, S.REFUSED, "Not him."), (2, S.COMPLAINED), (3, S.REFUSED))
    found = [(each.reason, each.requests) for each in counted(made, law).all.refusals]
    assert found == [("Within our rules.", 2), (None, 1), ("Not him.", 1)]


def test_reappearances_are_counted_with_their_times(made: Timelines, law: Law) -> None:
    first, second, third = made.gone(10), made.gone(10), made.gone(10)
    made.gone(10)
    made.add((100, S.DRAFT), (900, S.SENT), parent=first)
    made.add((300, S.DRAFT), parent=first)
    made.add((234, S.DRAFT), parent=second, platform="elsewhere")
    # A request to the next actor for the same image is not a reappearance.
    made.add((40, S.DRAFT), parent=third, link="escalated")
    found = figures(made, law)
    assert (found["reappeared"].value, found["reappeared"].n) == (2, 4)
    assert found["reappeared-share"].value == 0.5
    assert (found["reappear-median"].value, found["reappear-median"].n) == (100 - 34, 2)
    later = figures(made, law, now=after(99))
    assert later["reappeared"].value == 0


@pytest.mark.parametrize(
    ("kind", "clock", "limit"),
    [
        ("dsa-notice", "dsa-timely", 48),
        ("host", "dsa-timely", 48),
        ("take-it-down", "us-request", 48),
    ],
)
def test_hours_after_the_end_of_the_clock_that_a_notice_starts(
    made: Timelines, law: Law, kind: str, clock: str, limit: int
) -> None:
    made.gone(limit, kind=kind)
    late = made.gone(limit + 10, kind=kind)
    up = made.add((0, S.SENT), (500, S.SENT, STILL), kind=kind)
    running = made.add((980, S.SENT), kind=kind)
    found = figures(made, law, until=NOW)
    beyond, hours = found[f"beyond-{clock}"], found[f"hours-beyond-{clock}"]
    assert (beyond.value, beyond.n) == (2, 3)
    assert (hours.value, hours.n) == (10 + 1000 - limit, 2)
    assert {late.events[1].id, late.events[2].id, up.events[1].id} <= set(beyond.events)
    assert running.events[1].id not in beyond.events
    others = {"dsa-timely", "us-request", "be-order"} - {clock}
    assert all(found[f"beyond-{each}"].n == 0 for each in others)


def test_the_organisations_own_limit_changes_the_soft_clock_only(made: Timelines, law: Law) -> None:
    made.gone(40)
    made.gone(40, kind="take-it-down")
    found = figures(made, law, timely_hours=24)
    assert found["hours-beyond-dsa-timely"].value == 16
    assert found["hours-beyond-us-request"].value == 0


def test_a_clock_runs_only_if_its_law_was_in_force(made: Timelines, law: Law) -> None:
    """The act has been enforced since 19 May 2026. This request was sent a month before that."""
    early = -43 * 24.0
    made.add((early - 1, S.DRAFT), (early, S.SENT), kind="take-it-down")
    assert figures(made, law, since=after(early))["beyond-us-request"].n == 0


@pytest.mark.parametrize(
    ("steps", "hours"),
    [
        ([(130, S.ORDER_SERVED, GONE), (160, S.GONE, GONE)], 24),
        ([(105, S.ORDER_SERVED, GONE), (160, S.GONE, GONE)], 0),
        ([(110, S.REVOKED)], 4),
        ([(102, S.REVOKED)], None),
        ([(110, S.BREACHED), (130, S.BREACHED, GONE), (160, S.GONE, GONE)], 24),
        ([], 894),
    ],
)
def test_six_hours_run_from_the_service_of_an_order(
    made: Timelines, law: Law, steps: list[StepFacts], hours: float | None
) -> None:
    made.add((0, S.SENT), (90, S.ORDER_SOUGHT), (100, S.ORDER_SERVED), *steps)
    found = figures(made, law)
    assert found["beyond-be-order"].n == (hours is not None)
    assert found["hours-beyond-be-order"].value == (hours or 0)


def test_there_is_a_group_for_all_each_platform_and_each_way(made: Timelines, law: Law) -> None:
    made.gone(1, platform="b")
    made.gone(2, platform="b", basis="own-rules")
    made.gone(3, platform="a", channel=None)
    found = counted(made, law)
    assert [(each.by, each.platform, each.channel, each.basis) for each in found.groups] == [
        ("all", None, None, None),
        ("platform", "a", None, None),
        ("platform", "b", None, None),
        ("way", "a", None, "dsa-notice"),
        ("way", "b", "form", "dsa-notice"),
        ("way", "b", "form", "own-rules"),
    ]
    assert [each.figures["requests"].value for each in found.groups] == [3, 1, 2, 1, 1, 1]


def test_the_way_comes_from_the_first_notice_that_asks_for_removal(
    made: Timelines, law: Law
) -> None:
    view = made.gone(1)
    (notice,) = view.notices
    complaint = dataclasses.replace(notice, kind="complaint", channel="email", basis="order")
    made.views = [dataclasses.replace(view, notices=(complaint, notice, complaint))]
    (group,) = counted(made, law).by("way")
    assert (group.channel, group.basis) == ("form", "dsa-notice")


def test_every_figure_lists_its_steps_and_their_audit_entries(made: Timelines, law: Law) -> None:
    view = made.gone(10)
    old = dataclasses.replace(view.events[2], audit_seq=None)
    made.views = [dataclasses.replace(view, events=(*view.events[:2], old, view.events[3]))]
    ids = [each.id for each in view.events]
    found = figures(made, law)
    for name in ("gone", "gone-share", "remove-median", "remove-p90", "gone-within-7-days"):
        assert found[name].events == (ids[1], ids[2], ids[3]), name
        # A step from before audit numbers were kept has no number, and none is made up.
        assert found[name].audit == (ids[1] * 10, ids[3] * 10), name
    assert found["requests"].events == (ids[1],)
    for name, figure in found.items():
        assert figure.events or not figure.value, name


def test_precision_counts_reviewed_matches_only(made: Timelines, law: Law) -> None:
    reviews = [Review("likely", number < 3, f"match {number}", number) for number in range(4)]
    reviews.append(Review("certain", True, "one"))
    certain, likely = counted(made, law, reviews=reviews).precision
    assert (certain.tier, certain.confirmed, certain.dismissed) == ("certain", 1, 0)
    assert (likely.confirmed, likely.dismissed, likely.share.value) == (3, 1, 0.75)
    assert likely.share.audit == (0, 1, 2, 3)
    assert likely.matches == tuple(f"match {number}" for number in range(4))
    assert certain.share.low is not None
    assert certain.share.low < 0.3


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("See https://a.example/x?y=1 please", "See […] please"),
        ("See www.a.example/x", "See […]"),
        ("a.example/x/y is fine", "[…] is fine"),
        ("Ask bob.b@a.example or @bob_b", "Ask […] or […]"),
        ("Case 7H2K-9QMD-3 was closed", "Case […] was closed"),
        ("Ticket 1234567, call +32 2 233 41 75.", "Ticket […], call […]."),
        ("Ref 0123456789abcdef0123456789abcdef!", "Ref […]!"),
        ("Rule 12 of 40, section 3.1", "Rule 12 of 40, section 3.1"),
        ("x " * 150, "x " * 100 + "…"),
    ],
)
def test_identifying_text_in_reasons_is_masked(reason: str, expected: str) -> None:
    assert masked(reason) == expected


def test_computing_the_figures_again_gives_the_same(made: Timelines, law: Law) -> None:
    """The order of the requests does not matter."""
    made.gone(10)
    made.up(5)
    made.gone(7, platform="b")
    first = counted(made, law)
    made.views.reverse()
    assert counted(made, law) == first


def test_times_may_be_in_any_time_zone(made: Timelines, law: Law) -> None:
    made.gone(10)
    zoned = datetime.fromisoformat("2026-06-01T09:00:00+02:00")
    assert figures(made, law, since=zoned)["requests"].value == 1


def test_the_statistics_know_every_outcome() -> None:
    """Add a new outcome to the image states before you add it here."""
    assert {each.value for each in Outcome} == {
        "still-there",
        "image-gone",
        "image-replaced",
        "page-gone",
        "unreachable",
    }
