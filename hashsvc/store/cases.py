"""Cases, contents and their signals; every change to them goes into the change feed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from hashsvc.store import rows
from hashsvc.store.ids import CaseId, ContentId, PublicContentId
from hashsvc.store.tables import case, change, content, signal


@dataclass(frozen=True, slots=True)
class Case:
    """One person's submission; `opened_on` is a day, no finer."""

    id: CaseId
    number: str
    pin_hash: str
    opened_on: str


@dataclass(frozen=True, slots=True)
class Content:
    """One image of a case: an opaque id, its quality, and the day it was added."""

    id: ContentId
    public_id: PublicContentId
    case_id: CaseId
    quality: int
    added_on: str


@dataclass(frozen=True, slots=True, repr=False)
class SignalRow:
    """One stored signal; `code` is packed bits."""

    id: int
    content_id: ContentId
    algorithm: str
    view: str
    code: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the change feed: a content came ("add") or went ("remove")."""

    seq: int
    kind: str
    content_id: ContentId


def open_case(connection: Connection, *, number: str, pin_hash: str, day: str) -> None:
    """Store a new case without contents."""
    connection.execute(insert(case).values(number=number, pin_hash=pin_hash, opened_on=day))


def case_by_number(connection: Connection, number: str) -> Case:
    """
    Return the case with this number.

    Raises:
        UnknownRowError: If there is none.
    """
    return rows.as_one(Case, connection.execute(select(case).where(case.c.number == number)))


def contents_of(connection: Connection, case_id: CaseId) -> list[Content]:
    """Return the contents of a case, oldest first."""
    query = select(content).where(content.c.case_id == case_id).order_by(content.c.id)
    return rows.as_list(Content, connection.execute(query))


def content_by_id(connection: Connection, content_id: ContentId) -> Content:
    """
    Return one content.

    Raises:
        UnknownRowError: If it is gone or never was.
    """
    return rows.as_one(
        Content, connection.execute(select(content).where(content.c.id == content_id))
    )


def contents_by_id(connection: Connection, content_ids: Sequence[ContentId]) -> list[Content]:
    """Return those of these contents that are still there, by id."""
    query = select(content).where(content.c.id.in_(content_ids)).order_by(content.c.id)
    return rows.as_list(Content, connection.execute(query))


def has_content(connection: Connection, content_id: ContentId) -> bool:
    """Tell whether this content is still there."""
    query = select(func.count()).where(content.c.id == content_id)
    return connection.execute(query).scalar_one() > 0


def has_public_ids(connection: Connection, public_ids: Sequence[PublicContentId]) -> bool:
    """Tell whether any of these ids is taken, in any case."""
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
) -> ContentId:
    """
    Store one content with its signals and tell the change feed.

    Args:
        signals: (algorithm, view, code) of each signal.
    """
    row = connection.execute(
        insert(content)
        .values(public_id=public_id, case_id=case_id, quality=quality, added_on=day)
        .returning(content.c.id)
    )
    content_id = ContentId(row.scalar_one())
    connection.execute(
        insert(signal),
        [
            {"content_id": content_id, "algorithm": algorithm, "view": view, "code": code}
            for algorithm, view, code in signals
        ],
    )
    connection.execute(insert(change).values(kind="add", content_id=content_id))
    return content_id


def delete_content(connection: Connection, content_id: ContentId) -> None:
    """Delete one content with its signals and matches, and tell the change feed."""
    connection.execute(delete(content).where(content.c.id == content_id))
    connection.execute(insert(change).values(kind="remove", content_id=content_id))


def delete_case(connection: Connection, case_id: CaseId) -> None:
    """Delete a case; its contents must be gone before, for the change feed to tell of each."""
    connection.execute(delete(case).where(case.c.id == case_id))


def signals_of(connection: Connection, content_ids: Sequence[ContentId]) -> list[SignalRow]:
    """Return all signals of these contents."""
    query = select(signal).where(signal.c.content_id.in_(content_ids)).order_by(signal.c.id)
    return rows.as_list(SignalRow, connection.execute(query))


def changes_after(connection: Connection, seq: int, limit: int) -> list[Change]:
    """Return the steps of the change feed after `seq`, in order, at most `limit`."""
    query = select(change).where(change.c.seq > seq).order_by(change.c.seq).limit(limit)
    return rows.as_list(Change, connection.execute(query))


def counts(connection: Connection) -> tuple[int, int]:
    """Return how many cases and how many contents there are."""
    cases = connection.execute(select(func.count()).select_from(case)).scalar_one()
    contents = connection.execute(select(func.count()).select_from(content)).scalar_one()
    return cases, contents
