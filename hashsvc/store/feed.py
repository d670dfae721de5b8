"""
The change feed: additions and removals of contents, in an order that indices can follow.

Each change gets its number before its transaction commits. On PostgreSQL several transactions run
at once, and a change with a lower number may be committed after one with a higher number. A reader
that asks for "all above the last number seen" never sees that change. So each change is stored with
the id of its transaction, and a feed position is a point in the order of (transaction, number)
below which all transactions are over. `after` also returns the changes that are visible above that
point. The feed position lists their numbers until the point has moved past them.

On SQLite only one transaction writes at a time, so the numbers are in the order of the commits.
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
    """One change: a content was added ("add") or removed ("remove")."""

    seq: int
    kind: str
    content_id: ContentId


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """
    How far a reader has followed the feed; only this module uses the fields.

    Attributes:
        transaction: Id of the transaction of the last change before the point; 0 on SQLite.

        seq: Number of that change. The reader has all changes up to it.

        ahead: Numbers of later changes that the reader has too.
    """

    transaction: int = 0
    seq: int = 0
    ahead: frozenset[int] = frozenset()


START = FeedPosition()
"""The feed position of a reader that has no changes yet."""

# On PostgreSQL the table has this column too; see the first migration.
_xid = column("xid", BigInteger)
_feed = table(change.name, *(column(each.name, each.type) for each in change.c), _xid)


def after(
    connection: Connection, position: FeedPosition, limit: int
) -> tuple[list[Change], FeedPosition]:
    """
    Return at most `limit` changes after a feed position, and the feed position after them.

    Every committed change is returned once; an empty list means that the reader has all of them.
    A content's removal may come before its addition. In that case the content has no codes left to
    add.
    """
    if connection.dialect.name == "sqlite":
        query = select(change).where(change.c.seq > position.seq).order_by(change.c.seq)
        changes = rows.as_list(Change, connection.execute(query.limit(limit)))
        return changes, FeedPosition(seq=changes[-1].seq) if changes else position
    point = (position.transaction, position.seq)
    new: list[Change] = []
    ahead = set(position.ahead)
    may_advance = True
    for each, xid, is_over in _changes_after(connection, point, limit + len(ahead)):
        if each.seq not in position.ahead:
            if len(new) == limit:
                break
            new.append(each)
        may_advance = may_advance and is_over
        if may_advance:
            point = (xid, each.seq)
            ahead.discard(each.seq)
        else:
            ahead.add(each.seq)
    return new, FeedPosition(*point, frozenset(ahead))


def _changes_after(
    connection: Connection, point: tuple[int, int], limit: int
) -> Iterator[tuple[Change, int, bool]]:
    """Yield each change, its transaction's id, and whether all transactions up to it are over."""
    # All transactions below this one are over: none of them can still commit.
    oldest = _number(func.pg_snapshot_xmin(func.pg_current_snapshot()))
    query = (
        select(_feed, (_xid < oldest).label("is_over"))
        .where(tuple_(_xid, _feed.c.seq) > tuple_(literal(point[0]), literal(point[1])))
        .order_by(_xid, _feed.c.seq)
        .limit(limit)
    )
    for row in connection.execute(query):
        yield Change(row.seq, row.kind, row.content_id), row.xid, row.is_over


def settle(connection: Connection) -> None:
    """
    Make a feed that was restored from another server fit this server's transaction ids.

    The other server's transaction ids may be higher than this one's. New changes would then come
    before the restored ones in the feed's order, and readers would miss them.
    """
    if connection.dialect.name != "sqlite":
        newest = _number(func.pg_snapshot_xmax(func.pg_current_snapshot()))
        connection.execute(update(_feed).where(_xid >= newest).values(xid=0))


def _number(xid: ColumnElement[Any]) -> ColumnElement[int]:
    # PostgreSQL casts `xid8` to text only, not to a number.
    return cast(cast(xid, Text), BigInteger)
