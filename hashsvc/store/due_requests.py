"""Which removal requests are due for a re-check, and which platforms owe an answer."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from hashsvc.store.ids import RequestId
from hashsvc.store.removal_tables import removal_request
from hashsvc.store.requests import WAITING


def set_check(connection: Connection, request_id: RequestId, at: datetime | None) -> None:
    """Set when the next scheduled re-check of a request is due; None ends the re-checks."""
    connection.execute(
        update(removal_request).where(removal_request.c.id == request_id).values(check_at=at)
    )


def take_check(connection: Connection, now: datetime, *, next_at: datetime) -> RequestId | None:
    """
    Return a request whose re-check is due, and set when its next one is; None if none is due.

    No two workers get the same request. If a worker dies, its request misses one re-check.
    """
    query = (
        select(removal_request.c.id)
        .where(removal_request.c.check_at <= now, removal_request.c.match_id.is_not(None))
        .order_by(removal_request.c.check_at, removal_request.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    due = connection.execute(query).scalar_one_or_none()
    if due is None:
        return None
    set_check(connection, RequestId(due), next_at)
    return RequestId(due)


def set_answer_due(connection: Connection, request_id: RequestId, at: datetime | None) -> None:
    """Set the end of the platform's time to answer; None if no answer is awaited."""
    connection.execute(
        update(removal_request).where(removal_request.c.id == request_id).values(answer_due_at=at)
    )


def overdue_answers(connection: Connection, now: datetime) -> list[RequestId]:
    """Return the requests that the platform should have answered by now, longest overdue first."""
    query = (
        select(removal_request.c.id)
        .where(removal_request.c.answer_due_at < now)
        .order_by(removal_request.c.answer_due_at, removal_request.c.id)
    )
    return [RequestId(each) for each in connection.execute(query).scalars()]


def awaited_answers(connection: Connection) -> list[RequestId]:
    """Return all requests whose platform owes an answer."""
    query = select(removal_request.c.id).where(removal_request.c.state.in_(WAITING))
    return [RequestId(each) for each in connection.execute(query).scalars()]
