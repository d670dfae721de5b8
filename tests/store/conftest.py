"""Databases that begin from nothing, and names that other tests still import from here."""

from collections.abc import Iterator

import pytest

from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers.cases import (
    IMAGE_URL,
    START,
    Clock,
    StoredSignal,
    signals_of,
    some_signals,
    store_case,
    store_content,
    store_match,
    store_request,
    wrapped_keys,
    write_nothing,
)
from tests.helpers.database import bytes_of, rows_of

__all__ = [
    "IMAGE_URL",
    "START",
    "Clock",
    "StoredSignal",
    "bytes_of",
    "rows_of",
    "signals_of",
    "some_signals",
    "store_case",
    "store_content",
    "store_match",
    "store_request",
    "wrapped_keys",
    "write_nothing",
]


@pytest.fixture
def new_database(settings: Settings) -> Iterator[Database]:
    """A database that was migrated from nothing; `database` is a copy of a migrated one."""
    opened = Database.of(settings)
    opened.migrate()
    yield opened
    opened.close()
