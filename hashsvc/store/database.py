"""Opens the database, brings its schema up to date, and hands out transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url

from hashsvc.store.errors import SchemaError

_BUSY_TIMEOUT_S = 30


class Database:
    """
    One database, SQLite or PostgreSQL; safe to share between threads.

    Args:
        url: An SQLAlchemy URL. A SQLite file and its folder are made when missing.
    """

    def __init__(self, url: str) -> None:
        self._engine = _sqlite_engine(url) if url.startswith("sqlite") else create_engine(url)

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
            SchemaError: If the database was made by a newer version.
        """
        config = Config()
        config.set_main_option("script_location", "hashsvc.store:migrations")
        config.set_main_option("path_separator", "os")
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError("The database was made by a newer version of hashsvc.") from error

    def close(self) -> None:
        """Close every connection of the pool."""
        self._engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        # Codes are as private as what they were made from: nobody else on the machine reads them.
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(path).touch(mode=0o600, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN comes late and deferred; `begin` below takes over.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a writer fails at once when another has written.
        writes = connection.get_execution_options().get("hashsvc_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
