"""Opens the database, brings its schema up to date, and hands out transactions."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import structlog
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from hashsvc.store.errors import OpenError, SchemaError

_BUSY_TIMEOUT_S = 30
# Without the URL, which may hold a password.
_CANNOT_OPEN = "The database cannot be opened. Is its URL right, and is it there?"
_log = structlog.get_logger()


class Database:
    """
    One database, SQLite or PostgreSQL; safe to share between threads.

    Args:
        url: An SQLAlchemy URL. A SQLite file and its folder are made when missing.

    Raises:
        OpenError: If the URL is none, or the file cannot be made.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _sqlite_engine(url) if url.startswith("sqlite") else _engine(url)
        except (OSError, ImportError, SQLAlchemyError) as error:
            raise OpenError(_CANNOT_OPEN) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database and changes nothing."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end, or undoes everything on an exception."""
        with self._engine.connect() as connection:
            connection.execution_options(hashsvc_write=True)
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """
        Bring the schema to this version's.

        Raises:
            OpenError: If the database cannot be reached, or the file is none.

            SchemaError: If the database was made by a newer version.
        """
        try:
            self._engine.connect().close()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise OpenError(_CANNOT_OPEN) from error
        config = Config()
        config.set_main_option("script_location", "hashsvc.store:migrations")
        config.set_main_option("path_separator", "os")
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError("The database was made by a newer version of hashsvc.") from error

    def forget_deleted(self) -> None:
        """
        Take the bytes of deleted rows out of SQLite's files; another server sees to its own.

        Deleted cells are overwritten at once, but not the copies that stay behind where rows moved
        within the file, nor the old pages in the log: the file is written anew, the log emptied.
        Somebody who holds on for longer than the timeout puts it off to the next call or `close`.
        """
        if self._engine.dialect.name != "sqlite":
            return
        # SQLAlchemy's connection would open a transaction; neither statement may run in one.
        with closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            try:
                cursor.execute("VACUUM")
                forgotten = _empty_log(cursor)
            except sqlite3.OperationalError:
                # The rows are gone, as the caller is told; what is left is told to the operator.
                forgotten = False
        if not forgotten:
            _log.warning("store.deleted_not_yet_forgotten")

    def close(self) -> None:
        """Close every connection of the pool."""
        self._engine.dispose()


def _engine(url: str, **options: Any) -> Engine:
    # Neither an error's text nor SQLAlchemy's own log may hold a code or a URL.
    return create_engine(url, hide_parameters=True, **options)


def _empty_log(cursor: DBAPICursor) -> bool:
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        # SQLite waits for readers and writers, but not for the checkpoint of another connection.
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _sqlite_engine(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        # Codes are as private as what they were made from: nobody else on the machine reads them.
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(path).touch(mode=0o600, exist_ok=True)
    engine = _engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})

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
        writes = connection.get_execution_options().get("hashsvc_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
