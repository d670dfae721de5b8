"""
Erasures: the random ids of erased case keys, contents and scans, and nothing else about them.

A backup made before an erasure still holds the erased rows. A restore applies the list of erasures,
so that the rows do not come back.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select, update

from hashsvc.store.ids import DataKeyId, PublicContentId, ScanId
from hashsvc.store.tables import erasure

LIST_NAME = "erased-ids.txt"


def add(
    connection: Connection, erased: DataKeyId | PublicContentId | ScanId, *, now: datetime
) -> None:
    """Store that something was erased; until `mark_purged`, old bytes may still be in the file."""
    connection.execute(insert(erasure).values(id=erased, at=now))


def all_ids(connection: Connection) -> list[str]:
    """Return the ids of everything ever erased, in order of id, which reveals nothing."""
    return list(connection.execute(select(erasure.c.id).order_by(erasure.c.id)).scalars())


def add_missing(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Store the erasures of this list that the database does not have yet."""
    missing = sorted(set(ids) - set(all_ids(connection)))
    if missing:
        connection.execute(insert(erasure), [{"id": each, "at": now} for each in missing])


def has_any(connection: Connection, ids: Sequence[PublicContentId]) -> bool:
    """Return whether any of these contents was erased."""
    query = select(erasure.c.id).where(erasure.c.id.in_(ids)).limit(1)
    return connection.execute(query).first() is not None


def unpurged(connection: Connection) -> list[str]:
    """Return the ids of everything erased since the file was last rewritten."""
    return list(
        connection.execute(select(erasure.c.id).where(erasure.c.purged_at.is_(None))).scalars()
    )


def oldest_unpurged(connection: Connection) -> datetime | None:
    """Return the time of the oldest erasure in `unpurged`; None if there is none."""
    query = (
        select(erasure.c.at).where(erasure.c.purged_at.is_(None)).order_by(erasure.c.at).limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def mark_purged(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Store that the file was rewritten, and no longer holds any byte of what had these ids."""
    connection.execute(
        update(erasure).where(erasure.c.id == bindparam("erased")).values(purged_at=now),
        [{"erased": each} for each in ids],
    )


def list_beside(folder: Path, ids: Iterable[str]) -> None:
    """
    Add these ids to the list beside the data, one on each line; skip ids that the list has.

    Several processes may do so at the same time: each id is written once, on a line of its own.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Create the file even if there are no ids: an empty list says that nothing was erased.
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(folder / LIST_NAME, flags, 0o600), "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        missing = sorted(set(ids) - set(file.read().split()))
        if not missing:
            return
        file.writelines(f"{each}\n" for each in missing)
        file.flush()
        os.fsync(file.fileno())


def read_list(path: Path) -> list[str]:
    """Return the ids in a list."""
    return path.read_text(encoding="ascii").split()
