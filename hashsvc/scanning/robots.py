"""Reads and caches robots.txt files (RFC 9309), in time linear in their length."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

MAX_ROBOTS_BYTES = 500_000
"""RFC 9309, 2.5: a crawler must read at least this much."""

_MOST_RULES = 10_000
_MOST_SITES = 1000
_MOST_AGE_S = 3600
_STARS = re.compile(r"\*+")
_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}")
_PLAIN = "/:@!$&'()*+,;=-._~?"


@dataclass(frozen=True, slots=True)
class Robots:
    """
    The rules of a site for one program.

    Attributes:
        rules: Path patterns and whether each allows, longest first. Of two patterns of the same
            length, the one that allows comes first.
    """

    rules: tuple[tuple[str, bool], ...]

    def allows(self, url: str) -> bool:
        """Return whether the program may visit a URL of the site."""
        parts = urlsplit(url)
        path = _normalise_path(parts.path + (f"?{parts.query}" if parts.query else "")) or "/"
        return next((allowed for rule, allowed in self.rules if _matches(rule, path)), True)


ALL_ALLOWED = Robots(())
NONE_ALLOWED = Robots((("/", False),))


class RobotsCache:
    """Remembers the rules of recent sites for an hour; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Robots]] = OrderedDict()

    def get(self, url: str) -> Robots | None:
        """Return the rules read from a robots.txt URL; None if they are not remembered."""
        with self._lock:
            since, robots = self._known.get(url, (0.0, None))
            return robots if self._clock() - since < _MOST_AGE_S else None

    def put(self, url: str, robots: Robots) -> None:
        """Remember the rules read from a robots.txt URL."""
        with self._lock:
            self._known[url] = self._clock(), robots
            self._known.move_to_end(url)
            if len(self._known) > _MOST_SITES:
                self._known.popitem(last=False)


def read_robots(text: str, program: str) -> Robots:
    """Return the rules for a program, or if none name it, the rules for all programs."""
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
            if value:  # An empty rule has no effect.
                rules.append((_STARS.sub("*", _normalise_path(value)), key == "allow"))
    yield names, rules


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _normalise_path(path: str) -> str:
    """Return a path or pattern in which exactly the bytes that need quoting are quoted."""
    parts, place = [], 0
    for escape in _ESCAPES.finditer(path):
        parts.append(quote(path[place : escape.start()], safe=_PLAIN, errors="replace"))
        byte = unquote_to_bytes(escape[0])
        is_letter = byte.isalnum() or byte in b"-._~"
        parts.append(byte.decode("ascii") if is_letter else escape[0].upper())
        place = escape.end()
    return "".join([*parts, quote(path[place:], safe=_PLAIN, errors="replace")])


def _matches(rule: str, path: str) -> bool:
    """Return whether a path starts with a pattern; `*` is any text, and a final `$` its end."""
    is_whole = rule.endswith("$")
    first, *others = rule.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not is_whole or path == first
    place = len(first)
    # Taking the first place where a part occurs leaves the most text for the parts after it.
    for part in others[:-1]:
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    last = others[-1]
    if is_whole:
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0
