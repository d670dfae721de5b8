"""A database that begins from nothing."""

from collections.abc import Iterator

import pytest

from hashsvc.settings import Settings
from hashsvc.store import Database


@pytest.fixture
def new_database(settings: Settings) -> Iterator[Database]:
    """A database that was migrated from nothing; `database` is a copy of a migrated one."""
    opened = Database.of(settings)
    opened.migrate()
    yield opened
    opened.close()
