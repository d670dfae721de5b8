"""A log with six entries, and its log signer with a clock that stands still."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from hashsvc import audit
from hashsvc.audit import LogSigner
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers.set_clock import START


@pytest.fixture
def add(database: Database) -> Callable[[int], None]:
    """A function that adds a number of entries to the log."""
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
def log_signer(settings: Settings, database: Database, add: Callable[[int], None]) -> LogSigner:
    """The log signer of a log with six entries, none of which is signed yet."""
    add(6)
    return LogSigner(settings, database, lambda: START)
