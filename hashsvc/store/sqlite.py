"""SQLite: one file, one writer at a time, and functions that remove every byte of deleted rows."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor

BUSY_TIMEOUT_S = 30
WRITES = "hashsvc_write"
"""Execution option of a write transaction."""


def path_of(url: str) -> Path | None:
    """Return the path of the SQLite file in a URL; None for PostgreSQL and for SQLite in memory."""
    path = make_url(url).database if url.startswith("sqlite") else None
    return Path(path) if path and path != ":memory:" else None


def make_engine(url: str, **options: Any) -> Engine:
    """Return the engine for a file, and create the file if it does not exist."""
    path = path_of(url)
    if path is not None:
        # Hashes are as private as their images: other users of the machine must not read the file.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S}, **options
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would send a deferred BEGIN of its own, and only before the first write.
        # `begin` below sends one instead.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            # Otherwise a large sort or a VACUUM writes codes to the system's temporary directory.
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction takes the write lock when it begins. If it took the lock only for its
        # first write, that write would fail whenever another transaction had written since this
        # one's first read.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def rewrite(engine: Engine) -> bool:
    """Rewrite the file; return False if another connection blocked it until the timeout."""
    with _bare(engine) as cursor:
        try:
            cursor.execute("VACUUM")
            return _empty_log(cursor)
        except sqlite3.OperationalError:
            return False


def empty_log(engine: Engine) -> bool:
    """Empty the write-ahead log; return False if a connection blocked this until the timeout."""
    with _bare(engine) as cursor:
        return _empty_log(cursor)


def copy_to(engine: Engine, path: Path) -> None:
    """Write a copy of the database's present state, without deleted rows, to a new file."""
    with _bare(engine) as cursor:
        cursor.execute("VACUUM INTO ?", (str(path),))


@contextmanager
def _bare(engine: Engine) -> Iterator[DBAPICursor]:
    # SQLAlchemy's connection would open a transaction, and VACUUM must not run in one.
    with closing(engine.raw_connection()) as connection:
        yield connection.cursor()


def _empty_log(cursor: DBAPICursor) -> bool:
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    try:
        while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            # SQLite waits for readers and writers, but not for another connection's checkpoint.
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    except sqlite3.OperationalError:
        return False
    return True
