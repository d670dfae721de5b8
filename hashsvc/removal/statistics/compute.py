"""
Computes how platforms handle removal requests: counts, shares and times, with their sources.

Each figure lists the steps that it was computed from. docs/statistics.md defines every figure, so
that anyone who has the steps can compute it again. No figure contains a URL, a case or a person.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hashsvc.removal.history import RequestView
from hashsvc.removal.law.legal import Law, LawVersion
from hashsvc.removal.states import State
from hashsvc.removal.statistics.kaplan_meier import Curve, Estimate, kaplan_meier, wilson
from hashsvc.removal.statistics.observations import (
    CLOCKS,
    ImageState,
    Observed,
    hours_between,
    observe,
)
from hashsvc.store.requests import Event

REAPPEARED = "reappeared"
WEEK_H, MONTH_H = 168.0, 720.0
_LONGEST_REASON = 200
_MASK = "[…]"
# Text that could lead to an image or a person: addresses, account names, long numbers, ids.
_PRIVATE = re.compile(
    r"\b\w+://\S+|\bwww\.\S+|\S+@\S+|(?<!\w)@\w+|\b[\w-]+(?:\.[\w-]+)+/\S*"
    r"|\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]\b"
    r"|\b[0-9a-fA-F-]{16,}\b|\+?\d(?:[\s./()-]{0,2}\d){3,}"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """
    A value, and the steps that it was computed from.

    Attributes:
        value: None if the data do not go far enough, for example for a median not yet reached.

        n: The number of requests, or of whatever the figure's definition says `n` counts.

        low, high: The 95 % interval; None if the figure has none.

        events: Ids of the steps that the figure was computed from.

        audit: Numbers of these steps' entries in the audit log.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    events: tuple[int, ...] = ()
    audit: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A platform's reason for refusals, in its own words, with identifying text masked."""

    reason: str | None
    requests: int
    events: tuple[int, ...]
    audit: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatisticsGroup:
    """
    The figures for a group of requests.

    Attributes:
        by: "all", "platform", or "way" for one platform, channel and legal basis.

        channel: The type of the channel. None if it is not known, or `by` is not "way".

        removal: The hours that images stayed up, as a Kaplan–Meier curve.
    """

    by: str
    platform: str | None
    channel: str | None
    basis: str | None
    figures: Mapping[str, Figure]
    refusals: tuple[Refusal, ...]
    removal: Curve


@dataclass(frozen=True, slots=True)
class Review:
    """An analyst's verdict on one match, and the tier of that match."""

    tier: str
    confirmed: bool
    match_id: str
    audit_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of a tier's reviewed matches that analysts confirmed."""

    tier: str
    confirmed: int
    dismissed: int
    share: Figure
    matches: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Statistics:
    """
    All figures for a period.

    Attributes:
        since, until: Requests first sent at or after `since` and before `until` are counted.

        now: The end of the observation of these requests.

        timely_hours: The organisation's own limit for an answer; None for the law data's limit.
    """

    since: datetime
    until: datetime
    now: datetime
    timely_hours: int | None
    law: tuple[LawVersion, ...]
    groups: tuple[StatisticsGroup, ...]
    precision: tuple[Precision, ...]

    @property
    def all(self) -> StatisticsGroup:
        """The group of all requests."""
        return self.groups[0]

    def by(self, kind: str) -> tuple[StatisticsGroup, ...]:
        """Return the groups of one kind."""
        return tuple(each for each in self.groups if each.by == kind)


