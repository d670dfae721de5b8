"""
Contents that are still to be compared with the candidates that were seen before them.

A content is put here in the transaction that lets it in, and taken out when that is done: whatever
is killed in between, it is done again. Each pair of a content and a candidate is compared by one of
two: the scan, when the content was there before; else from here. A scan that takes a while asks at
its end, in the transaction that keeps its candidates, which contents have come since it began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from hashsvc.store import rows
from hashsvc.store.feedback_tables import unmatched
from hashsvc.store.ids import CandidateId, ContentId
from hashsvc.store.tables import change, content

FROM_THE_FIRST = CandidateId(0)

# Asked for each item of each scan, hence made once.
_NEWEST = select(func.coalesce(func.max(change.c.seq), 0))
_CAME_SINCE = (
    select(change.c.content_id)
    .join(content, content.c.id == change.c.content_id)
    .where(change.c.seq > bindparam("since"), change.c.kind == "add")
    .order_by(change.c.content_id)
)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A content that is to be compared with all candidates after one."""

    seq: int
    content_id: ContentId
    after_id: CandidateId


def add(
    connection: Connection,
    content_ids: Sequence[ContentId],
    after: CandidateId = FROM_THE_FIRST,
) -> None:
    """Have contents compared with the candidates after this one."""
    if content_ids:
        connection.execute(
            insert(unmatched),
            [{"content_id": each, "after_id": after} for each in content_ids],
        )


def mark(connection: Connection) -> int:
    """Return a place in the change feed: what is in by now is below it."""
    # Whoever lets a content in does so alone, so that the numbers are in the order of the commits.
    return int(connection.execute(_NEWEST).scalar_one())


def came_since(connection: Connection, since: int) -> list[ContentId]:
    """Return the contents that were let in after a mark and are still there."""
    found = connection.execute(_CAME_SINCE, {"since": since})
    return [ContentId(each) for each in found.scalars()]


def is_any_due(connection: Connection, now: datetime) -> bool:
    """Tell whether there is one to take."""
    query = select(unmatched.c.seq).where(_due(now)).limit(1)
    return connection.execute(query).first() is not None


def take(connection: Connection, *, now: datetime, until: datetime, limit: int) -> list[Unmatched]:
    """Take contents that nobody has in hand, those that wait longest, until a time."""
    due = (
        select(unmatched.c.seq)
        .where(_due(now))
        .order_by(unmatched.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    seqs = connection.execute(due).scalars().all()
    extend(connection, seqs, until=until)
    query = select(unmatched.c.seq, unmatched.c.content_id, unmatched.c.after_id)
    found = connection.execute(query.where(unmatched.c.seq.in_(seqs)).order_by(unmatched.c.seq))
    return rows.as_list(Unmatched, found)


def extend(connection: Connection, seqs: Sequence[int], *, until: datetime) -> None:
    """Keep what was taken for longer."""
    connection.execute(update(unmatched).where(unmatched.c.seq.in_(seqs)).values(due_at=until))


def done(connection: Connection, seqs: Sequence[int]) -> None:
    """Take out what was compared."""
    connection.execute(delete(unmatched).where(unmatched.c.seq.in_(seqs)))


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(unmatched.c.due_at.is_(None), unmatched.c.due_at <= now)
