"""
The work list of retroactive matching: new contents that must be compared with stored candidates.

A content is entered here in the transaction that enters it into the change feed (`cases.let_in`),
and removed once it has been compared. If a worker is killed in between, the content is compared
again. A scan compares its candidates with all contents that were in the feed when the scan began.
All other pairs of content and candidate are compared by means of this list. A scan takes time. So
at its end, in the transaction that stores its candidates, it asks which contents came into the feed
since it began.
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

# Built once: these queries run for each item of each scan.
_NEWEST = select(func.coalesce(func.max(change.c.seq), 0))
_CAME_SINCE = (
    select(change.c.content_id)
    .join(content, content.c.id == change.c.content_id)
    .where(change.c.seq > bindparam("since"), change.c.kind == "add")
    .order_by(change.c.content_id)
)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A content that must be compared with all candidates after `after_id`."""

    seq: int
    content_id: ContentId
    after_id: CandidateId


def add(
    connection: Connection,
    content_ids: Sequence[ContentId],
    after: CandidateId = FROM_THE_FIRST,
) -> None:
    """Enter contents into the list, to be compared with all candidates after the one given."""
    if content_ids:
        connection.execute(
            insert(unmatched),
            [{"content_id": each, "after_id": after} for each in content_ids],
        )


def mark(connection: Connection) -> int:
    """Return the newest number in the change feed; the caller passes it to `came_since` later."""
    # A transaction that adds to the feed runs alone, so the numbers are in the order of commits.
    return int(connection.execute(_NEWEST).scalar_one())


def came_since(connection: Connection, since: int) -> list[ContentId]:
    """Return the contents that still exist and came into the feed after `mark` returned `since`."""
    found = connection.execute(_CAME_SINCE, {"since": since})
    return [ContentId(each) for each in found.scalars()]


def is_any_due(connection: Connection, now: datetime) -> bool:
    """Return whether any content can be taken now."""
    query = select(unmatched.c.seq).where(_due(now)).limit(1)
    return connection.execute(query).first() is not None


def take(connection: Connection, *, now: datetime, until: datetime, limit: int) -> list[Unmatched]:
    """Lease at most `limit` contents that no worker has, longest waiting first; return them."""
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
    """Set when the lease on contents ends."""
    connection.execute(update(unmatched).where(unmatched.c.seq.in_(seqs)).values(due_at=until))


def done(connection: Connection, seqs: Sequence[int]) -> None:
    """Remove contents from the list, because they were compared."""
    connection.execute(delete(unmatched).where(unmatched.c.seq.in_(seqs)))


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(unmatched.c.due_at.is_(None), unmatched.c.due_at <= now)
