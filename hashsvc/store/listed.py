"""Codes of listed images: common ones belong to nobody, protected ones must stay public."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from hashsvc.store import rows
from hashsvc.store.ids import LabelId
from hashsvc.store.tables import listed_signal


@dataclass(frozen=True, slots=True, repr=False)
class ListedSignal:
    """One code of a listed image."""

    id: int
    list: str
    label: LabelId
    algorithm: str
    code: bytes


@dataclass(frozen=True, slots=True)
class ListedImage:
    """What is shown of a listed image."""

    list: str
    label: LabelId
    signals: int
    added_by: str
    added_at: datetime


_SIGNAL = (
    listed_signal.c.id,
    listed_signal.c.list,
    listed_signal.c.label,
    listed_signal.c.algorithm,
    listed_signal.c.code,
)


def add(
    connection: Connection,
    *,
    kind: str,
    label: LabelId,
    signals: Sequence[tuple[str, bytes]],
    by: str,
    now: datetime,
) -> None:
    """
    Store the codes of an image on a list.

    Args:
        kind: "common" or "protected".

        signals: (algorithm, code) of each signal.
    """
    connection.execute(
        insert(listed_signal),
        [
            {
                "list": kind,
                "label": label,
                "algorithm": algorithm,
                "code": code,
                "added_by": by,
                "added_at": now,
            }
            for algorithm, code in signals
        ],
    )


def state(connection: Connection) -> tuple[int, int]:
    """Return a pair of numbers that changes whenever a listed image is added or removed."""
    query = select(func.count(), func.coalesce(func.max(listed_signal.c.id), 0))
    count, last = connection.execute(query.select_from(listed_signal)).one()
    return int(count), int(last)


def all_signals(connection: Connection) -> list[ListedSignal]:
    """Return every listed code, image by image."""
    query = select(*_SIGNAL).order_by(listed_signal.c.id)
    return rows.as_list(ListedSignal, connection.execute(query))


def all_images(connection: Connection, kind: str) -> list[ListedImage]:
    """Return the images on a list, in the order in which they were added."""
    query = (
        select(
            listed_signal.c.list,
            listed_signal.c.label,
            func.count().label("signals"),
            listed_signal.c.added_by,
            listed_signal.c.added_at,
        )
        .where(listed_signal.c.list == kind)
        .group_by(
            listed_signal.c.list,
            listed_signal.c.label,
            listed_signal.c.added_by,
            listed_signal.c.added_at,
        )
        .order_by(func.min(listed_signal.c.id))
    )
    return rows.as_list(ListedImage, connection.execute(query))


def remove(connection: Connection, kind: str, label: LabelId) -> bool:
    """Take an image off a list; return False if the list does not have it."""
    removed = connection.execute(
        delete(listed_signal).where(listed_signal.c.list == kind, listed_signal.c.label == label)
    )
    return removed.rowcount > 0
