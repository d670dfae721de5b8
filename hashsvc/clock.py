"""The clock: a function that returns the time, so that a test can pass its own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, as an aware datetime in UTC."""
    return datetime.now(UTC)
