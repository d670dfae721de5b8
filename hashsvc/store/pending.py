"""Pending contents, which wait for an analyst before they are searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from hashsvc.store import cases, rows
from hashsvc.store.ids import CaseId, ContentId, LabelId, OrganisationId, PublicContentId
from hashsvc.store.tables import case, content, pending_content


@dataclass(frozen=True, slots=True)
class PendingContent:
    """
    One pending content.

    Attributes:
        case: Number of its case.

        label: The listed image that it resembles.
    """

    content_id: ContentId
    content: PublicContentId
    case: str
    reason: str
    label: LabelId | None
    pending_since: datetime


_ROWS = (
    select(
        pending_content.c.content_id,
        content.c.public_id.label("content"),
        case.c.number.label("case"),
        pending_content.c.reason,
        pending_content.c.label,
        pending_content.c.pending_since,
    )
    .join(content, content.c.id == pending_content.c.content_id)
    .join(case, case.c.id == content.c.case_id)
)


def add(
    connection: Connection,
    content_id: ContentId,
    *,
    reason: str,
    label: LabelId | None,
    now: datetime,
) -> None:
    """Mark a content as pending; the change feed must not have an entry for it yet."""
    connection.execute(
        insert(pending_content).values(
            content_id=content_id, reason=reason, label=label, pending_since=now
        )
    )


def by_content(
    connection: Connection, public_id: PublicContentId, organisation_id: OrganisationId
) -> PendingContent:
    """
    Return one pending content of an organisation.

    Raises:
        UnknownRowError: If no such content has this id.
    """
    query = _ROWS.where(content.c.public_id == public_id, case.c.organisation_id == organisation_id)
    return rows.as_one(PendingContent, connection.execute(query))


def search(
    connection: Connection, organisation_id: OrganisationId, limit: int
) -> list[PendingContent]:
    """Return at most `limit` pending contents of an organisation, longest pending first."""
    query = (
        _ROWS.where(case.c.organisation_id == organisation_id)
        .order_by(pending_content.c.pending_since, pending_content.c.content_id)
        .limit(limit)
    )
    return rows.as_list(PendingContent, connection.execute(query))


def pending_of(connection: Connection, case_id: CaseId) -> Sequence[ContentId]:
    """Return the ids of a case's pending contents."""
    query = (
        select(pending_content.c.content_id)
        .join(content, content.c.id == pending_content.c.content_id)
        .where(content.c.case_id == case_id)
    )
    return list(connection.execute(query).scalars())


def release(connection: Connection, content_id: ContentId) -> None:
    """Release a content: enter it into the change feed, so that searches find it from now on."""
    connection.execute(delete(pending_content).where(pending_content.c.content_id == content_id))
    cases.let_in(connection, content_id)