def statistics(
    views: Iterable[RequestView],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    law: Law,
    timely_hours: int | None = None,
    reviews: Sequence[Review] = (),
) -> Statistics:
    """
    Return the figures for all requests first sent in a period.

    Args:
        views: All requests, also those outside the period: an image may have come back later.

        until: The end of the period. A request sent at this time is not in it.

        now: Steps after this time are ignored.

        timely_hours: The organisation's own limit for an answer under the DSA.

        reviews: Verdicts on matches, for the precision of each tier.
    """
    known = list(views)
    children: dict[str, list[RequestView]] = defaultdict(list)
    for each in known:
        if each.request.parent_id is not None and each.request.link == REAPPEARED:
            children[each.request.parent_id].append(each)
    every = [observe(each, now) for each in known]
    observed = [each for each in every if each is not None and since <= each.sent.at < until]
    observed.sort(key=lambda each: (each.sent.at, each.view.request.id))
    counter = _Counter(children, now, law, timely_hours)
    platforms: dict[str, list[Observed]] = defaultdict(list)
    ways: dict[tuple[str, str, str], list[Observed]] = defaultdict(list)
    for one in observed:
        notice, platform = one.view.notice, one.view.request.platform
        platforms[platform].append(one)
        ways[platform, (notice and notice.channel) or "", notice.basis if notice else ""].append(
            one
        )
    groups = [counter.group("all", observed)]
    groups += [counter.group("platform", found, name) for name, found in sorted(platforms.items())]
    groups += [
        counter.group("way", found, name, channel or None, basis or None)
        for (name, channel, basis), found in sorted(ways.items())
    ]
    return Statistics(
        since=since,
        until=until,
        now=now,
        timely_hours=timely_hours,
        law=tuple(law.version(each) for each in law.jurisdictions),
        groups=tuple(groups),
        precision=_precision(reviews),
    )


class _Counter:
    """Computes the figures for groups of requests."""

    def __init__(
        self,
        children: Mapping[str, Sequence[RequestView]],
        now: datetime,
        law: Law,
        timely_hours: int | None,
    ) -> None:
        self._children = children
        self._now = now
        self._law = law
        self._timely_hours = timely_hours

    def group(
        self,
        by: str,
        requests: Sequence[Observed],
        platform: str | None = None,
        channel: str | None = None,
        basis: str | None = None,
    ) -> StatisticsGroup:
        removal = kaplan_meier(each.removal for each in requests)
        figures = (
            _image_state_figures(requests)
            | _removal_figures(requests, removal)
            | _answer_figures(requests)
            | self._reappearance_figures(requests)
            | self._clock_figures(requests)
        )
        return StatisticsGroup(by, platform, channel, basis, figures, _refusals(requests), removal)

    def _reappearance_figures(self, requests: Sequence[Observed]) -> dict[str, Figure]:
        gone = [each for each in requests if each.gone is not None]
        events: list[Event] = []
        hours = []
        for each in gone:
            raised = [
                child.events[0]
                for child in self._children.get(each.view.request.id, ())
                if child.events and child.events[0].at <= self._now
            ]
            if raised:
                first = min(raised, key=lambda event: event.at)
                assert each.proof is not None
                events += [each.proof, first]
                hours.append(max(hours_between(each.proof.at, first.at), 0.0))
        hours.sort()
        middle = hours[(len(hours) - 1) // 2] if hours else None
        share = wilson(len(hours), len(gone))
        return {
            "reappeared": _figure(len(hours), len(gone), events),
            "reappeared-share": _estimated(share, len(gone), events),
            "reappear-median": _figure(middle, len(hours), events),
        }

    def _clock_figures(self, requests: Sequence[Observed]) -> dict[str, Figure]:
        beyond: dict[str, list[tuple[float, Observed, Event]]] = {each: [] for each in CLOCKS}
        for each in requests:
            for name, (_, event, hours) in each.clocks(self._law, self._timely_hours).items():
                if hours is not None:
                    beyond[name].append((hours, each, event))
        figures = {}
        for name, found in beyond.items():
            late = [each for each in found if each[0] > 0]
            events = [
                event
                for _, request, anchor in late
                for event in (anchor, *request.events_of_removal())
            ]
            figures[f"beyond-{name}"] = _figure(len(late), len(found), events)
            hours = sum(each[0] for each in late)
            figures[f"hours-beyond-{name}"] = _figure(hours, len(late), events)
        return figures


def _image_state_figures(requests: Sequence[Observed]) -> dict[str, Figure]:
    count = len(requests)
    figures = {"requests": _figure(count, count, [each.sent for each in requests])}
    for state in ImageState:
        found = [each for each in requests if each.image_state is state]
        events = [event for each in found for event in each.events_of_removal()]
        figures[state.value] = _figure(len(found), count, events)
    gone = figures[ImageState.GONE.value]
    figures["gone-share"] = _share_of(gone)
    replaced = [each for each in requests if each.replaced]
    events = [event for each in replaced for event in each.events_of_removal()]
    assert gone.value is not None
    figures["replaced"] = _figure(len(replaced), int(gone.value), events)
    return figures


def _removal_figures(requests: Sequence[Observed], curve: Curve) -> dict[str, Figure]:
    events = [event for each in requests for event in each.events_of_removal()]
    estimates = {
        "gone-within-7-days": curve.ended_by(WEEK_H),
        "gone-within-30-days": curve.ended_by(MONTH_H),
        "remove-median": curve.quantile(0.5),
        "remove-p90": curve.quantile(0.9),
    }
    return {name: _estimated(each, len(requests), events) for name, each in estimates.items()}


def _answer_figures(requests: Sequence[Observed]) -> dict[str, Figure]:
    count = len(requests)
    curve = kaplan_meier(each.acknowledgement for each in requests)
    timed = [event for each in requests for event in (each.sent, each.answer, each.proof) if event]
    silent = [each for each in requests if each.answer is None]
    answers = [each.answer for each in requests if each.answer is not None]
    figures = {
        "acknowledge-median": _estimated(curve.quantile(0.5), count, timed),
        "acknowledge-p90": _estimated(curve.quantile(0.9), count, timed),
        "acknowledged": _figure(len(answers), count, answers),
        "unanswered": _figure(len(silent), count, [each.sent for each in silent]),
    }
    for state in (State.REFUSED, State.PARTIAL, State.IDENTITY_ASKED, State.SILENT):
        steps = [step for each in requests if (step := each.step(state)) is not None]
        figures[state.value] = _figure(len(steps), count, steps)
    claims = [(each, step) for each in requests if (step := each.step(State.REMOVED)) is not None]
    wrong = [(step, seen) for each, step in claims if (seen := each.still_there_after(step))]
    figures["said-removed"] = _figure(len(wrong), len(claims), [e for pair in wrong for e in pair])
    return figures


def _refusals(requests: Sequence[Observed]) -> tuple[Refusal, ...]:
    given: dict[str, list[Event]] = defaultdict(list)
    for each in requests:
        for step in each.steps:
            if step.state == State.REFUSED:
                given[masked(step.reason or "")].append(step)
    found = [
        Refusal(reason or None, len({step.request_id for step in steps}), *_ids(steps))
        for reason, steps in given.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.requests, each.reason or "")))


