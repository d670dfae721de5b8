"""
Cases and contents.

The change feed gets an entry when a content becomes searchable, and another when it is deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, func, insert, select, update

from hashsvc.store import data_keys, rows, signatures, unmatched
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    CaseId,
    ContentId,
    DataKeyId,
    OrganisationId,
    PublicContentId,
)
from hashsvc.store.tables import case, change, content


@dataclass(frozen=True, slots=True)
class Case:
    """
    One person's submission; only the day is kept, not the time.

    Attributes:
        ends_on: The first day on which the case no longer exists, unless it is renewed before;
            None if it lasts until it is withdrawn.
    """

    id: CaseId
    number: str
    pin_hash: str
    opened_on: str
    organisation_id: OrganisationId
    ends_on: str | None
    key_id: DataKeyId


@dataclass(frozen=True, slots=True)
class Content:
    """One image of a case: an opaque id, its quality, and the day it was added."""

    id: ContentId
    public_id: PublicContentId
    case_id: CaseId
    quality: int
    added_on: str


def open_case(
    connection: Connection,
    *,
    number: str,
    pin_hash: str,
    day: str,
    organisation_id: OrganisationId = DEFAULT_ORGANISATION,
    ends_on: str | None = None,
) -> None:
    """Store a new case, still without contents, and its new data key."""
    key_id, key = data_keys.add(connection)
    connection.execute(
        insert(case).values(
            number=number,
            pin_hash=key.seal_text(pin_hash, context=pin_context(number)),
            opened_on=day,
            organisation_id=organisation_id,
            ends_on=ends_on,
            key_id=key_id,
        )
    )


def pin_context(number: str) -> str:
    """Return the context to which the sealed hash of a case's PIN is bound."""
    return f"pin of case {number}"


def case_by_number(connection: Connection, number: str) -> Case:
    """
    Return the case with this number.

    Raises:
        UnknownRowError: If no case has this number.
    """
    found = rows.as_one(Case, connection.execute(select(case).where(case.c.number == number)))
    key = data_keys.of_case(connection, found.id)
    return replace(found, pin_hash=key.open_text(found.pin_hash, context=pin_context(number)))


def contents_of(connection: Connection, case_id: CaseId) -> list[Content]:
    """Return the contents of a case, oldest first."""
    query = select(content).where(content.c.case_id == case_id).order_by(content.c.id)
    return rows.as_list(Content, connection.execute(query))


def content_by_id(connection: Connection, content_id: ContentId) -> Content:
    """
    Return one content.

    Raises:
        UnknownRowError: If the content was deleted or never existed.
    """
    return rows.as_one(
        Content, connection.execute(select(content).where(content.c.id == content_id))
    )


def contents_by_id(connection: Connection, content_ids: Sequence[ContentId]) -> list[Content]:
    """Return the contents with these ids, in order of id; deleted ones are left out."""
    query = select(content).where(content.c.id.in_(content_ids)).order_by(content.c.id)
    return rows.as_list(Content, connection.execute(query))


def has_content(connection: Connection, content_id: ContentId) -> bool:
    """Return whether this content still exists."""
    query = select(func.count()).where(content.c.id == content_id)
    return connection.execute(query).scalar_one() > 0


def has_public_ids(connection: Connection, public_ids: Sequence[PublicContentId]) -> bool:
    """Return whether any content, of any case, has one of these ids."""
    query = select(func.count()).where(content.c.public_id.in_(public_ids))
    return connection.execute(query).scalar_one() > 0


def add_content(
    connection: Connection,
    case_id: CaseId,
    *,
    public_id: PublicContentId,
    quality: int,
    day: str,
    signals: Sequence[tuple[str, str, bytes]],
    pending: bool = False,
) -> ContentId:
    """
    Store one content with its signals, and enter it into the change feed unless it is pending.

    Args:
        signals: (algorithm, view, code) of each signal.

        pending: Whether the content waits for an analyst. `let_in` enters it into the feed when the
            analyst releases it.
    """
    row = connection.execute(
        insert(content)
        .values(public_id=public_id, case_id=case_id, quality=quality, added_on=day)
        .returning(content.c.id)
    )
    content_id = ContentId(row.scalar_one())
    signatures.add(
        connection,
        content_id,
        signals,
        key=data_keys.of_case(connection, case_id),
        context=signatures.context_of(case_id, public_id),
    )
    if not pending:
        let_in(connection, content_id)
    return content_id


def let_in(connection: Connection, content_id: ContentId) -> None:
    """Enter a content into the change feed, and queue it for comparison with stored candidates."""
    connection.execute(insert(change).values(kind="add", content_id=content_id))
    unmatched.add(connection, [content_id])


def numbers_ending_by(connection: Connection, day: str) -> list[str]:
    """Return the numbers of the cases that end on this day or before it, earliest first."""
    query = select(case.c.number).where(case.c.ends_on <= day).order_by(case.c.ends_on, case.c.id)
    return list(connection.execute(query).scalars())


def number_by_key(connection: Connection, key_id: DataKeyId) -> str | None:
    """Return the number of the case whose data key has this id; None if there is none."""
    return connection.execute(
        select(case.c.number).where(case.c.key_id == key_id)
    ).scalar_one_or_none()


def number_by_content(connection: Connection, public_id: PublicContentId) -> str | None:
    """Return the number of the case that has a content with this id; None if there is none."""
    return connection.execute(
        select(case.c.number)
        .join(content, content.c.case_id == case.c.id)
        .where(content.c.public_id == public_id)
    ).scalar_one_or_none()


def set_end(connection: Connection, case_id: CaseId, ends_on: str) -> None:
    """Set the day on which a case ends."""
    connection.execute(update(case).where(case.c.id == case_id).values(ends_on=ends_on))


def set_pin_hash(connection: Connection, found: Case, pin_hash: str) -> None:
    """Replace the hash of a case's PIN."""
    key = data_keys.of_case(connection, found.id)
    sealed = key.seal_text(pin_hash, context=pin_context(found.number))
    connection.execute(update(case).where(case.c.id == found.id).values(pin_hash=sealed))


def delete_content(connection: Connection, content_id: ContentId) -> None:
    """Delete a content with its signals and matches, and enter its removal into the change feed."""
    connection.execute(delete(content).where(content.c.id == content_id))
    connection.execute(insert(change).values(kind="remove", content_id=content_id))


def delete_case(connection: Connection, case_id: CaseId) -> None:
    """
    Delete a case and destroy its data key.

    The caller must delete the case's contents first, so that the change feed has an entry for each.
    """
    query = select(case.c.key_id).where(case.c.id == case_id)
    data_keys.destroy(connection, connection.execute(query).scalar_one())
    connection.execute(delete(case).where(case.c.id == case_id))


def counts(connection: Connection) -> tuple[int, int]:
    """Return how many cases and how many contents there are."""
    cases = connection.execute(select(func.count()).select_from(case)).scalar_one()
    contents = connection.execute(select(func.count()).select_from(content)).scalar_one()
    return cases, contents
