"""
Writes the calendar of what is due, as an iCalendar file (RFC 5545).

People copy calendars to telephones and to other companies' servers. An event therefore names the
rule, the platform and the request, and nothing else: no URL and no case.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hashsvc.removal.clocks.clock import Countdown, label_of
from hashsvc.removal.law.legal import Language

# This namespace keeps the ids of our events apart from those of other programs.
_NAMESPACE = UUID("5d1f0f5c-8f35-4c59-9b9b-3c1f8f0c8a4e")
_OCTETS = 75
_ESCAPED = re.compile(r"[\\;,]")


def calendar_feed(
    countdowns: Iterable[Countdown],
    *,
    now: datetime,
    name: str,
    platforms: Mapping[str, str],
    language: Language = Language.EN,
) -> bytes:
    """
    Return the calendar of all clocks that run or are overdue, soonest first.

    Args:
        now: When the feed is made.

        name: The calendar's name in calendar programs.

        platforms: The name of each request's platform, by the request's id.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//hashsvc//removal requests//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
    ]
    open_ones = [each for each in countdowns if each.met_at is None]
    for each in sorted(open_ones, key=lambda each: (each.due_at, each.reference)):
        lines += _event(each, now, platforms[each.reference], language)
    lines.append("END:VCALENDAR")
    return b"".join(_folded(each) for each in lines)


def event_id(countdown: Countdown) -> str:
    """Return an event's id. It changes only if the request, the rule or the start changes."""
    began = countdown.began_at.astimezone(UTC).isoformat()
    return f"{uuid5(_NAMESPACE, f'{countdown.reference} {countdown.deadline.id} {began}')}@hashsvc"


def _event(countdown: Countdown, now: datetime, platform: str, language: Language) -> list[str]:
    due = _moment(countdown.due_at)
    weight = "1" if countdown.deadline.hard else "5"
    rule = f"{countdown.deadline.id} {countdown.law.version}"
    return [
        "BEGIN:VEVENT",
        f"UID:{event_id(countdown)}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{due}",
        f"DTEND:{_moment(countdown.due_at + timedelta(minutes=15))}",
        f"SUMMARY:{_text(f'{label_of(countdown, language)} – {platform}')}",
        f"DESCRIPTION:{_text(f'{countdown.reference}, {rule}')}",
        f"CATEGORIES:{_text(countdown.deadline.then.value)}",
        f"PRIORITY:{weight}",
        "TRANSP:TRANSPARENT",
        "CLASS:CONFIDENTIAL",
        "END:VEVENT",
    ]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Return a value escaped as in RFC 5545, section 3.3.11; line breaks become spaces."""
    one_line = "".join(
        " " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text
    )
    return _ESCAPED.sub(r"\\\g<0>", one_line)


def _folded(line: str) -> bytes:
    """Return a line folded into pieces of at most 75 octets, without cutting a character."""
    pieces = [b""]
    for letter in line:
        octets = letter.encode()
        if len(pieces[-1]) + len(octets) > _OCTETS:
            pieces.append(b" ")
        pieces[-1] += octets
    return b"\r\n".join(pieces) + b"\r\n"
