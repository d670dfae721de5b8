"""
Which channel of a platform works: the one by which most images were gone within a week.

The same platform may ignore one kind of notice and act on another within a day; an audit of one
found 0 of 25 reports of nudity acted on in three weeks, and 25 of 25 copyright notices within 25
hours (arXiv 2409.12138).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hashsvc.removal.statistics.compute import Figure, StatisticsGroup

MIN_REQUESTS = 5
"""Fewer requests by a channel say nothing of it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    A channel that worked best so far, and why it is suggested.

    Attributes:
        clear: Whether it is told from the next one by more than chance: the intervals are apart.

        compared: All groups that were compared, the best first.
    """

    platform: str
    channel: str | None
    basis: str | None
    why: str
    clear: bool
    compared: tuple[StatisticsGroup, ...]


def suggest_channel(groups: Iterable[StatisticsGroup], platform: str) -> Suggestion | None:
    """
    Return the channel and legal basis by which a platform's images went best.

    Compared is the Kaplan–Meier share gone within seven days; between equals, the median time.

    Returns None if fewer than two channels had MIN_REQUESTS, each observed for a week, or if no
    image went within a week by any.
    """
    known = [
        each
        for each in groups
        if each.by == "way"
        and each.platform == platform
        and _share(each).n >= MIN_REQUESTS
        and _share(each).value is not None
    ]
    ranked = sorted(known, key=_rank)
    if len(ranked) < 2 or not _share(ranked[0]).value:
        return None
    best, second = ranked[:2]
    low, high = _share(best).low, _share(second).high
    clear = low is not None and high is not None and low > high
    why = (
        f"{_told(best)}, against {_told(second)}"
        f"{'' if clear else '; that may be chance, for the intervals overlap'}."
    )
    return Suggestion(platform, best.channel, best.basis, why, clear, tuple(ranked))


def way(group: StatisticsGroup) -> str:
    """Return what a channel and basis are called in a sentence."""
    return f"{group.channel or 'no known channel'} / {group.basis or 'no known basis'}"


def _share(group: StatisticsGroup) -> Figure:
    return group.figures["gone-within-7-days"]


def _rank(group: StatisticsGroup) -> tuple[float, float, str]:
    share, median = _share(group).value, group.figures["remove-median"].value
    assert share is not None
    return -share, float("inf") if median is None else median, way(group)


def _told(group: StatisticsGroup) -> str:
    share = _share(group)
    assert share.value is not None
    interval = ""
    if share.low is not None and share.high is not None:
        interval = f" (95 % interval {share.low:.0%} to {share.high:.0%})".replace("%)", " %)")
        interval = interval.replace("% to", " % to")
    percent = f"{share.value:.0%}".replace("%", " %")
    return f"{way(group)}: {percent} gone within 7 days{interval} of n = {share.n} requests"
