"""Notices: the requests that each names, and its documents as they were sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.ids import CaseId, NoticeId, OrganisationId, RequestId
from hashsvc.store.removal_tables import (
    notice_document,
    notice_request,
    removal_notice,
    removal_request,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One notice to one actor about one case. It names no person and no case.

    Attributes:
        case_id: None once the case is withdrawn.

        kind: The kind of notice, such as "dsa-notice"; "order" for the annex to an order.

        basis: The legal basis, named as in the registry's channels.

        channel: The type of the channel that it is sent by; None if no channel is known.

        address: The channel's address.

        fixed: What the notice was made with, as JSON text; None while it is a draft.
    """

    id: NoticeId
    organisation_id: OrganisationId
    case_id: CaseId | None
    platform: str
    kind: str
    basis: str
    channel: str | None
    address: str | None
    language: str
    created_at: datetime
    fixed: str | None = None


def add(connection: Connection, new: Notice, request_ids: Sequence[RequestId]) -> None:
    """Store a notice that names these requests."""
    values = {name: getattr(new, name) for name in Notice.__slots__}
    connection.execute(insert(removal_notice).values(**values))
    for each in request_ids:
        add_request(connection, new.id, each)


def add_request(connection: Connection, notice_id: NoticeId, request_id: RequestId) -> None:
    """Name one more request in a notice."""
    connection.execute(insert(notice_request).values(notice_id=notice_id, request_id=request_id))


def take_off(connection: Connection, notice_id: NoticeId, request_ids: Sequence[RequestId]) -> None:
    """Remove these requests from a notice."""
    connection.execute(
        delete(notice_request).where(
            notice_request.c.notice_id == notice_id,
            notice_request.c.request_id.in_(request_ids),
        )
    )


def draft_for(connection: Connection, like: Notice, *, most: int) -> Notice | None:
    """
    Return the newest draft that a request can join; None if there is none.

    Args:
        like: The draft has the same organisation, case, actor, kind, basis and language as this.

        most: Largest number of requests on a notice; a draft that already names so many is left
            out.
    """
    named = (
        select(func.count())
        .where(notice_request.c.notice_id == removal_notice.c.id)
        .scalar_subquery()
    )
    query = (
        select(removal_notice)
        .where(
            removal_notice.c.organisation_id == like.organisation_id,
            removal_notice.c.case_id == like.case_id,
            removal_notice.c.platform == like.platform,
            removal_notice.c.kind == like.kind,
            removal_notice.c.basis == like.basis,
            removal_notice.c.language == like.language,
            removal_notice.c.fixed.is_(None),
            named < most,
        )
        .order_by(removal_notice.c.created_at.desc())
        .limit(1)
    )
    found = rows.as_list(Notice, connection.execute(query))
    return found[0] if found else None


def of_requests(
    connection: Connection, request_ids: Sequence[RequestId]
) -> dict[RequestId, list[Notice]]:
    """Return the notices that name each of these requests, oldest first."""
    query = (
        select(removal_notice, notice_request.c.request_id)
        .join(notice_request, notice_request.c.notice_id == removal_notice.c.id)
        .where(notice_request.c.request_id.in_(request_ids))
        .order_by(removal_notice.c.created_at, removal_notice.c.id)
    )
    found: dict[RequestId, list[Notice]] = {each: [] for each in request_ids}
    for row in connection.execute(query).mappings():
        columns = dict(row)
        found[columns.pop("request_id")].append(Notice(**columns))
    return found


def request_ids(connection: Connection, notice_id: NoticeId) -> list[RequestId]:
    """Return the requests that a notice names, in the order in which they were raised."""
    query = (
        select(removal_request.c.id)
        .join(notice_request, notice_request.c.request_id == removal_request.c.id)
        .where(notice_request.c.notice_id == notice_id)
        .order_by(removal_request.c.created_at, removal_request.c.id)
    )
    return [RequestId(each) for each in connection.execute(query).scalars()]


def fix(
    connection: Connection,
    notice: Notice,
    fixed: str,
    documents: Mapping[str, bytes],
) -> None:
    """Store a draft's documents, by format. The notice does not change after that."""
    connection.execute(
        update(removal_notice)
        .where(removal_notice.c.id == notice.id)
        .values(fixed=fixed, channel=notice.channel, address=notice.address)
    )
    key = data_keys.records(connection)
    for form, document in documents.items():
        sealed = key.seal(document, context=_context(notice.id, form))
        connection.execute(
            insert(notice_document).values(notice_id=notice.id, format=form, sealed=sealed)
        )


def document(connection: Connection, notice_id: NoticeId, form: str) -> bytes | None:
    """Return a document of a notice; None if the notice has no such format, or is a draft."""
    query = select(notice_document.c.sealed).where(
        notice_document.c.notice_id == notice_id, notice_document.c.format == form
    )
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        return None
    return data_keys.records(connection).open(sealed, context=_context(notice_id, form))


def formats(connection: Connection, notice_id: NoticeId) -> list[str]:
    """Return the formats that a fixed notice has."""
    query = select(notice_document.c.format).where(notice_document.c.notice_id == notice_id)
    return sorted(connection.execute(query).scalars())


def delete_empty(connection: Connection) -> None:
    """Delete notices that no longer name a request, such as those of a withdrawn case."""
    named = exists().where(notice_request.c.notice_id == removal_notice.c.id)
    connection.execute(delete(removal_notice).where(~named))


def _context(notice_id: NoticeId, form: str) -> str:
    return f"{form} of notice {notice_id}"
