"""What was observed of one removal request up to a given time: the input of the statistics."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hashsvc.removal.clocks.clock import Countdown, start_clock
from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.history import RequestView
from hashsvc.removal.law.deadlines import ORDER, TIMELY, US_REQUEST
from hashsvc.removal.law.legal import Anchor, Law
from hashsvc.removal.notices.facts import NoticeKind
from hashsvc.removal.states import ABSENT, DECIDED, Outcome, State
from hashsvc.store.requests import Event

CLOCKS = (TIMELY, US_REQUEST, ORDER)


class ImageState(StrEnum):
    """The state of the image of a request that was sent. Exactly one applies."""

    GONE = "gone"
    """Two re-checks proved that the image is gone. It may have come back later."""

    WITHDRAWN = "withdrawn"
    """The case was withdrawn before the image was proven gone. Re-checks have stopped."""

    UNPROVEN = "unproven"
    """The last re-check did not find the image, and no second one has confirmed that yet."""

    UNREACHABLE = "unreachable"
    """The last re-check could not tell: a login wall, a block by country, an error."""

    UP = "up"
    """The last re-check saw the image, or there was no re-check yet."""


@dataclass(frozen=True, slots=True)
class Observed:
    """
    What was observed of one request since it was first sent.

    Attributes:
        view: The request with its steps up to the time of the statistics.

        sent: The first sending.

        gone: The first of the re-checks that proved the image gone.

        proof: The re-check that completed the proof.

        lost: The first re-check after the image was last seen, if the image is not proven gone.

        until: The end of the observation: the time of the statistics, or the case's withdrawal.
    """

    view: RequestView
    sent: Event
    gone: Event | None
    proof: Event | None
    lost: Event | None
    withdrawn: Event | None
    until: datetime

    @property
    def steps(self) -> tuple[Event, ...]:
        """The steps of people and platforms since the first sending, without re-checks."""
        later = self.view.events[self.view.events.index(self.sent) :]
        return tuple(each for each in later if each.outcome is None)

    def step(self, *states: State) -> Event | None:
        """Return the first step to one of some states, or None."""
        return next((each for each in self.steps if each.state in states), None)

    @property
    def checks(self) -> tuple[Event, ...]:
        """The re-checks since the first sending."""
        later = self.view.events[self.view.events.index(self.sent) :]
        return tuple(each for each in later if each.outcome is not None)

    @property
    def image_state(self) -> ImageState:
        """The state of the image."""
        if self.gone is not None:
            return ImageState.GONE
        if self.withdrawn is not None:
            return ImageState.WITHDRAWN
        if self.lost is None:
            return ImageState.UP
        last = self.checks[-1].outcome
        return ImageState.UNPROVEN if last in ABSENT else ImageState.UNREACHABLE

    @property
    def replaced(self) -> bool:
        """Whether the re-check that found the image gone saw another image at its address."""
        return self.gone is not None and self.gone.outcome == Outcome.IMAGE_REPLACED

    @property
    def removal(self) -> tuple[float, bool]:
        """
        Hours since the first sending, and whether the image is gone.

        The hours end when the image was first found gone, or else when it was last known to be up.
        """
        end = self.gone or self.lost
        at = min(end.at, self.until) if end else self.until
        return hours_between(self.sent.at, at), self.gone is not None

    @property
    def answer(self) -> Event | None:
        """The platform's first answer: a receipt or a decision."""
        return self.step(State.RECEIPTED, *DECIDED)

    @property
    def acknowledgement(self) -> tuple[float, bool]:
        """
        Hours since the first sending, and whether the platform answered.

        The hours end with the first answer, or else when no answer was expected any more.
        """
        if self.answer is not None:
            return hours_between(self.sent.at, self.answer.at), True
        # Once the image is proven gone, an answer is no longer expected.
        end = min(self.proof.at, self.until) if self.proof else self.until
        return hours_between(self.sent.at, end), False

    def events_of_removal(self) -> tuple[Event, ...]:
        """Return the steps that the time to removal was computed from."""
        ends = [self.gone, self.proof] if self.gone else [self.lost, self.withdrawn]
        if not any(ends) and self.checks:
            ends = [self.checks[-1]]
        return (self.sent, *(each for each in ends if each is not None))

    def still_there_after(self, step: Event) -> Event | None:
        """Return the first re-check after a step that saw the image, or None."""
        later = self.view.events[self.view.events.index(step) + 1 :]
        return next((each for each in later if each.outcome == Outcome.STILL_THERE), None)

    def clocks(
        self, law: Law, timely_hours: int | None
    ) -> dict[str, tuple[Countdown, Event, float | None]]:
        """
        Return the clocks that the request started, by their ids in the law data.

        With each clock come the step that started it, and the hours for which the image was up
        after the clock's end. The hours are None if the observation ended before the clock, while
        the image was still up.
        """
        notice = self.view.notice
        takes_down = notice is not None and notice.kind == NoticeKind.TAKE_IT_DOWN
        answer_clock = US_REQUEST if takes_down else TIMELY
        own_limit = None if takes_down else timely_hours
        served = next((each for each in self.steps[::-1] if each.state == State.ORDER_SERVED), None)
        started = [(answer_clock, Anchor.SENT, self.sent, own_limit)]
        if served is not None:
            started.append((ORDER, Anchor.ORDER_SERVED, served, None))
        found = {}
        for name, anchor, event, hours in started:
            reference = self.view.request.id
            try:
                clock = start_clock(
                    law, name, reference=reference, anchor=anchor, at=event.at, hours=hours
                )
            except UnknownLawError:
                continue  # The law was not in force on that day, so no clock runs.
            found[name] = (clock, event, self._hours_beyond(clock, event))
        return found

    def _hours_beyond(self, clock: Countdown, event: Event) -> float | None:
        hours, ended = self.removal
        end = self.sent.at + timedelta(hours=hours)
        if event.state == State.ORDER_SERVED:
            later = self.steps[self.steps.index(event) :]
            revoked = next((each for each in later if each.state == State.REVOKED), None)
            if revoked is not None and revoked.at < end:
                end, ended = revoked.at, False
        if not ended and end <= clock.due_at:
            return None
        return max(hours_between(clock.due_at, end), 0.0)


def observe(view: RequestView, now: datetime) -> Observed | None:
    """Return what was observed of a request up to a time, or None if it was sent later or never."""
    view = replace(view, events=tuple(each for each in view.events if each.at <= now))
    sent = view.sent
    if sent is None:
        return None
    gone = view.absent
    withdrawn = view.first(State.WITHDRAWN)
    return Observed(
        view=view,
        sent=sent,
        gone=gone,
        proof=_proof(view, gone),
        lost=None if gone else _lost(view),
        withdrawn=withdrawn,
        until=min(now, withdrawn.at) if withdrawn else now,
    )


def hours_between(begin: datetime, end: datetime) -> float:
    """Return the hours from one time to another. They are negative if the second is earlier."""
    return (end - begin) / timedelta(hours=1)


def _proof(view: RequestView, gone: Event | None) -> Event | None:
    if gone is None:
        return None
    later = view.events[view.events.index(gone) :]
    return next(each for each in later if each.state == State.GONE)


def _lost(view: RequestView) -> Event | None:
    since = None
    for each in view.events:
        if each.outcome == Outcome.STILL_THERE:
            since = None
        elif each.outcome is not None:
            since = since or each
    return since
