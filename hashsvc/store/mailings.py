"""Notices that a process began to mail and whose outcome is not yet on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, update

from hashsvc.store import rows
from hashsvc.store.ids import NoticeId, RequestId
from hashsvc.store.removal_tables import notice_mailing, notice_request, removal_request


@dataclass(frozen=True, slots=True)
class Mailing:
    """
    An attempt to mail a notice; its outcome is not on record yet.

    Attributes:
        request_id: The request for which the notice is mailed.

        begun_by: The key that asked for the mailing.

        begun_at: When the attempt began, just before the mail server was contacted.

        unsure_from: From this time on, no process can still be mailing the notice. If the outcome
            is still not on record, a person must find out whether the notice was sent.
    """

    notice_id: NoticeId
    request_id: RequestId
    begun_by: str
    begun_at: datetime
    unsure_from: datetime


def begin(connection: Connection, new: Mailing) -> bool:
    """Store that a notice is being mailed; if it already is, store nothing and return False."""
    values = {name: getattr(new, name) for name in Mailing.__slots__}
    return rows.changed_one(
        connection.execute(rows.insert_once(connection, notice_mailing).values(**values))
    )


def end(connection: Connection, mailing: Mailing) -> bool:
    """Delete a mailing whose outcome is known; return False if somebody else ended it before."""
    return rows.changed_one(connection.execute(delete(notice_mailing).where(_is_this(mailing))))


def set_unsure(connection: Connection, mailing: Mailing, now: datetime) -> None:
    """Store that, from now on, nobody knows whether the notice was sent."""
    connection.execute(update(notice_mailing).where(_is_this(mailing)).values(unsure_from=now))


def of_requests(
    connection: Connection, request_ids: Sequence[RequestId]
) -> dict[RequestId, Mailing]:
    """Return the mailing of each of these requests whose notice is being mailed."""
    query = (
        select(notice_mailing, removal_request.c.id.label("mailed_id"))
        .join(notice_request, notice_request.c.notice_id == notice_mailing.c.notice_id)
        .join(removal_request, removal_request.c.id == notice_request.c.request_id)
        .where(removal_request.c.id.in_(request_ids), _IS_MAILED_FOR)
    )
    found = {}
    for row in connection.execute(query).mappings():
        columns = dict(row)
        mailed_id = RequestId(columns.pop("mailed_id"))
        found[mailed_id] = Mailing(**columns)
    return found


def is_under_way() -> ColumnElement[bool]:
    """Return the condition that a row of `removal_request` has a notice that is being mailed."""
    return exists().where(
        notice_request.c.request_id == removal_request.c.id,
        notice_request.c.notice_id == notice_mailing.c.notice_id,
        _IS_MAILED_FOR,
    )


def is_unsure(now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody knows whether the notice for a request was sent."""
    return exists().where(
        notice_request.c.request_id == removal_request.c.id,
        notice_request.c.notice_id == notice_mailing.c.notice_id,
        _IS_MAILED_FOR,
        notice_mailing.c.unsure_from <= now,
    )


# A notice goes out for all approved requests on it, or once more for one of them.
_IS_MAILED_FOR = or_(
    notice_mailing.c.request_id == removal_request.c.id, removal_request.c.state == "approved"
)


def _is_this(mailing: Mailing) -> ColumnElement[bool]:
    return (notice_mailing.c.notice_id == mailing.notice_id) & (
        notice_mailing.c.begun_at == mailing.begun_at
    )
