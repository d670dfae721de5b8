"""Writes the statistics as tables and as JSON (schema `data/statistics.schema.json`)."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from hashsvc import spreadsheets
from hashsvc.removal.statistics.channels import MIN_REQUESTS, suggest_channel
from hashsvc.removal.statistics.compute import Figure, Precision, Statistics, StatisticsGroup
from hashsvc.removal.statistics.figures import BY_NAME, DEFINITIONS
from hashsvc.removal.statistics.kaplan_meier import LEVEL
from hashsvc.spreadsheets import Dialect, write_csv

SCHEMA = "hashsvc-statistics/1"
_FIGURE_HEADER = (
    "by", "platform", "channel", "basis", "figure", "value", "unit", "n", "of", "low", "high",
    "events", "audit entries",
)  # fmt: skip
_REASON_HEADER = (
    "by", "platform", "channel", "basis", "reason", "requests", "events", "audit entries"
)  # fmt: skip


def statistics_csv(found: Statistics, dialect: Dialect = Dialect.STANDARD) -> str:
    """Return CSV with one row for each figure. Ids are written as ranges, such as `3-7 9`."""
    return write_csv(_FIGURE_HEADER, _figure_rows(found), dialect)


def statistics_workbook(found: Statistics) -> bytes:
    """Return an Excel workbook with the rows of `statistics_csv`."""
    return spreadsheets.write_workbook("statistics", _FIGURE_HEADER, _figure_rows(found))


def refusals_csv(found: Statistics, dialect: Dialect = Dialect.STANDARD) -> str:
    """Return CSV with one row for each reason. A person has to read it before it is published."""
    return write_csv(_REASON_HEADER, _reason_rows(found), dialect)


def refusals_workbook(found: Statistics) -> bytes:
    """Return an Excel workbook with the rows of `refusals_csv`."""
    return spreadsheets.write_workbook("refusals", _REASON_HEADER, _reason_rows(found))


def _figure_rows(found: Statistics) -> Iterator[tuple[object, ...]]:
    for group in found.groups:
        for name in BY_NAME:
            yield (*_key(group), *_row(name, group.figures[name]))
    for each in found.precision:
        head = ("tier", each.tier, None, None, "precision", each.share.value, "share")
        ends = (each.share.low, each.share.high, None, ranges(each.share.audit))
        yield (*head, each.share.n, "reviewed matches", *ends)


def _reason_rows(found: Statistics) -> Iterator[tuple[object, ...]]:
    for group in found.groups:
        for each in group.refusals:
            numbers = (each.requests, ranges(each.events), ranges(each.audit))
            yield (*_key(group), each.reason, *numbers)


def statistics_json(found: Statistics) -> str:
    """Return all figures as JSON. The `schema` field has the schema's name and version."""
    content = {
        "schema": SCHEMA,
        "software": f"hashsvc {version('hashsvc')}",
        "period": {"since": _moment(found.since), "until": _moment(found.until)},
        "observed_until": _moment(found.now),
        "timely_hours": found.timely_hours,
        "interval_level": LEVEL,
        "legal_data": [
            {"jurisdiction": each.jurisdiction, "version": each.version, "sha256": each.sha256}
            for each in found.law
        ],
        "definitions": [
            {
                "figure": each.name,
                "label": each.label,
                "unit": each.unit.value,
                "of": each.n_counts,
                "text": each.text,
            }
            for each in DEFINITIONS
        ],
        "groups": [_group(each) for each in found.groups],
        "precision": [_precision(each) for each in found.precision],
        "suggestions": list(_suggestions(found)),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def ranges(numbers: Iterable[int]) -> str:
    """Return sorted numbers as text, with consecutive numbers as ranges: `3-7 9`."""
    parts: list[list[int]] = []
    for each in numbers:
        if parts and each == parts[-1][1] + 1:
            parts[-1][1] = each
        else:
            parts.append([each, each])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _key(group: StatisticsGroup) -> tuple[object, ...]:
    return group.by, group.platform, group.channel, group.basis


def _row(name: str, figure: Figure) -> tuple[object, ...]:
    definition = BY_NAME[name]
    numbers = (
        figure.value,
        definition.unit.value,
        figure.n,
        definition.n_counts,
        figure.low,
        figure.high,
    )
    return (name, *numbers, ranges(figure.events), ranges(figure.audit))


def _group(group: StatisticsGroup) -> dict[str, Any]:
    return {
        "by": group.by,
        "platform": group.platform,
        "channel": group.channel,
        "basis": group.basis,
        "figures": {name: _figure(group.figures[name]) for name in BY_NAME},
        "refusals": [
            {
                "reason": each.reason,
                "requests": each.requests,
                "events": list(each.events),
                "audit": list(each.audit),
            }
            for each in group.refusals
        ],
        "removal_curve": [
            {
                "hours": each.time,
                "still_up": each.left,
                "low": each.low,
                "high": each.high,
                "at_risk": each.at_risk,
            }
            for each in group.removal.steps
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "n": figure.n,
        "low": figure.low,
        "high": figure.high,
        "events": list(figure.events),
        "audit": list(figure.audit),
    }


def _precision(found: Precision) -> dict[str, Any]:
    return {
        "tier": found.tier,
        "confirmed": found.confirmed,
        "dismissed": found.dismissed,
        "share": _figure(found.share),
        "matches": list(found.matches),
    }


def _suggestions(found: Statistics) -> Iterator[dict[str, Any]]:
    for group in found.by("platform"):
        assert group.platform is not None
        best = suggest_channel(found.groups, group.platform)
        if best is not None:
            yield {
                "platform": best.platform,
                "channel": best.channel,
                "basis": best.basis,
                "why": best.why,
                "clear": best.clear,
                "least_requests": MIN_REQUESTS,
            }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
