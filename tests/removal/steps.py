"""Helpers that set up tests of removal: matches, requests in a state, entries of platforms."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from hashsvc.removal import Platform, Removal, RequestView, State
from hashsvc.store import Database, mailings, notices
from hashsvc.store.ids import CaseId, ContentId, MatchId, RequestId
from hashsvc.store.mailings import Mailing
from hashsvc.store.tables import content
from tests.helpers.cases import store_match
from tests.removal.conftest import ANN

NUMBER = "7K3M-X9QD-5"
"""The number of the case of the fixture `content_id`."""


def matched(database: Database, content_id: ContentId, number: int, **more: Any) -> MatchId:
    """Return a confirmed match at an image URL of its own."""
    usual = {"image_url": f"https://example.org/img/{number}.jpg", "state": "confirmed"}
    return store_match(database, content_id, **usual | more)


def raised(removal: Removal, *match_ids: MatchId) -> list[RequestView]:
    """Raise a request for each match, and return the requests."""
    made = [removal.raise_for(each, actor=ANN).request.id for each in match_ids]
    return [removal.view(each, actor=ANN) for each in made]


def lead(removal: Removal, request_id: RequestId, *states: str, **how: Any) -> RequestView:
    """Move a request on, step by step, and return it."""
    for each in states:
        view = removal.move(request_id, State(each), actor=ANN, **how)
    return view


def sent_to(removal: Removal, match_id: MatchId, **wanted: Any) -> RequestId:
    """Return a request that was raised, approved and sent."""
    request_id = removal.raise_for(match_id, actor=ANN, **wanted).request.id
    lead(removal, request_id, "approved", "sent")
    return request_id


def entry(entry_id: str, *domains: str, **more: Any) -> Platform:
    """Return an entry of the registry; its channel takes mail unless `channel` says otherwise."""
    channel = {
        "type": "email",
        "address": f"notices@{entry_id}.example",
        "languages": ["en"],
        "basis": "dsa-notice",
        "verified": True,
    }
    channel |= more.pop("channel", {})
    told = {
        "id": entry_id,
        "name": entry_id.capitalize(),
        "domains": domains,
        "kind": "hosting",
        "country": "BE",
        "channels": [channel],
        "checked": "2026-01-01",
        "source": [f"https://{entry_id}.example/"],
    }
    return Platform.model_validate(told | more)


def case_of(database: Database, content_id: ContentId) -> CaseId:
    """Return the case of a content."""
    with database.read() as connection:
        query = select(content.c.case_id).where(content.c.id == content_id)
        return CaseId(connection.execute(query).scalar_one())


def leave_unsure(database: Database, request_id: str, now: datetime) -> None:
    """Store what a process leaves behind if it dies while it mails a request's notice."""
    with database.write() as connection:
        (notice, *_) = notices.of_requests(connection, [RequestId(request_id)])[
            RequestId(request_id)
        ]
        mailing = Mailing(notice.id, RequestId(request_id), ANN, now, now)
        assert mailings.begin(connection, mailing)
