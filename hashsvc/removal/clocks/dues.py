"""Which clocks run for a removal request, and when the platform's answer is due."""

from collections.abc import Iterable
from datetime import datetime

from hashsvc.removal.clocks.clock import Countdown, start_clock
from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.history import RequestView
from hashsvc.removal.law.deadlines import COMPLAINT, ORDER, TIMELY, US_REQUEST
from hashsvc.removal.law.legal import Anchor, Law
from hashsvc.removal.notices.facts import NoticeKind
from hashsvc.removal.states import DECIDED, WAITING, State
from hashsvc.store.requests import Event

# The answers that a complaint may be about.
_AGAINST = frozenset({State.REFUSED, State.PARTIAL, State.IDENTITY_ASKED})
_OVER = frozenset({State.DRAFT, State.APPROVED, State.WITHDRAWN})


def clocks_of(
    view: RequestView, law: Law, *, answer_within_h: int | None = None
) -> list[Countdown]:
    """
    Return every clock that a request has started, including those that were met.

    Args:
        answer_within_h: The organisation's own limit for an answer, in place of the law data's.
    """
    if view.request.state in _OVER or view.sent is None:
        return []
    found = [_answer(view, law, answer_within_h), _order(view, law), _complaint(view, law)]
    return [each for each in found if each is not None]


def all_clocks(
    views: Iterable[RequestView], law: Law, *, answer_within_h: int | None = None
) -> list[Countdown]:
    """Return the clocks of several requests."""
    return [
        clock for each in views for clock in clocks_of(each, law, answer_within_h=answer_within_h)
    ]


def answer_due_at(
    view: RequestView, law: Law, *, answer_within_h: int | None = None
) -> datetime | None:
    """
    Return when the platform's time to answer ends; None if no answer is awaited.

    Args:
        answer_within_h: The organisation's own limit for an answer, in place of the law data's.
    """
    if view.request.state not in WAITING or view.sent is None:
        return None
    clock = _answer(view, law, answer_within_h)
    return None if clock is None or clock.met_at is not None else clock.due_at


def _answer(view: RequestView, law: Law, hours: int | None) -> Countdown | None:
    """
    Return the clock for the platform's answer.

    A decision meets this clock, and so does the image's removal. Under the TAKE IT DOWN Act, only
    the removal meets it.
    """
    sent = view.last(State.SENT)
    assert sent is not None
    takes_down = view.notice is not None and view.notice.kind == NoticeKind.TAKE_IT_DOWN
    met = _first_after(view, sent, (State.REMOVED,) if takes_down else tuple(DECIDED))
    return _start(
        law,
        US_REQUEST if takes_down else TIMELY,
        view,
        Anchor.SENT,
        sent,
        met_at=_sooner(met, _absent_after(view, sent)),
        hours=None if takes_down else hours,
    )


def _order(view: RequestView, law: Law) -> Countdown | None:
    served = view.last(State.ORDER_SERVED)
    if served is None or _first_after(view, served, (State.REVOKED,)) is not None:
        return None
    met = _sooner(_first_after(view, served, (State.COMPLIED,)), _absent_after(view, served))
    return _start(law, ORDER, view, Anchor.ORDER_SERVED, served, met_at=met)


def _complaint(view: RequestView, law: Law) -> Countdown | None:
    """Return the time limit for a complaint; a complaint or the image's removal meets it."""
    decided = view.decided
    if decided is None or decided.state not in _AGAINST:
        return None
    complained = _first_after(view, decided, (State.COMPLAINED,))
    met = _sooner(complained, _absent_after(view, decided))
    return _start(law, COMPLAINT, view, Anchor.DECIDED, decided, met_at=met)


def _start(
    law: Law,
    deadline: str,
    view: RequestView,
    anchor: Anchor,
    event: Event,
    *,
    met_at: datetime | None,
    hours: int | None = None,
) -> Countdown | None:
    try:
        return start_clock(
            law,
            deadline,
            reference=view.request.id,
            anchor=anchor,
            at=event.at,
            met_at=met_at,
            hours=hours,
        )
    except UnknownLawError:
        # The deadline was not in force on that day: no clock runs.
        return None


def _first_after(view: RequestView, since: Event, states: tuple[State, ...]) -> datetime | None:
    later = view.events[view.events.index(since) + 1 :]
    return next((each.at for each in later if each.state in states), None)


def _absent_after(view: RequestView, since: Event) -> datetime | None:
    absent = view.absent
    if absent is None or absent.at < since.at:
        return None
    return absent.at


def _sooner(*moments: datetime | None) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
