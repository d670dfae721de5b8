"""Removal requests and the events of each."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    ContentId,
    MatchId,
    OrganisationId,
    RequestId,
)
from hashsvc.store.tables import match, removal_request, request_event


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What is sent to a platform for one confirmed match; it outlives a withdrawn case."""

    id: RequestId
    match_id: MatchId | None
    platform: str
    page_url: str
    image_url: str
    state: str
    notice: str
    created_at: datetime
    organisation_id: OrganisationId = DEFAULT_ORGANISATION


@dataclass(frozen=True, slots=True)
class Event:
    """
    One step in a request's life.

    Attributes:
        state: The request's state after it.

        outcome: What a re-check saw; None for other steps.
    """

    id: int
    request_id: RequestId
    at: datetime
    actor: str
    state: str
    outcome: str | None


def add(connection: Connection, request: Request, *, actor: str) -> None:
    """Store a new request and its first event."""
    key = data_keys.records(connection)
    connection.execute(
        insert(removal_request).values(
            id=request.id,
            match_id=request.match_id,
            platform=request.platform,
            page_url=key.seal_text(request.page_url, place=_place(request.id, "page_url")),
            image_url=key.seal_text(request.image_url, place=_place(request.id, "image_url")),
            state=request.state,
            notice=key.seal_text(request.notice, place=_place(request.id, "notice")),
            created_at=request.created_at,
            organisation_id=request.organisation_id,
        )
    )
    add_event(connection, request.id, at=request.created_at, actor=actor, state=request.state)


def by_id(
    connection: Connection, request_id: RequestId, organisation_id: OrganisationId | None = None
) -> Request:
    """
    Return one request.

    Args:
        organisation_id: Whose it has to be; here and below, None stands for any.

    Raises:
        UnknownRowError: If there is none with this id.
    """
    query = select(removal_request).where(removal_request.c.id == request_id)
    if organisation_id is not None:
        query = query.where(removal_request.c.organisation_id == organisation_id)
    (request,) = _opened(connection, [rows.as_one(Request, connection.execute(query))])
    return request


def by_match(connection: Connection, match_id: MatchId) -> Request | None:
    """Return the request raised for a match, if there is one."""
    query = select(removal_request).where(removal_request.c.match_id == match_id)
    found = _opened(connection, rows.as_list(Request, connection.execute(query)))
    return found[0] if found else None


def search(
    connection: Connection,
    *,
    state: str | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
) -> list[Request]:
    """Return requests, newest first, of one state when it is given."""
    query = (
        select(removal_request)
        .order_by(removal_request.c.created_at.desc(), removal_request.c.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(removal_request.c.state == state)
    if organisation_id is not None:
        query = query.where(removal_request.c.organisation_id == organisation_id)
    return _opened(connection, rows.as_list(Request, connection.execute(query)))


def move(
    connection: Connection,
    request: Request,
    *,
    state: str,
    actor: str,
    now: datetime,
    outcome: str | None = None,
) -> bool:
    """Change a request's state and record it; False when somebody else changed it before."""
    query = (
        update(removal_request)
        .where(removal_request.c.id == request.id, removal_request.c.state == request.state)
        .values(state=state)
    )
    moved = rows.changed_one(connection.execute(query))
    if moved:
        add_event(connection, request.id, at=now, actor=actor, state=state, outcome=outcome)
    return moved


def add_event(
    connection: Connection,
    request_id: RequestId,
    *,
    at: datetime,
    actor: str,
    state: str,
    outcome: str | None = None,
) -> None:
    """Record one step without changing the request."""
    connection.execute(
        insert(request_event).values(
            request_id=request_id, at=at, actor=actor, state=state, outcome=outcome
        )
    )


def events_of(connection: Connection, request_id: RequestId) -> list[Event]:
    """Return a request's steps, oldest first."""
    query = (
        select(request_event)
        .where(request_event.c.request_id == request_id)
        .order_by(request_event.c.id)
    )
    return rows.as_list(Event, connection.execute(query))


def count_by_state(connection: Connection) -> dict[str, int]:
    """Return how many requests are in each state."""
    query = select(removal_request.c.state, func.count()).group_by(removal_request.c.state)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def withdraw_for(
    connection: Connection, content_id: ContentId, *, actor: str, now: datetime
) -> None:
    """
    End the requests for a content that is about to be deleted.

    One that was never sent is deleted; one that was sent stays on record, without its match. What
    was removed in time stays `gone`, for it counts in the platform's record.
    """
    of_content = select(match.c.id).where(match.c.content_id == content_id)
    theirs = removal_request.c.match_id.in_(of_content)
    connection.execute(
        delete(removal_request).where(theirs, removal_request.c.state.in_(("draft", "approved")))
    )
    open_ones = connection.execute(
        select(removal_request).where(theirs, removal_request.c.state != "gone")
    )
    for request in rows.as_list(Request, open_ones):
        move(connection, request, state="withdrawn", actor=actor, now=now)


def _opened(connection: Connection, requests: list[Request]) -> list[Request]:
    if not requests:
        return []
    key = data_keys.records(connection)
    return [
        replace(
            each,
            page_url=key.open_text(each.page_url, place=_place(each.id, "page_url")),
            image_url=key.open_text(each.image_url, place=_place(each.id, "image_url")),
            notice=key.open_text(each.notice, place=_place(each.id, "notice")),
        )
        for each in requests
    ]


def _place(request_id: RequestId, column: str) -> str:
    return f"{column} of request {request_id}"
