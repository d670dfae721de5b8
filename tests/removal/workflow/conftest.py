"""A mail server, and requests whose notice can be mailed to it."""

from collections.abc import Iterator

import pytest

from hashsvc.removal import Removal
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, RequestId
from tests.helpers.post import PostOffice
from tests.removal.conftest import ANN
from tests.removal.steps import entry, lead, matched, raised


@pytest.fixture
def post() -> Iterator[PostOffice]:
    with PostOffice() as post:
        yield post


@pytest.fixture
def two(removal: Removal, database: Database, content_id: ContentId) -> list[RequestId]:
    """Two approved requests, on one notice, to a platform that takes mail."""
    removal.context.platforms.put(entry("a-site", "example.org"), actor=ANN)
    views = raised(removal, *(matched(database, content_id, each) for each in range(2)))
    lead(removal, views[0].request.id, "approved")
    return [each.request.id for each in views]
