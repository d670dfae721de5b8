"""What a holder sees of a case besides its contents: match counts and states of requests."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from hashsvc.store import rows
from hashsvc.store.ids import CaseId
from hashsvc.store.removal_tables import removal_request, request_event
from hashsvc.store.tables import content, match


@dataclass(frozen=True, slots=True)
class RequestState:
    """A removal request's platform and state, and when this state began; it contains no URL."""

    platform: str
    state: str
    since: datetime


def match_counts(connection: Connection, case_id: CaseId) -> dict[str, int]:
    """Return how many matches of a case are in each state; states without matches are left out."""
    query = (
        select(match.c.state, func.count())
        .join(content, content.c.id == match.c.content_id)
        .where(content.c.case_id == case_id)
        .group_by(match.c.state)
    )
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def request_states(connection: Connection, case_id: CaseId) -> list[RequestState]:
    """Return the states of a case's removal requests, oldest request first."""
    # A re-check that changes nothing is an event too, so take the first event with this state.
    since = (
        select(func.min(request_event.c.at))
        .where(
            request_event.c.request_id == removal_request.c.id,
            request_event.c.state == removal_request.c.state,
        )
        .scalar_subquery()
    )
    query = (
        select(removal_request.c.platform, removal_request.c.state, since.label("since"))
        .join(match, match.c.id == removal_request.c.match_id)
        .join(content, content.c.id == match.c.content_id)
        .where(content.c.case_id == case_id)
        .order_by(removal_request.c.created_at, removal_request.c.id)
    )
    return rows.as_list(RequestState, connection.execute(query))
