"""Courtesy to sites: so many downloads at once from a host, with a pause, and none when it asks."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from hashsvc.scanning.errors import FetchError

_REMEMBERED = 1000
_LONGEST_WAIT_S = 60  # Then it is looked at again: the system's own clock knows no endless time.


@dataclass(slots=True)
class _Host:
    busy: int = 0
    next_at: float = 0
    held_until: float = 0


class Hosts:
    """
    Whose turn it is at each host; threads share it.

    Args:
        at_once: Most downloads of one host at a time.

        delay_s: Least time between the beginnings of two.

        clock: Tells seconds; they only go forward.
    """

    def __init__(
        self, *, at_once: int, delay_s: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._delay_s = delay_s
        self._clock = clock
        self._turned = threading.Condition()
        self._hosts: dict[str, _Host] = {}
        self._forget_at = _REMEMBERED

    def __len__(self) -> int:
        """How many hosts are remembered."""
        return len(self._hosts)

    @contextlib.contextmanager
    def turn(self, name: str, *, until: float) -> Iterator[None]:
        """
        Wait for a turn at a host, and have it.

        Raises:
            FetchError: If it would come after `until`, or the host wants to be left alone.
        """
        with self._turned:
            host = self._wait(name, until)
            host.busy += 1
            host.next_at = self._clock() + self._delay_s
        try:
            yield
        finally:
            with self._turned:
                host.busy -= 1
                self._forget()
                self._turned.notify_all()

    def hold(self, name: str, seconds: float) -> None:
        """Leave a host alone for so long."""
        with self._turned:
            host = self._hosts.setdefault(name, _Host())
            host.held_until = max(host.held_until, self._clock() + seconds)

    def _wait(self, name: str, until: float) -> _Host:
        while True:
            host, now = self._hosts.setdefault(name, _Host()), self._clock()
            if host.held_until > now:
                raise FetchError("asked-to-wait", retry=True, retry_after=host.held_until - now)
            if host.busy < self._at_once and host.next_at <= now:
                return host
            # A free place comes with a notice, the end of a pause does not.
            waits_for = until if host.busy >= self._at_once else min(host.next_at, until)
            if now >= until or (waits_for == until and host.next_at > until):
                raise FetchError("timeout", retry=True)
            self._turned.wait(min(max(0.0, waits_for - now), _LONGEST_WAIT_S))

    def _forget(self) -> None:
        """Drop what need not be remembered, once it is much."""
        if len(self._hosts) <= self._forget_at:
            return
        now = self._clock()
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.busy or host.next_at > now or host.held_until > now
        }
        self._forget_at = max(_REMEMBERED, 2 * len(self._hosts))


def retry_after_s(value: str | None, *, now: datetime, most_s: float) -> float | None:
    """Return the seconds of a `Retry-After` header, at most so many; None of none."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), most_s)
    try:
        wait = parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):  # No date, or one without a zone.
        return None
    return min(max(wait.total_seconds(), 0.0), most_s)
