"""A clock for tests."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


class SetClock:
    """A clock that shows the same time until a test moves it."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
