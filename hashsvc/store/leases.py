"""The work list for workers: take an item under a lease, then finish it, fail it or return it."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from hashsvc.store import rows, scans
from hashsvc.store.ids import ItemId, MatchId, ScanId
from hashsvc.store.scans import Item
from hashsvc.store.tables import WAITING, scan_item, sighting
from hashsvc.store.tallies import Tally


def is_due(connection: Connection, *, now: datetime, avoiding: Collection[bytes] = ()) -> bool:
    """Return whether any item can be taken now."""
    query = select(scan_item.c.id).where(_due(bool(avoiding))).limit(1)
    return connection.execute(query, {"now": now, "avoiding": list(avoiding)}).first() is not None


def take(
    connection: Connection,
    *,
    now: datetime,
    until: datetime,
    avoiding: Collection[bytes] = (),
    passing_over: Collection[ScanId] = (),
) -> Item | None:
    """
    Take the item that has waited longest, or one whose lease ran out; return None if none is due.

    Each take counts as an attempt, so that an item that kills its worker is not retried for ever.

    Args:
        until: When the lease ends.

        avoiding: Digests of busy hosts, whose items are not taken now.

        passing_over: Scans whose items are not taken now.
    """
    values = {"now": now, "until": until, "avoiding": list(avoiding), "passing": list(passing_over)}
    found = connection.execute(_taking(bool(avoiding), bool(passing_over)), values)
    taken = scans.opened(connection, rows.as_list(Item, found))
    return taken[0] if taken else None


@cache
def _taking(avoids: bool, passes: bool) -> ReturningUpdate[*tuple[Any, ...]]:
    rules = [_due(avoids)]
    if passes:
        rules.append(scan_item.c.scan_id.not_in(bindparam("passing", expanding=True)))
    due = (
        select(scan_item.c.id)
        .where(*rules)
        .order_by(scan_item.c.due_at, scan_item.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (
        update(scan_item)
        .where(scan_item.c.id == due.scalar_subquery())
        .values(state="leased", due_at=bindparam("until"), attempts=scan_item.c.attempts + 1)
        .returning(*scan_item.c)
    )


def _due(avoids: bool) -> ColumnElement[bool]:
    """Return the condition for items that are due, except those of busy hosts if `avoids`."""
    rules: list[ColumnElement[bool]] = [WAITING, scan_item.c.due_at <= bindparam("now")]  # type: ignore[list-item]
    if avoids:
        busy: BindParameter[list[bytes]] = bindparam("avoiding", expanding=True)
        rules.append(or_(scan_item.c.host_digest.is_(None), scan_item.c.host_digest.not_in(busy)))
    return and_(*rules)


# Built once: building these statements for each item took as long as executing them. The attempt
# number tells this lease from a later one of the same item.
_HELD = and_(
    scan_item.c.id == bindparam("held_id"),
    scan_item.c.state == "leased",
    scan_item.c.attempts == bindparam("held_attempts"),
)
_FINISH = update(scan_item).where(_HELD).values(state="done", reason=None)
_FAIL = update(scan_item).where(_HELD)
_GIVE_BACK = update(scan_item).where(_HELD).values(state="queued")


def _end(connection: Connection, statement: Update, item: Item, **values: object) -> bool:
    held = {"held_id": item.id, "held_attempts": item.attempts}
    return rows.changed_one(connection.execute(statement, held | values))


def finish(connection: Connection, item: Item, tally: Tally, *, now: datetime) -> bool:
    """Mark a leased item done; return False if the lease was lost in the meantime."""
    return _end(connection, _FINISH, item, finished_at=now, **tally.columns())


def fail(
    connection: Connection,
    item: Item,
    *,
    reason: str,
    retry_at: datetime | None,
    now: datetime,
    tally: Tally | None = None,
) -> bool:
    """
    Mark a leased item failed until `retry_at`, or dead if that is None.

    Return False if the lease was lost in the meantime.

    Args:
        tally: What was counted before the item failed; None if that is not known.
    """
    unknown = dict.fromkeys(Tally().columns()) | {"images": 0, "images_failed": 0}
    return _end(
        connection,
        _FAIL,
        item,
        state="dead" if retry_at is None else "failed",
        reason=reason,
        due_at=retry_at or now,
        finished_at=now if retry_at is None else None,
        **(unknown if tally is None else tally.columns()),
    )


def give_back(connection: Connection, item: Item, *, now: datetime) -> bool:
    """
    Put a leased item back into the list, as if it had not been tried this time.

    Return False if the lease was lost in the meantime.
    """
    before = item.attempts_before + 1
    return _end(connection, _GIVE_BACK, item, due_at=now, attempts_before=before)


def note_sighting(connection: Connection, item_id: ItemId, match_id: MatchId) -> None:
    """Store that an item's scan saw a match's image."""
    values = {"item_id": item_id, "match_id": match_id}
    connection.execute(rows.insert_once(connection, sighting).values(**values))
