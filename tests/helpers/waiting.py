"""Waits for threads and other processes."""

import time
from collections.abc import Callable

_LONGEST_S = 60


def wait_until(is_met: Callable[[], bool]) -> None:
    """Wait until a condition is met; fail after a minute."""
    deadline = time.monotonic() + _LONGEST_S
    while not is_met():
        assert time.monotonic() < deadline, f"The condition was not met within {_LONGEST_S} s."
        time.sleep(0.02)
