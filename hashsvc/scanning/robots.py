"""Reads robots.txt as RFC 9309 says, in time that grows with its length and no faster."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

MAX_ROBOTS_BYTES = 500_000
"""RFC 9309, 2.5: so much has to be read at least."""

_MOST_RULES = 10_000
_MOST_SITES = 1000
_MOST_AGE_S = 3600
_STARS = re.compile(r"\*+")
_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}")
_PLAIN = "/:@!$&'()*+,;=-._~?"


@dataclass(frozen=True, slots=True)
class Robots:
    """
    What a site lets a program visit.

    Attributes:
        rules: Patterns of paths, longest first; of two that are equally long, what allows is first.
    """

    rules: tuple[tuple[str, bool], ...]

    def allows(self, url: str) -> bool:
        """Tell whether a URL of the site may be visited."""
        parts = urlsplit(url)
        path = _one_spelling(parts.path + (f"?{parts.query}" if parts.query else "")) or "/"
        return next((allowed for rule, allowed in self.rules if _matches(rule, path)), True)


ALL_ALLOWED = Robots(())
NONE_ALLOWED = Robots((("/", False),))


class RobotsCache:
    """The rules of the sites visited last, for an hour; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Robots]] = OrderedDict()

    def get(self, url: str) -> Robots | None:
        """Return what was read at the URL of a robots.txt; None when that is not known."""
        with self._lock:
            since, robots = self._known.get(url, (0.0, None))
            return robots if self._clock() - since < _MOST_AGE_S else None

    def put(self, url: str, robots: Robots) -> None:
        """Remember what was read there."""
        with self._lock:
            self._known[url] = self._clock(), robots
            self._known.move_to_end(url)
            if len(self._known) > _MOST_SITES:
                self._known.popitem(last=False)


def read_robots(text: str, program: str) -> Robots:
    """Return the rules for a program, by the name it gives itself, or else those for all."""
    mine: list[tuple[str, bool]] = []
    others: list[tuple[str, bool]] = []
    is_mine = False
    for names, rules in _groups(text):
        if program.lower() in names:
            is_mine = True
            mine += rules
        elif "*" in names:
            others += rules
    rules = (mine if is_mine else others)[:_MOST_RULES]
    return Robots(tuple(sorted(rules, key=lambda rule: (-len(rule[0]), not rule[1]))))


def _groups(text: str) -> Iterator[tuple[set[str], list[tuple[str, bool]]]]:
    names: set[str] = set()
    rules: list[tuple[str, bool]] = []
    is_begun = False
    for key, value in _pairs(text.splitlines()):
        if key == "user-agent":
            if is_begun:
                yield names, rules
                names, rules, is_begun = set(), [], False
            names.add(value.partition("/")[0].lower())
        elif key in ("allow", "disallow"):
            is_begun = True
            if value:  # An empty rule says nothing.
                rules.append((_STARS.sub("*", _one_spelling(value)), key == "allow"))
    yield names, rules


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _one_spelling(path: str) -> str:
    """Return a path or pattern with every byte quoted that needs it, and no other."""
    parts, place = [], 0
    for escape in _ESCAPES.finditer(path):
        parts.append(quote(path[place : escape.start()], safe=_PLAIN, errors="replace"))
        byte = unquote_to_bytes(escape[0])
        is_letter = byte.isalnum() or byte in b"-._~"
        parts.append(byte.decode("ascii") if is_letter else escape[0].upper())
        place = escape.end()
    return "".join([*parts, quote(path[place:], safe=_PLAIN, errors="replace")])


def _matches(rule: str, path: str) -> bool:
    """Tell whether a path begins as a rule says; `*` stands for any letters, `$` for the end."""
    is_whole = rule.endswith("$")
    first, *others = rule.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not is_whole or path == first
    place = len(first)
    # The first place where a part is found leaves most to those that follow.
    for part in others[:-1]:
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    last = others[-1]
    if is_whole:
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0
