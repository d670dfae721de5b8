"""
Computes the clocks of removal requests: when each period ends, what is due today, what is late.

The law data (`data/legal-*.yaml`) says how long a period is, and which law sets it. This module
only counts time. It counts hours in UTC, because a local day has 23 hours when summer time begins
and 25 when it ends. Periods of days or months follow Belgium's calendar, and end with the last
second of their last day.
"""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

import holidays

from hashsvc.removal.days import ZONE
from hashsvc.removal.law.legal import Anchor, Deadline, Language, Law, LawVersion

# The last second of a day. Documents show no fractions of a second.
_END_OF_DAY = time(23, 59, 59)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Countdown:
    """
    A period that a removal request has started.

    Attributes:
        deadline: The period, from the law data.

        law: The version of the law data.

        reference: The id of the removal request.

        began_at: When the event happened that starts the period, in UTC.

        due_at: The last moment of the period, in UTC.

        met_at: When the awaited event happened; None if it has not.
    """

    deadline: Deadline
    law: LawVersion
    reference: str
    began_at: datetime
    due_at: datetime
    met_at: datetime | None = None


class ClockState(StrEnum):
    """The state of a clock at a moment."""

    MET = "met"
    MET_LATE = "met-late"
    OVERDUE = "overdue"
    DUE_TODAY = "due-today"
    RUNNING = "running"


def start_clock(
    law: Law,
    deadline_id: str,
    *,
    reference: str,
    anchor: Anchor,
    at: datetime,
    met_at: datetime | None = None,
    hours: int | None = None,
) -> Countdown:
    """
    Return the clock that an event starts.

    Args:
        law: The law data. The version that applies on the day of the event is used.

        at: When the event happened; aware.

        hours: The organisation's own limit, in place of the one in the law data. Only a soft
            deadline in hours can have one.

    Raises:
        UnknownLawError: If no such deadline applies on that day. The UK's deadlines, for example,
            are not in force yet.

        ValueError: If another event starts the deadline, or if `hours` is given for a deadline that
            is hard or not in hours.
    """
    deadline, version = law.deadline(deadline_id, _local_day(at))
    if deadline.anchor is not anchor:
        raise ValueError(f"The deadline {deadline.id} starts at {deadline.anchor}.")
    if hours is not None:
        if deadline.hard or deadline.hours is None:
            raise ValueError("Only a soft deadline in hours can have a limit of its own.")
        deadline = Deadline.model_validate({**deadline.model_dump(by_alias=True), "hours": hours})
    return Countdown(deadline, version, reference, at.astimezone(UTC), end_of(deadline, at), met_at)


def end_of(deadline: Deadline, began_at: datetime) -> datetime:
    """
    Return the last moment of a period, in UTC.

    A period of months ends on the day with the same number, or on the last day of the month if it
    has no such day. The day of the event does not count. Both follow Regulation (EEC, Euratom)
    1182/71, Article 3(2)(c).
    """
    if deadline.hours is not None:
        return began_at.astimezone(UTC) + timedelta(hours=deadline.hours)
    day = _local_day(began_at)
    if deadline.days is not None:
        day += timedelta(days=deadline.days)
    elif deadline.months is not None:
        day = _months_later(day, deadline.months)
    elif deadline.working_days is not None:
        for _ in range(deadline.working_days):
            day = next_working_day(day + timedelta(days=1))
    if deadline.if_not_working == "next-working-day":
        day = next_working_day(day)
    return datetime.combine(day, _END_OF_DAY, ZONE).astimezone(UTC)


def next_working_day(day: date) -> date:
    """Return the day itself if it is a working day in Belgium, else the first one after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def is_working_day(day: date) -> bool:
    """Return whether a day in Belgium is neither a weekend day nor a legal holiday."""
    return day.weekday() < _SATURDAY and day not in _belgian_holidays(day.year)


def state_of(countdown: Countdown, now: datetime) -> ClockState:
    """Return the state of a clock; the last moment of its period still counts as in time."""
    if countdown.met_at is not None:
        return ClockState.MET if countdown.met_at <= countdown.due_at else ClockState.MET_LATE
    if now > countdown.due_at:
        return ClockState.OVERDUE
    same_day = _local_day(now) == _local_day(countdown.due_at)
    return ClockState.DUE_TODAY if same_day else ClockState.RUNNING


def due_today(countdowns: Iterable[Countdown], now: datetime) -> list[Countdown]:
    """Return the clocks that end later today, by Belgium's calendar, soonest first."""
    return _in_state(countdowns, now, ClockState.DUE_TODAY)


def overdue(countdowns: Iterable[Countdown], now: datetime) -> list[Countdown]:
    """Return the clocks whose period is over without the awaited event, longest overdue first."""
    return _in_state(countdowns, now, ClockState.OVERDUE)


def next_step(countdowns: Iterable[Countdown], now: datetime) -> Countdown | None:
    """
    Return the clock to act on next; None if every clock was met.

    Overdue hard deadlines come first, then overdue soft ones, then the clock that ends soonest.
    """
    waiting = [each for each in countdowns if each.met_at is None]
    late = [each for each in waiting if now > each.due_at]
    if late:
        return min(late, key=lambda each: (not each.deadline.hard, each.due_at))
    return min(waiting, key=lambda each: each.due_at, default=None)


def label_of(countdown: Countdown, language: Language) -> str:
    """Return the name of a clock's deadline in a language."""
    return countdown.deadline.label.of(language)


def _in_state(
    countdowns: Iterable[Countdown], now: datetime, wanted: ClockState
) -> list[Countdown]:
    found = [each for each in countdowns if state_of(each, now) is wanted]
    return sorted(found, key=lambda each: each.due_at)


def _local_day(moment: datetime) -> date:
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return moment.astimezone(ZONE).date()


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@lru_cache(maxsize=64)
def _belgian_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("BE", years=year))
