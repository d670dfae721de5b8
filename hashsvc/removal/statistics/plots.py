"""
Draws two plots. One shows how fast images disappeared from each platform. The other shows the share
of images that was gone within a week, for each channel.

Lines differ in their dashes and have names at their ends, so the plots work without colours. Every
name states its number of requests.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hashsvc.removal.statistics.channels import channel_and_basis
from hashsvc.removal.statistics.compute import Statistics, StatisticsGroup
from hashsvc.removal.statistics.drawing import (
    FAINT,
    INK,
    Colour,
    Dot,
    Drawing,
    Point,
    Stroke,
    Words,
    width_of,
)
from hashsvc.removal.statistics.kaplan_meier import Curve

MOST_CURVES = 6
"""Only the platforms with the most requests are drawn. The tables have all of them."""

_GREY: Colour = (90, 90, 90)
_WIDTH = 640
_LONGEST_NAME = 32
_MOST_DAYS = 90
# The dark colours of Okabe and Ito's palette. Each has its own dashes.
_LOOKS: tuple[tuple[Colour, tuple[float, ...]], ...] = (
    (INK, ()),
    ((0, 114, 178), (7, 3)),
    ((213, 94, 0), (2, 2)),
    ((0, 128, 96), (10, 3, 2, 3)),
    ((150, 70, 120), (4, 2)),
    ((110, 80, 0), (12, 4)),
)


def removal_plot(found: Statistics) -> Drawing:
    """Return a plot of the share of images gone by each day, with a curve for each platform."""
    drawn = sorted(
        found.by("platform"), key=lambda each: (-each.removal.count, each.platform or "")
    )
    left_out, drawn = len(drawn) - MOST_CURVES, drawn[:MOST_CURVES]
    names = [f"{_short(each.platform)} (n = {each.removal.count})" for each in drawn]
    right = max((width_of(each, 9) for each in names), default=0) + 34
    days = _days(drawn)
    box = (48.0, 46.0, _WIDTH - right, 330.0)
    marks: list[Stroke | Dot | Words] = [
        Words((box[0] - 34, 16), "Share of images gone, by days since the request was sent", 12),
        *_axes(box, days),
    ]
    ends = _apart([_y(box, _gone(each.removal, days)) for each in drawn], 12)
    for each, name, end, (colour, dash) in zip(drawn, names, ends, _LOOKS, strict=False):
        points = tuple(_curve(each.removal, box, days))
        marks.append(Stroke(points, 1.6, colour, dash))
        marks += list(_ticks(each.removal, box, days, colour))
        marks.append(Stroke((points[-1], (box[2] + 16, end)), 0.5, FAINT))
        marks.append(Stroke(((box[2] + 10, end), (box[2] + 24, end)), 1.6, colour, dash))
        marks.append(Words((box[2] + 28, end), name, 9))
    foot = "Kaplan–Meier estimate. A short vertical line marks when images were last observed."
    if left_out > 0:
        foot += f" Not drawn: {left_out} platforms with fewer requests."
    marks.append(Words((box[0] - 34, 378), foot, 8, _GREY))
    return Drawing(_WIDTH, 392, "Share of images gone by days, by platform", tuple(marks))


def channel_plot(found: Statistics) -> Drawing:
    """Return a plot of the share gone within a week for each channel and basis, with intervals."""
    groups = found.by("way")
    names = [
        f"{_short(each.platform)}: {channel_and_basis(each)} (n = {each.removal.count})"
        for each in groups
    ]
    begin = min(max((width_of(each, 9) for each in names), default=0) + 30, _WIDTH * 0.6)
    bottom = 62 + 20.0 * len(groups)
    box = (begin, 52.0, _WIDTH - 66.0, bottom)
    marks: list[Stroke | Dot | Words] = [
        Words((14, 16), "Share of images gone within 7 days, by channel and legal basis", 12)
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = box[0] + share * (box[2] - box[0])
        marks.append(Stroke(((x, box[1]), (x, box[3])), 0.5, FAINT))
        marks.append(Words((x, box[1] - 9), _percent(share), 8, _GREY, "middle"))
    for position, (group, name) in enumerate(zip(groups, names, strict=True)):
        y = box[1] + 15 + 20.0 * position
        marks.append(Words((box[0] - 12, y), name, 9, side="right"))
        week = group.figures["gone-within-7-days"]
        if week.value is None or week.low is None or week.high is None:
            marks.append(Words((box[0] + 6, y), "not observed for 7 days yet", 8, _GREY))
            continue
        low, at, high = (
            box[0] + each * (box[2] - box[0]) for each in (week.low, week.value, week.high)
        )
        marks.append(Stroke(((low, y), (high, y)), 1.4))
        marks += [Stroke(((x, y - 3), (x, y + 3)), 1.4) for x in (low, high)]
        marks.append(Dot((at, y), 3.4))
        marks.append(Words((box[2] + 14, y), _percent(week.value), 9))
    foot = "Kaplan–Meier estimate with its 95 % interval. A long line means few requests."
    marks.append(Words((14, bottom + 22), foot, 8, _GREY))
    return Drawing(_WIDTH, bottom + 38, "Share of images gone within 7 days", tuple(marks))


def _axes(box: tuple[float, float, float, float], days: float) -> Iterator[Stroke | Words]:
    left, _, right, bottom = box
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(box, share)
        yield Stroke(((left, y), (right, y)), 0.5, FAINT)
        yield Words((left - 6, y), _percent(share), 8, _GREY, "right")
    step = next(each for each in (1, 2, 5, 7, 14, 30) if days / each <= 9 or each == 30)
    for day in range(0, int(days) + 1, step):
        x = _x(box, day, days)
        yield Stroke(((x, bottom), (x, bottom + 4)), 0.8, _GREY)
        yield Words((x, bottom + 13), str(day), 8, _GREY, "middle")
    yield Stroke(((left, bottom), (right, bottom)), 0.8, _GREY)
    yield Words(((left + right) / 2, bottom + 28), "days", 9, _GREY, "middle")


def _curve(curve: Curve, box: tuple[float, float, float, float], days: float) -> Iterator[Point]:
    gone = 0.0
    yield _x(box, 0, days), _y(box, 0)
    for step in curve.steps:
        day = step.time / 24
        if day > days:
            break
        yield _x(box, day, days), _y(box, gone)
        gone = 1 - step.left
        yield _x(box, day, days), _y(box, gone)
    # If all images are gone, the curve stays level. Otherwise it ends with the last observation.
    last = days if gone >= 1 else min(curve.last / 24, days)
    yield _x(box, last, days), _y(box, gone)


def _ticks(
    curve: Curve, box: tuple[float, float, float, float], days: float, colour: Colour
) -> Iterator[Stroke]:
    places = {}
    for hours in curve.censored:
        if hours / 24 <= days:
            x, y = _x(box, hours / 24, days), _y(box, _gone(curve, hours / 24))
            places[round(x)] = (x, y)
    for x, y in places.values():
        yield Stroke(((x, y - 3.5), (x, y + 3.5)), 1, colour)


def _gone(curve: Curve, day: float) -> float:
    steps = [each for each in curve.steps if each.time <= day * 24]
    return 1 - steps[-1].left if steps else 0.0


def _days(groups: Sequence[StatisticsGroup]) -> float:
    longest = max((each.removal.last for each in groups), default=0.0) / 24
    return float(min(max(math.ceil(longest), 7), _MOST_DAYS))


def _apart(places: Sequence[float], least: float) -> list[float]:
    """Return heights moved apart to a distance of at least `least`, in the same order."""
    order = sorted(range(len(places)), key=lambda each: places[each])
    moved = list(places)
    for before, each in pairwise(order):
        moved[each] = max(moved[each], moved[before] + least)
    over = moved[order[-1]] - max(places[order[-1]], 330.0) if order else 0.0
    if over > 0:
        # The lowest name would cover the axis: move it up, and the names above it if necessary.
        limit = moved[order[-1]] - over
        for each in reversed(order):
            moved[each] = min(moved[each], limit)
            limit = moved[each] - least
    return moved


def _x(box: tuple[float, float, float, float], day: float, days: float) -> float:
    return box[0] + day / days * (box[2] - box[0])


def _y(box: tuple[float, float, float, float], share: float) -> float:
    return box[3] - share * (box[3] - box[1])


def _short(name: str | None) -> str:
    text = name or ""
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
