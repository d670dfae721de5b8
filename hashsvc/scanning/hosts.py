"""Limits the load on each host: downloads at once, delays between them, and requested pauses."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from hashsvc.scanning.errors import FetchError

_MOST_REMEMBERED = 1000
_LONGEST_WAIT_S = 60  # Condition.wait() rejects very long timeouts, so wait in steps.


@dataclass(slots=True)
class _Host:
    busy: int = 0
    next_at: float = 0
    paused_until: float = 0


class Hosts:
    """
    Gives threads their turns at each host; safe to share between threads of one process.

    Args:
        at_once: Most downloads from one host at the same time.

        delay_s: Least time between the starts of two downloads from one host.

        clock: Returns seconds, and never goes back.
    """

    def __init__(
        self, *, at_once: int, delay_s: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._delay_s = delay_s
        self._clock = clock
        self._turned = threading.Condition()
        self._hosts: dict[str, _Host] = {}
        self._forget_at = _MOST_REMEMBERED

    def __len__(self) -> int:
        """Return how many hosts are remembered."""
        return len(self._hosts)

    @contextlib.contextmanager
    def turn(self, name: str, *, until: float) -> Iterator[None]:
        """
        Wait for a turn at a host, and hold it inside the block.

        Raises:
            FetchError: If the turn would come after `until`, or the host has asked for a pause.
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

    def pause(self, name: str, seconds: float) -> None:
        """Refuse turns at a host for a number of seconds."""
        with self._turned:
            host = self._hosts.setdefault(name, _Host())
            host.paused_until = max(host.paused_until, self._clock() + seconds)

    def _wait(self, name: str, until: float) -> _Host:
        while True:
            host, now = self._hosts.setdefault(name, _Host()), self._clock()
            if host.paused_until > now:
                raise FetchError("asked-to-wait", retry=True, retry_after=host.paused_until - now)
            if host.busy < self._at_once and host.next_at <= now:
                return host
            # The condition is notified when a place becomes free, but not when a delay ends.
            waits_for = until if host.busy >= self._at_once else min(host.next_at, until)
            if now >= until or (waits_for == until and host.next_at > until):
                raise FetchError("timeout", retry=True)
            self._turned.wait(min(max(0.0, waits_for - now), _LONGEST_WAIT_S))

    def _forget(self) -> None:
        """Drop idle hosts once many are remembered."""
        if len(self._hosts) <= self._forget_at:
            return
        now = self._clock()
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.busy or host.next_at > now or host.paused_until > now
        }
        self._forget_at = max(_MOST_REMEMBERED, 2 * len(self._hosts))


def retry_after_s(value: str | None, *, now: datetime, most_s: float) -> float | None:
    """
    Return the seconds in a `Retry-After` header.

    Args:
        value: The header; None if the answer has none.

        now: The time that a date in the header is compared with.

        most_s: Largest result; longer waits are cut to it.

    Returns:
        Seconds, or None if there is no header or it cannot be read.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), most_s)
    try:
        wait = parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):  # Not a date, or a date without a time zone.
        return None
    return min(max(wait.total_seconds(), 0.0), most_s)
