"""SQLite: one file, one writer at a time, and no byte left of what was deleted."""

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
"""Execution option of a transaction that is to write."""


def path_of(url: str) -> Path | None:
    """Return where SQLite's file is; None for what is no file."""
    path = make_url(url).database if url.startswith("sqlite") else None
    return Path(path) if path and path != ":memory:" else None


def make_engine(url: str, **options: Any) -> Engine:
    """Return the engine of a file, which is made when it is missing."""
    path = path_of(url)
    if path is not None:
        # Codes are as private as what they were made from: nobody else on the machine reads them.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S}, **options
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN comes late and deferred; `begin` below takes over.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            # A large sort or a VACUUM would write codes to the system's temporary directory.
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a writer fails at once when another has written.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def rewrite(engine: Engine) -> bool:
    """Write the file anew; False when somebody held on for longer than the timeout."""
    with _bare(engine) as cursor:
        try:
            cursor.execute("VACUUM")
            return _empty_log(cursor)
        except sqlite3.OperationalError:
            return False


def empty_log(engine: Engine) -> bool:
    """Take old pages out of the log; False when somebody held on for longer than the timeout."""
    with _bare(engine) as cursor:
        return _empty_log(cursor)


def copy_to(engine: Engine, path: Path) -> None:
    """Write a copy of the database as it is now, without anything deleted, to a new file."""
    with _bare(engine) as cursor:
        cursor.execute("VACUUM INTO ?", (str(path),))


@contextmanager
def _bare(engine: Engine) -> Iterator[DBAPICursor]:
    # SQLAlchemy's connection would open a transaction; neither VACUUM may run in one.
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
