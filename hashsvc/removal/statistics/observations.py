"""What was observed of one removal request up to a moment, as the statistics count it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hashsvc.removal.clocks.clock import Countdown, start
from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.history import RequestView
from hashsvc.removal.law.deadlines import ORDER, TIMELY, US_REQUEST
from hashsvc.removal.law.legal import Anchor, Law
from hashsvc.removal.notices.facts import NoticeKind
from hashsvc.removal.recheck import ABSENT, Outcome
from hashsvc.removal.states import DECIDED, State
from hashsvc.store.requests import Event

CLOCKS = (TIMELY, US_REQUEST, ORDER)


class ImageState(StrEnum):
    """Where the image of a request that was sent stands; exactly one is true."""

    GONE = "gone"
    """Proven by two re-checks; it may have come back later."""

    WITHDRAWN = "withdrawn"
    """The case was withdrawn before the image was proven gone; nobody looks any more."""

    UNPROVEN = "unproven"
    """The last re-check did not find it; a second one has not confirmed that."""

    UNREACHABLE = "unreachable"
    """The last re-check could not tell: a login wall, a block by country, an error."""

    UP = "up"
    """It was there at the last re-check, or none has been made yet."""


@dataclass(frozen=True, slots=True)
class Observed:
    """
    One request, from its first sending on.

    Attributes:
        view: With the steps up to the moment of the statistics, and no later ones.

        gone: The first of the re-checks that proved the image gone.

        proof: The one by which it was proven.

        lost: The first of the last re-checks, none of which saw the image; None where the last did.

        until: When the observation ended: the moment of the statistics, or the withdrawal.
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
        """What people and platforms did since the sending; re-checks are not among them."""
        later = self.view.events[self.view.events.index(self.sent) :]
        return tuple(each for each in later if each.outcome is None)

    def step(self, *states: State) -> Event | None:
        """Return the first step to one of these states."""
        return next((each for each in self.steps if each.state in states), None)

    @property
    def checks(self) -> tuple[Event, ...]:
        """The re-checks since the sending."""
        later = self.view.events[self.view.events.index(self.sent) :]
        return tuple(each for each in later if each.outcome is not None)

    @property
    def standing(self) -> ImageState:
        """Where the image stands."""
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
        """Whether another image stands at its address now that it is gone."""
        return self.gone is not None and self.gone.outcome == Outcome.IMAGE_REPLACED

    @property
    def removal(self) -> tuple[float, bool]:
        """Hours from the sending to the image's going; False: to when it was last known of."""
        end = self.gone or self.lost
        at = min(end.at, self.until) if end else self.until
        return hours_between(self.sent.at, at), self.gone is not None

    @property
    def answer(self) -> Event | None:
        """The platform's first word: a receipt or a decision."""
        return self.step(State.RECEIPTED, *DECIDED)

    @property
    def acknowledgement(self) -> tuple[float, bool]:
        """Hours from the sending to the first word; False: to when none could come any more."""
        if self.answer is not None:
            return hours_between(self.sent.at, self.answer.at), True
        # What an image's going leaves unanswered stays so.
        end = min(self.proof.at, self.until) if self.proof else self.until
        return hours_between(self.sent.at, end), False

    def events_of_removal(self) -> tuple[Event, ...]:
        """Return the steps by which the time to removal is known."""
        ends = [self.gone, self.proof] if self.gone else [self.lost, self.withdrawn]
        if not any(ends) and self.checks:
            ends = [self.checks[-1]]
        return (self.sent, *(each for each in ends if each is not None))

    def still_there_after(self, step: Event) -> Event | None:
        """Return the first re-check after a step that saw the image."""
        later = self.view.events[self.view.events.index(step) + 1 :]
        return next((each for each in later if each.outcome == Outcome.STILL_THERE), None)

    def clocks(
        self, law: Law, timely_hours: int | None
    ) -> dict[str, tuple[Countdown, Event, float | None]]:
        """
        Return each clock that the request started, its event, and the hours up beyond its end.

        The hours are None where observation ended before the clock did, with the image still up.
        """
        notice = self.view.notice
        takes_down = notice is not None and notice.kind == NoticeKind.TAKE_IT_DOWN
        first = US_REQUEST if takes_down else TIMELY
        hours = None if takes_down else timely_hours
        served = next((each for each in self.steps[::-1] if each.state == State.ORDER_SERVED), None)
        wanted = [(first, Anchor.SENT, self.sent, hours)]
        if served is not None:
            wanted.append((ORDER, Anchor.ORDER_SERVED, served, None))
        found = {}
        for name, anchor, event, own in wanted:
            reference = self.view.request.id
            try:
                clock = start(law, name, reference=reference, anchor=anchor, at=event.at, hours=own)
            except UnknownLawError:
                continue  # Not in force on that day: no clock runs.
            found[name] = (clock, event, self._beyond(clock, event))
        return found

    def _beyond(self, clock: Countdown, event: Event) -> float | None:
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
    """Return what was observed of a request up to a moment; None if it was not sent by then."""
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
    """Return the hours between two moments; negative if the second comes first."""
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
