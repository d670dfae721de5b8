"""
What was erased, by opaque random ids: of a case's key, a content, a scan. Nothing else is known.

A backup that was made before still holds the rows; the list of erasures, which is applied when it
is restored, keeps them from coming back.
"""

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
    """Store that something was erased; the file is still to be rewritten without it."""
    connection.execute(insert(erasure).values(id=erased, at=now))


def all_ids(connection: Connection) -> list[str]:
    """Return the ids of all that was ever erased, in no order that tells anything."""
    return list(connection.execute(select(erasure.c.id).order_by(erasure.c.id)).scalars())


def add_missing(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Store those erasures of a list that are not known: of what a backup never held."""
    missing = sorted(set(ids) - set(all_ids(connection)))
    if missing:
        connection.execute(insert(erasure), [{"id": each, "at": now} for each in missing])


def has_any(connection: Connection, ids: Sequence[PublicContentId]) -> bool:
    """Tell whether any of these was erased."""
    query = select(erasure.c.id).where(erasure.c.id.in_(ids)).limit(1)
    return connection.execute(query).first() is not None


def unpurged(connection: Connection) -> list[str]:
    """Return the ids of what was erased since the file was last rewritten."""
    return list(
        connection.execute(select(erasure.c.id).where(erasure.c.purged_at.is_(None))).scalars()
    )


def oldest_unpurged(connection: Connection) -> datetime | None:
    """Return when the first of those was erased; None when there is none."""
    query = (
        select(erasure.c.at).where(erasure.c.purged_at.is_(None)).order_by(erasure.c.at).limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def mark_purged(connection: Connection, ids: Sequence[str], *, now: datetime) -> None:
    """Store that the file was rewritten without these."""
    connection.execute(
        update(erasure).where(erasure.c.id == bindparam("erased")).values(purged_at=now),
        [{"erased": each} for each in ids],
    )


def list_beside(folder: Path, ids: Iterable[str]) -> None:
    """Add to the list beside the data those of these ids that it has not; one on each line."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / LIST_NAME
    is_there = path.exists()
    missing = sorted(set(ids) - set(read_list(path) if is_there else ()))
    # An empty list says that nothing was erased; that there is none would say nothing.
    if is_there and not missing:
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
        file.writelines(f"{each}\n" for each in missing)
        file.flush()
        os.fsync(file.fileno())


def read_list(path: Path) -> list[str]:
    """Return the ids in a list."""
    return path.read_text(encoding="ascii").split()
