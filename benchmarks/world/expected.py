"""Computes the expected statistics from the ledger, by the definitions of the figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.world.ledger import ABSENT, ANSWER, ORDER, LedgerEntry

HOUR = timedelta(hours=1)
_ANSWERS = ("receipted", "removed", "refused", "partial", "identity-asked")
Figures = dict[str, tuple[float | None, int]]
"""Value and sample size, by the figure's name."""


@dataclass(frozen=True, slots=True)
class RequestLife:
    """
    The facts about a sent request that the figures need.

    Attributes:
        up: Hours until the image was gone, and whether it is gone.

        answered: Hours until the first answer, and whether there was one.

        beyond: By the name of each clock that applies, hours that the image was up beyond it.
    """

    entry: LedgerEntry
    standing: str
    up: tuple[float, bool]
    answered: tuple[float, bool]
    beyond: dict[str, float]


def life_of(entry: LedgerEntry, now: datetime) -> RequestLife:
    """Return the facts about a sent entry that the figures need."""
    sent, withdrawn = entry.first("sent"), entry.first("withdrawn")
    assert sent is not None
    until, lost = withdrawn or now, _unseen_since(entry)
    end = entry.absent_at or min(lost or until, until)
    answer = entry.first(*_ANSWERS)
    return RequestLife(
        entry=entry,
        standing=_standing(entry, lost),
        up=((end - sent) / HOUR, entry.absent_at is not None),
        answered=(
            ((answer or entry.proof_at or until) - sent) / HOUR,
            answer is not None,
        ),
        beyond=_beyond(entry, sent, end),
    )


def figures_of(
    entries: Iterable[LedgerEntry], everyone: Sequence[LedgerEntry], now: datetime
) -> Figures:
    """
    Return the figures of some requests.

    Args:
        everyone: All requests, which include those that follow from `entries`.
    """
    lives = [life_of(each, now) for each in entries if each.was_sent]
    count = len(lives)
    gone = [each for each in lives if each.standing == "gone"]
    found: Figures = {"requests": (count, count)}
    for standing in ("gone", "withdrawn", "unproven", "unreachable", "up"):
        found[standing] = (sum(each.standing == standing for each in lives), count)
    found["gone-share"] = (_share(len(gone), count), count)
    replaced = sum(_proven_by(each.entry) == "image-replaced" for each in gone)
    found["replaced"] = (replaced, len(gone))
    ups = [each.up for each in lives]
    found["gone-within-7-days"] = (_gone_by(ups, 7 * 24), count)
    found["gone-within-30-days"] = (_gone_by(ups, 30 * 24), count)
    found["remove-median"] = (_quantile(ups, 0.5), count)
    found["remove-p90"] = (_quantile(ups, 0.9), count)
    answers = [each.answered for each in lives]
    found["acknowledge-median"] = (_quantile(answers, 0.5), count)
    found["acknowledge-p90"] = (_quantile(answers, 0.9), count)
    answered = sum(ended for _, ended in answers)
    found["acknowledged"] = (answered, count)
    found["unanswered"] = (count - answered, count)
    for state in ("refused", "partial", "identity-asked", "silent"):
        found[state] = (sum(each.entry.first(state) is not None for each in lives), count)
    return found | _promises(lives) | _returns(gone, everyone) | _clocks(lives)


def _promises(lives: Sequence[RequestLife]) -> Figures:
    said = [each.entry for each in lives if each.entry.first("removed") is not None]
    wrong = 0
    for entry in said:
        word = next(n for n, each in enumerate(entry.lines) if each.state == "removed")
        wrong += any(each.seen == "still-there" for each in entry.lines[word:])
    return {"said-removed": (wrong, len(said))}


def _returns(gone: Sequence[RequestLife], everyone: Sequence[LedgerEntry]) -> Figures:
    hours = []
    for life in gone:
        children = [
            each.lines[0].at
            for each in everyone
            if each.parent is life.entry and each.link == "reappeared"
        ]
        if children:
            assert life.entry.proof_at is not None
            hours.append((min(children) - life.entry.proof_at) / HOUR)
    hours.sort()
    middle = hours[(len(hours) - 1) // 2] if hours else None
    return {
        "reappeared": (len(hours), len(gone)),
        "reappeared-share": (_share(len(hours), len(gone)), len(gone)),
        "reappear-median": (middle, len(hours)),
    }


def _clocks(lives: Sequence[RequestLife]) -> Figures:
    found: Figures = {}
    for clock in ("dsa-timely", "us-request", "be-order"):
        counted = [each.beyond[clock] for each in lives if clock in each.beyond]
        late = [each for each in counted if each > 0]
        found[f"beyond-{clock}"] = (len(late), len(counted))
        found[f"hours-beyond-{clock}"] = (sum(late), len(late))
    return found


def _standing(entry: LedgerEntry, lost: datetime | None) -> str:
    if entry.absent_at is not None:
        return "gone"
    if entry.first("withdrawn") is not None:
        return "withdrawn"
    if lost is None:
        return "up"
    return "unproven" if entry.checks[-1].seen in ABSENT else "unreachable"


def _unseen_since(entry: LedgerEntry) -> datetime | None:
    """Return since when no check has seen the image; None if the last check saw it."""
    began = None
    for each in entry.checks:
        began = None if each.seen == "still-there" else began or each.at
    return began


def _proven_by(entry: LedgerEntry) -> str | None:
    return next(each.seen for each in entry.checks if each.at == entry.absent_at)


def _beyond(entry: LedgerEntry, sent: datetime, end: datetime) -> dict[str, float]:
    first = "us-request" if entry.kind == "take-it-down" else "dsa-timely"
    due = {first: sent + ANSWER}
    served = entry.last("order-served")
    if served is not None:
        due["be-order"] = served + ORDER
    went = entry.absent_at is not None
    return {name: max((end - at) / HOUR, 0.0) for name, at in due.items() if went or end > at}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _survival(durations: Sequence[tuple[float, bool]], at: float) -> float:
    """Return the share that lasts longer than a time, by the Kaplan–Meier estimator."""
    left = 1.0
    for time in sorted({hours for hours, ended in durations if ended and hours <= at}):
        at_risk = sum(hours >= time for hours, _ in durations)
        left *= 1 - sum(ended and hours == time for hours, ended in durations) / at_risk
    return left


def _gone_by(durations: Sequence[tuple[float, bool]], at: float) -> float | None:
    last = max((hours for hours, _ in durations), default=None)
    if last is None or (at > last and _survival(durations, last) > 0):
        return None
    return 1 - _survival(durations, at)


def _quantile(durations: Sequence[tuple[float, bool]], share: float) -> float | None:
    times = sorted({hours for hours, ended in durations if ended})
    return next((each for each in times if _survival(durations, each) <= 1 - share + 1e-9), None)
