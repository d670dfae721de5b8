"""Suppressions: dismissed images that are not recorded again, for one or all contents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from hashsvc.keyring import DataKey
from hashsvc.store import data_keys, rows
from hashsvc.store.feedback_tables import suppression
from hashsvc.store.ids import (
    CaseId,
    ContentId,
    KeyId,
    MatchId,
    OrganisationId,
    PublicContentId,
    SuppressionId,
)
from hashsvc.store.tables import case, content

_DIGEST_BYTES = 32
_CODE_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Dismissed:
    """
    What identifies a dismissed image.

    Attributes:
        codes: The image's PDQ codes in every pose; empty if its candidate was no longer kept when
            the image was dismissed.
    """

    image_sha256: bytes
    codes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """
    What is shown of a suppression.

    Attributes:
        content: Public id of the content for which the image is suppressed; None if it is
            suppressed for all contents of the organisation.

        match_id: The match that was dismissed; None if the match no longer exists.
    """

    id: SuppressionId
    content: PublicContentId | None
    content_id: ContentId | None
    match_id: MatchId | None
    created_by: KeyId
    created_at: datetime


_ROWS = select(
    suppression.c.id,
    content.c.public_id.label("content"),
    suppression.c.content_id,
    suppression.c.match_id,
    suppression.c.created_by,
    suppression.c.created_at,
).outerjoin(content, content.c.id == suppression.c.content_id)


def add(
    connection: Connection,
    suppression_id: SuppressionId,
    dismissed: Dismissed,
    *,
    organisation_id: OrganisationId,
    content_id: ContentId | None,
    match_id: MatchId,
    by: KeyId,
    now: datetime,
) -> None:
    """Store a suppression for a content, or, without `content_id`, for the whole organisation."""
    sealed = _key(connection, content_id).seal(
        dismissed.image_sha256 + b"".join(dismissed.codes), context=_context(suppression_id)
    )
    connection.execute(
        insert(suppression).values(
            id=suppression_id,
            organisation_id=organisation_id,
            content_id=content_id,
            match_id=match_id,
            sealed=sealed,
            created_by=by,
            created_at=now,
        )
    )


def of_content(connection: Connection, content_id: ContentId) -> list[Dismissed]:
    """Return the dismissed images whose matches are not recorded for a content."""
    organisation = (
        select(case.c.organisation_id)
        .join(content, content.c.case_id == case.c.id)
        .where(content.c.id == content_id)
        .scalar_subquery()
    )
    query = select(suppression.c.id, suppression.c.content_id, suppression.c.sealed).where(
        or_(
            suppression.c.content_id == content_id,
            suppression.c.content_id.is_(None) & (suppression.c.organisation_id == organisation),
        )
    )
    found = connection.execute(query).all()
    keys = {each: _key(connection, each) for each in {row.content_id for row in found}}
    return [
        _dismissed(keys[owner].open(sealed, context=_context(id_))) for id_, owner, sealed in found
    ]


def search(
    connection: Connection, organisation_id: OrganisationId, limit: int
) -> list[Suppression]:
    """Return at most `limit` suppressions of an organisation, newest first."""
    query = (
        _ROWS.where(suppression.c.organisation_id == organisation_id)
        .order_by(suppression.c.created_at.desc(), suppression.c.id)
        .limit(limit)
    )
    return rows.as_list(Suppression, connection.execute(query))


def by_id(
    connection: Connection, suppression_id: SuppressionId, organisation_id: OrganisationId
) -> Suppression:
    """
    Return one suppression of an organisation.

    Raises:
        UnknownRowError: If no such suppression has this id.
    """
    query = _ROWS.where(
        suppression.c.id == suppression_id, suppression.c.organisation_id == organisation_id
    )
    return rows.as_one(Suppression, connection.execute(query))


def remove(connection: Connection, suppression_id: SuppressionId) -> None:
    """Delete a suppression, so that matches of its image are recorded again."""
    connection.execute(delete(suppression).where(suppression.c.id == suppression_id))


def opened_of_case(
    connection: Connection, case_id: CaseId, key: DataKey
) -> Sequence[tuple[SuppressionId, bytes]]:
    """Return a case's suppressions, unsealed, so that `seal_again` can seal them again."""
    query = (
        select(suppression.c.id, suppression.c.sealed)
        .join(content, content.c.id == suppression.c.content_id)
        .where(content.c.case_id == case_id)
    )
    return [
        (SuppressionId(each), key.open(sealed, context=_context(each)))
        for each, sealed in connection.execute(query)
    ]


def seal_again(
    connection: Connection, opened: Sequence[tuple[SuppressionId, bytes]], key: DataKey
) -> None:
    """Seal suppressions under a new key, and store them."""
    for each, plain in opened:
        sealed = key.seal(plain, context=_context(each))
        connection.execute(
            update(suppression).where(suppression.c.id == each).values(sealed=sealed)
        )


def _key(connection: Connection, content_id: ContentId | None) -> DataKey:
    if content_id is None:
        return data_keys.records(connection)
    return data_keys.of_content(connection, content_id)


def _dismissed(plain: bytes) -> Dismissed:
    starts = range(_DIGEST_BYTES, len(plain), _CODE_BYTES)
    return Dismissed(
        plain[:_DIGEST_BYTES], tuple(plain[start : start + _CODE_BYTES] for start in starts)
    )


def _context(suppression_id: str) -> str:
    return f"codes of suppression {suppression_id}"