def masked(reason: str) -> str:
    """
    Return a reason with addresses, account names, long numbers and ids masked, and shortened.

    Names of people cannot be distinguished from other words, so a person has to read the reasons
    before they are published.
    """
    text = " ".join(_PRIVATE.sub(_MASK, reason).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _precision(reviews: Sequence[Review]) -> tuple[Precision, ...]:
    tiers: dict[str, list[Review]] = defaultdict(list)
    for each in reviews:
        tiers[each.tier].append(each)
    found = []
    for tier, reviewed in sorted(tiers.items()):
        confirmed = sum(each.confirmed for each in reviewed)
        share = wilson(confirmed, len(reviewed))
        audit = sorted({each.audit_seq for each in reviewed if each.audit_seq is not None})
        figure = Figure(share.value, len(reviewed), share.low, share.high, (), tuple(audit))
        ids = tuple(sorted(each.match_id for each in reviewed))
        found.append(Precision(tier, confirmed, len(reviewed) - confirmed, figure, ids))
    return tuple(found)


def _share_of(figure: Figure) -> Figure:
    assert figure.value is not None
    share = wilson(int(figure.value), figure.n)
    return Figure(share.value, figure.n, share.low, share.high, figure.events, figure.audit)


def _estimated(estimate: Estimate, n: int, events: Iterable[Event]) -> Figure:
    return Figure(estimate.value, n, estimate.low, estimate.high, *_ids(events))


def _figure(value: float | None, n: int, events: Iterable[Event]) -> Figure:
    return Figure(value, n, None, None, *_ids(events))


def _ids(events: Iterable[Event]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    listed = list(events)
    audit = {each.audit_seq for each in listed if each.audit_seq is not None}
    return tuple(sorted({each.id for each in listed})), tuple(sorted(audit))
