"""A clock for tests."""

from datetime import UTC, datetime, timedelta


class SetClock:
    """A clock that shows the same time until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 5, 23, 59, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self._now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
