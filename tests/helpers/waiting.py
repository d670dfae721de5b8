"""Waits for what a thread or another process does."""

import time
from collections.abc import Callable

_LONGEST_S = 60


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something is so; fail after a minute."""
    deadline = time.monotonic() + _LONGEST_S
    while not true():
        assert time.monotonic() < deadline, f"It was not so within {_LONGEST_S} s."
        time.sleep(0.02)
