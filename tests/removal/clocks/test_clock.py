"""Hours are elapsed time, months end on days that exist, and no deadline ends early."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashsvc.removal.clocks.calendar_feed import calendar_feed, event_id
from hashsvc.removal.clocks.clock import (
    ClockState,
    Countdown,
    due_today,
    end_of,
    is_working_day,
    next_step,
    overdue,
    start_clock,
    state_of,
)
from hashsvc.removal.days import ZONE
from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.law.legal import Anchor, Deadline, Language, Law, NextStep, load_law

REFERENCE = "0123456789abcdef" * 2
OTHER = "f" * 32
LAW = load_law()
SECOND = timedelta(seconds=1)
MOMENTS = st.datetimes(
    datetime(2024, 3, 1),  # noqa: DTZ001 - the zone is given beside it
    datetime(2040, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.fixture(scope="module")
def law() -> Law:
    return LAW


def deadline(**measure: object) -> Deadline:
    words = dict.fromkeys(("en", "nl", "fr", "de"), "A period; of, say, \\ days")
    fields = {
        "id": "a-period",
        "label": words,
        "anchor": "sent",
        "hard": True,
        "then": "complain",
        "from": date(2020, 1, 1),
        "sources": ["https://example.org/law"],
        "verified": "text",
    }
    return Deadline.model_validate({**fields, **measure})


def local(*when: int) -> datetime:
    return datetime(*when, tzinfo=ZONE)  # type: ignore[misc, arg-type]


def running(law: Law, deadline_id: str, anchor: Anchor, at: datetime, **more: object) -> Countdown:
    return start_clock(law, deadline_id, reference=REFERENCE, anchor=anchor, at=at, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("served", "ends"),
    [
        # An ordinary evening.
        (local(2026, 6, 1, 22, 0), local(2026, 6, 2, 4, 0)),
        # The night to 29 March 2026 has an hour less: two o'clock is three.
        (local(2026, 3, 28, 23, 30), local(2026, 3, 29, 6, 30)),
        # The night to 25 October 2026 has an hour more.
        (local(2026, 10, 24, 23, 30), local(2026, 10, 25, 4, 30)),
        # This hour comes twice. Here are its first time and its second.
        (local(2026, 10, 25, 2, 30), local(2026, 10, 25, 7, 30)),
        (local(2026, 10, 25, 2, 30).replace(fold=1), local(2026, 10, 25, 8, 30)),
        # Christmas is a Friday. The six hours do not wait for a working day.
        (local(2026, 12, 25, 20, 0), local(2026, 12, 26, 2, 0)),
    ],
)
def test_a_belgian_order_is_to_be_obeyed_six_hours_after_service(
    law: Law, served: datetime, ends: datetime
) -> None:
    clock = running(law, "be-order", Anchor.ORDER_SERVED, served)
    assert clock.due_at == ends.astimezone(UTC)
    assert clock.deadline.hard
    assert clock.law == law.version("be")
    assert clock.deadline.then is NextStep.RECORD_BREACH


@settings(deadline=None)
@given(at=MOMENTS)
@example(at=datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC))
@example(at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
@example(at=datetime(2028, 2, 29, 23, 0, tzinfo=UTC))
def test_hours_are_elapsed_hours_on_any_day(at: datetime) -> None:
    for hours in (6, 24, 48):
        assert end_of(deadline(hours=hours), at) - at == timedelta(hours=hours)
        # The deadline ends at the same moment if its beginning is given in another zone.
        assert end_of(deadline(hours=hours), at.astimezone(ZONE)) == end_of(
            deadline(hours=hours), at
        )


def test_a_us_request_runs_48_hours(law: Law) -> None:
    sent = local(2026, 10, 24, 12, 0)
    clock = running(law, "us-request", Anchor.SENT, sent)
    assert clock.due_at == local(2026, 10, 26, 11, 0).astimezone(UTC)


def test_a_us_request_sent_before_the_law_bound_platforms_has_no_clock(law: Law) -> None:
    with pytest.raises(UnknownLawError):
        running(law, "us-request", Anchor.SENT, local(2026, 5, 18, 23, 59))
    assert running(law, "us-request", Anchor.SENT, local(2026, 5, 19, 0, 0))


@pytest.mark.parametrize(
    ("decided", "last_day"),
    [
        (local(2026, 1, 15, 0, 0), date(2026, 7, 15)),
        (local(2026, 8, 31, 12, 0), date(2027, 2, 28)),
        (local(2027, 8, 31, 12, 0), date(2028, 2, 29)),
        (local(2027, 8, 29, 12, 0), date(2028, 2, 29)),
        (local(2026, 3, 31, 12, 0), date(2026, 9, 30)),
        (local(2026, 12, 31, 12, 0), date(2027, 6, 30)),
        # At half past midnight in Belgium, it is still the day before in UTC.
        (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_complaint_window_ends_with_a_day_six_months_on(
    law: Law, decided: datetime, last_day: date
) -> None:
    clock = running(law, "dsa-complaint", Anchor.DECIDED, decided)
    ends = clock.due_at.astimezone(ZONE)
    assert ends.date() == last_day
    assert (ends + SECOND).date() == last_day + timedelta(days=1)


@settings(deadline=None)
@given(at=MOMENTS, months=st.integers(1, 24))
@example(at=datetime(2026, 8, 31, 21, 59, tzinfo=UTC), months=6)
@example(at=datetime(2026, 3, 28, 23, 30, tzinfo=UTC), months=7)
def test_a_period_of_months_ends_in_the_right_month_on_a_day_that_exists(
    at: datetime, months: int
) -> None:
    begins = at.astimezone(ZONE).date()
    ends = end_of(deadline(months=months), at).astimezone(ZONE)
    assert (ends.year * 12 + ends.month) - (begins.year * 12 + begins.month) == months
    assert ends.day <= begins.day
    # The day of the month is smaller only if the last month has no such day.
    assert ends.day == begins.day or (ends + SECOND).day == 1
    assert (ends.hour, ends.minute, ends.second) == (23, 59, 59)


@settings(deadline=None)
@given(at=MOMENTS)
def test_a_later_event_never_ends_sooner(at: datetime) -> None:
    measures: list[dict[str, int]] = [{"hours": 6}, {"days": 3}, {"months": 6}, {"working_days": 5}]
    for measure in measures:
        ends = [end_of(deadline(**measure), at + timedelta(hours=h)) for h in range(0, 72, 7)]
        assert all(first <= second for first, second in pairwise(ends))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 7, 20), True),  # a Monday
        (date(2026, 7, 21), False),  # the national day
        (date(2026, 7, 25), False),  # a Saturday
        (date(2026, 7, 26), False),
        (date(2026, 11, 11), False),
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 12, 26), False),  # a Saturday; no holiday in Belgium
        (date(2025, 12, 26), True),
    ],
)
def test_working_days_are_belgiums(day: date, works: bool) -> None:
    assert is_working_day(day) is works


@pytest.mark.parametrize(
    ("measure", "last_day"),
    [
        # From Friday 17 July 2026; Tuesday the 21st is the national day.
        ({"working_days": 1}, date(2026, 7, 20)),
        ({"working_days": 2}, date(2026, 7, 22)),
        ({"days": 1}, date(2026, 7, 18)),
        ({"days": 1, "if_not_working": "next-working-day"}, date(2026, 7, 20)),
        ({"days": 4, "if_not_working": "next-working-day"}, date(2026, 7, 22)),
    ],
)
def test_where_the_law_counts_working_days_holidays_do_not_count(
    measure: dict[str, object], last_day: date
) -> None:
    ends = end_of(deadline(**measure), local(2026, 7, 17, 9, 0))
    assert ends.astimezone(ZONE).date() == last_day


def test_the_timely_limit_is_the_organisations_own(law: Law) -> None:
    sent = local(2026, 6, 1, 9, 0)
    assert not running(law, "dsa-timely", Anchor.SENT, sent).deadline.hard
    own = running(law, "dsa-timely", Anchor.SENT, sent, hours=72)
    assert own.due_at - own.began_at == timedelta(hours=72)


def test_a_limit_of_the_law_cannot_be_changed(law: Law) -> None:
    with pytest.raises(ValueError, match="soft"):
        running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 1, 9, 0), hours=72)


def test_a_clock_starts_at_its_own_event(law: Law) -> None:
    with pytest.raises(ValueError, match="order-served"):
        running(law, "be-order", Anchor.SENT, local(2026, 6, 1, 9, 0))


def test_a_moment_without_a_zone_is_refused(law: Law) -> None:
    with pytest.raises(ValueError, match="time zone"):
        running(law, "be-order", Anchor.ORDER_SERVED, datetime(2026, 6, 1, 9, 0))  # noqa: DTZ001


def test_the_last_moment_is_in_time_and_the_next_is_late(law: Law) -> None:
    clock = running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 1, 9, 0))
    assert state_of(clock, clock.due_at) is ClockState.DUE_TODAY
    assert state_of(clock, clock.due_at + SECOND) is ClockState.OVERDUE
    assert state_of(clock, clock.due_at - timedelta(hours=16)) is ClockState.RUNNING


@pytest.mark.parametrize(("late", "state"), [(0, ClockState.MET), (1, ClockState.MET_LATE)])
def test_a_clock_that_was_met_stays_met(law: Law, late: int, state: ClockState) -> None:
    served = local(2026, 6, 1, 9, 0)
    met = served + timedelta(hours=6 + 1.5 * late)
    clock = running(law, "be-order", Anchor.ORDER_SERVED, served, met_at=met)
    assert state_of(clock, served + timedelta(days=300)) is state


def test_today_is_belgiums_day(law: Law) -> None:
    """The clock ends at 00:30 in Belgium in June, when it is still the day before in UTC."""
    clock = running(law, "recheck", Anchor.CHECKED, local(2026, 6, 1, 0, 30))
    assert due_today([clock], local(2026, 6, 1, 23, 30)) == []
    assert due_today([clock], local(2026, 6, 2, 0, 10)) == [clock]
    assert overdue([clock], local(2026, 6, 2, 0, 31)) == [clock]
    assert due_today([clock], local(2026, 6, 2, 0, 31)) == []


def test_overdue_hard_deadlines_come_first(law: Law) -> None:
    now = local(2026, 6, 10, 12, 0)
    soft = running(law, "dsa-timely", Anchor.SENT, local(2026, 6, 1, 9, 0))
    hard = running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 10, 5, 0))
    soon = running(law, "recheck", Anchor.CHECKED, local(2026, 6, 9, 13, 0))
    later = running(law, "dsa-complaint", Anchor.DECIDED, local(2026, 6, 9, 13, 0))
    met = running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 1, 5, 0), met_at=now)
    assert next_step([later, soon, soft, hard, met], now) is hard
    assert next_step([later, soon, soft, met], now) is soft
    assert next_step([later, soon, met], now) is soon
    assert next_step([later, met], now) is later
    assert next_step([met], now) is None
    assert overdue([soft, later, hard], now) == [soft, hard]


def unfolded(feed: bytes) -> list[str]:
    assert feed.endswith(b"\r\n")
    assert b"\n" not in feed.replace(b"\r\n", b"")
    return feed.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]


def feed_of(clocks: list[Countdown], **more: object) -> bytes:
    values: dict[str, object] = {
        "now": local(2026, 6, 1, 12, 0),
        "name": "Removal requests",
        "platforms": {REFERENCE: "A Site"},
    }
    return calendar_feed(clocks, **{**values, **more})  # type: ignore[arg-type]


def test_the_calendar_has_an_event_for_each_clock_that_runs(law: Law) -> None:
    served = local(2026, 6, 1, 9, 0)
    order = running(law, "be-order", Anchor.ORDER_SERVED, served)
    complaint = running(law, "dsa-complaint", Anchor.DECIDED, served)
    met = running(law, "recheck", Anchor.CHECKED, served, met_at=served)
    lines = unfolded(feed_of([complaint, order, met]))
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-1] == "END:VCALENDAR"
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 2
    assert [each for each in lines if each.startswith("DTSTART")] == [
        "DTSTART:20260601T130000Z",
        "DTSTART:20261201T225959Z",
    ]
    assert "SUMMARY:Belgian removal order\\, 6 hours from service – A Site" in lines


@pytest.mark.parametrize("language", list(Language))
def test_the_calendar_speaks_four_languages(law: Law, language: Language) -> None:
    clock = running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 1, 9, 0))
    label = clock.deadline.label.of(language).replace(",", "\\,")
    assert f"SUMMARY:{label} – A Site" in unfolded(feed_of([clock], language=language))


def test_an_event_keeps_its_id_and_no_two_events_share_one(law: Law) -> None:
    served = local(2026, 6, 1, 9, 0)
    order = running(law, "be-order", Anchor.ORDER_SERVED, served)
    again = running(law, "be-order", Anchor.ORDER_SERVED, served.astimezone(UTC))
    others = [
        running(law, "recheck", Anchor.CHECKED, served),
        running(law, "be-order", Anchor.ORDER_SERVED, served + SECOND),
        start_clock(law, "be-order", reference=OTHER, anchor=Anchor.ORDER_SERVED, at=served),
    ]
    assert event_id(order) == event_id(again)
    assert len({event_id(each) for each in (order, *others)}) == 4


@settings(deadline=None)
@given(name=st.text(max_size=120))
@example(name="a\r\nEND:VCALENDAR")
@example(name="é" * 100)
@example(name="a,b;c\\d\n")
def test_no_name_breaks_the_calendar(name: str) -> None:
    at = local(2026, 6, 1, 9, 0)
    plain = deadline(hours=6)
    clock = Countdown(plain, LAW.version("be"), REFERENCE, at, end_of(plain, at))
    name = name.encode(errors="replace").decode()
    feed = feed_of([clock], name=name, platforms={REFERENCE: name})
    assert all(len(each) <= 75 for each in feed.split(b"\r\n"))
    lines = unfolded(feed)
    assert len(lines) == 19
    assert all(re.match(r"[A-Z-]+:", each) for each in lines)
    for each in lines:
        # Each separator of a value is escaped.
        value = each.partition(":")[2] if each.startswith(("SUMMARY", "X-WR")) else ""
        assert not re.search(r"[,;]", re.sub(r"\\.", "", value))


def test_the_calendar_holds_no_url_and_no_case(law: Law) -> None:
    clock = running(law, "be-order", Anchor.ORDER_SERVED, local(2026, 6, 1, 9, 0))
    feed = feed_of([clock])
    assert b"http" not in feed
    assert b"case" not in feed.lower()
