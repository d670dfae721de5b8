"""A log with six entries, its witness, and a clock that stands still."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hashsvc import audit
from hashsvc.audit import Witness
from hashsvc.settings import Settings
from hashsvc.store import Database

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


@pytest.fixture
def add(database: Database) -> Callable[[int], None]:
    """Add entries to the log."""

    numbers = itertools.count()

    def record(count: int) -> None:
        for number in itertools.islice(numbers, count):
            with database.write() as connection:
                audit.record(
                    connection,
                    actor="key",
                    action="thing.do",
                    subject=f"thing {number}",
                    now=START + timedelta(seconds=number),
                )

    return record


@pytest.fixture
def witness(settings: Settings, database: Database, add: Callable[[int], None]) -> Witness:
    """The witness of a log with six entries, none of them signed yet."""
    add(6)
    return Witness(settings, database, lambda: START)
