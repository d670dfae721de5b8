"""
The change feed: what came and went, for indices that follow.

Numbers are given out before transactions commit. On PostgreSQL several may do so at a time, and one
with a lower number may commit after one with a higher: who asks for "all above the last one seen"
never sees it. So each step is stored with the id of its transaction, and a checkpoint is a place in
the order of (transaction, number) below which all transactions are over. What is visible above it
is told of as well, at once, and remembered until the place has come that far.

On SQLite, where one writes at a time, numbers are in the order of the commits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    cast,
    column,
    func,
    literal,
    select,
    table,
    tuple_,
    update,
)

from hashsvc.store import rows
from hashsvc.store.ids import ContentId
from hashsvc.store.tables import change


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the change feed: a content came ("add") or went ("remove")."""

    seq: int
    kind: str
    content_id: ContentId


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """
    How far somebody has followed; what is in it is the feed's own business.

    Attributes:
        transaction: Id of the transaction up to which all was told; 0 on SQLite.

        seq: Number of the last step that was told, of that transaction.

        ahead: Numbers of steps beyond that were told too.
    """

    transaction: int = 0
    seq: int = 0
    ahead: frozenset[int] = frozenset()


START = FeedPosition()
"""Where nothing was told yet."""

# With the column that PostgreSQL's table has beside the others; see the first step of the schema.
_xid = column("xid", BigInteger)
_feed = table(change.name, *(column(each.name, each.type) for each in change.c), _xid)


def after(
    connection: Connection, checkpoint: FeedPosition, limit: int
) -> tuple[list[Change], FeedPosition]:
    """
    Return steps that were not told yet, at most `limit`, and the checkpoint behind them.

    All that is committed is told of; it is over when there are none. A content's removal may come
    before its addition: by then it has no codes any more.
    """
    if connection.dialect.name == "sqlite":
        query = select(change).where(change.c.seq > checkpoint.seq).order_by(change.c.seq)
        changes = rows.as_list(Change, connection.execute(query.limit(limit)))
        return changes, FeedPosition(seq=changes[-1].seq) if changes else checkpoint
    place = (checkpoint.transaction, checkpoint.seq)
    told: list[Change] = []
    ahead = set(checkpoint.ahead)
    may_pass = True
    for step, xid, is_over in _steps(connection, place, limit + len(ahead)):
        if step.seq not in checkpoint.ahead:
            if len(told) == limit:
                break
            told.append(step)
        may_pass = may_pass and is_over
        if may_pass:
            place = (xid, step.seq)
            ahead.discard(step.seq)
        else:
            ahead.add(step.seq)
    return told, FeedPosition(*place, frozenset(ahead))


def _steps(
    connection: Connection, place: tuple[int, int], limit: int
) -> Iterator[tuple[Change, int, bool]]:
    # Below this, all transactions are over: none can commit any more.
    oldest = _number(func.pg_snapshot_xmin(func.pg_current_snapshot()))
    query = (
        select(_feed, (_xid < oldest).label("is_over"))
        .where(tuple_(_xid, _feed.c.seq) > tuple_(literal(place[0]), literal(place[1])))
        .order_by(_xid, _feed.c.seq)
        .limit(limit)
    )
    for row in connection.execute(query):
        yield Change(row.seq, row.kind, row.content_id), row.xid, row.is_over


def settle(connection: Connection) -> None:
    """
    Make the order of a feed that was restored on another server that of this one's transactions.

    There, numbers of transactions may have been higher than they are here: what is told of next
    would come before what is known.
    """
    if connection.dialect.name != "sqlite":
        newest = _number(func.pg_snapshot_xmax(func.pg_current_snapshot()))
        connection.execute(update(_feed).where(_xid >= newest).values(xid=0))


def _number(xid: ColumnElement[Any]) -> ColumnElement[int]:
    # Those of `xid8` are cast to nothing but text.
    return cast(cast(xid, Text), BigInteger)
