"""Opens the database, brings its schema up to date, hands out transactions, forgets for good."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import alembic.command
import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from hashsvc.clock import utc_now
from hashsvc.keyring import GivenKeys, Keyring, KeyringError, KeySource, OwnKeyFile, source_of
from hashsvc.settings import Settings
from hashsvc.store import data_keys, erasures
from hashsvc.store.errors import LockedError, OpenError, SchemaError

_BUSY_TIMEOUT_S = 30
# Without the URL, which may hold a password.
_CANNOT_OPEN = "The database cannot be opened. Is its URL right, and is it there?"
_log = structlog.get_logger()


class Database:
    """
    One database, SQLite or PostgreSQL; safe to share between threads.

    Args:
        url: An SQLAlchemy URL. A SQLite file and its folder are made when missing.

        key_source: Where the key-encryption key comes from; None stands for a file beside that of
            SQLite, which is made with a new database.

    Attributes:
        folder: Where SQLite's file is; None for what is no file.

        keyring: The key-encryption keys.

    Raises:
        OpenError: If the URL is none, or the file cannot be made.
    """

    def __init__(self, url: str, key_source: KeySource | None = None) -> None:
        try:
            path = path_of(url)
            self.folder = None if path is None else path.parent
            self.keyring = Keyring(key_source or _own_source(self.folder))
            options = {data_keys.KEYRING: self.keyring}
            make = _sqlite_engine if url.startswith("sqlite") else _engine
            self._engine = make(url, execution_options=options)
        except (OSError, ImportError, SQLAlchemyError) as error:
            raise OpenError(_CANNOT_OPEN) from error

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """
        Return the database, and with it the key-encryption key, that the settings name.

        Raises:
            OpenError: As the constructor does.

            LockedError: If the settings name two sources of the key.
        """
        with _unlocking():
            return cls(settings.url, source_of(settings))

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

            LockedError: If the key-encryption key is missing, or is not the database's; nothing was
                written then.

            SchemaError: If the database was made by a newer version.
        """
        try:
            self._engine.connect().close()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise OpenError(_CANNOT_OPEN) from error
        with _unlocking():
            self.unlock()
        config = Config()
        config.set_main_option("script_location", "hashsvc.store:migrations")
        config.set_main_option("path_separator", "os")
        with self.write() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError("The database was made by a newer version of hashsvc.") from error
            after = MigrationContext.configure(connection).get_current_revision()
        if before not in (None, after):
            # What a step took out of the tables, such as codes in the open, is still in the files.
            self.purge(utc_now())
        self.finish_erasures()

    def unlock(self) -> None:
        """
        Check that the keyring opens the database; give a new one a key when it has no other source.

        Raises:
            KeyringError: If it does not open it.
        """
        with self.read() as connection:
            if data_keys.are_there(connection):
                data_keys.records(connection)
                return
        source = self.keyring.source
        if isinstance(source, OwnKeyFile) and not source.path.exists():
            source.make()
        self.keyring.first()

    def finish_erasures(self) -> None:
        """
        Make what the last transactions erased final: no key of it is in any file from here on.

        A destroyed key was overwritten in its place, but old pages are still in SQLite's log, which
        is emptied; the ids of what was erased are listed beside the data, for `hashsvc restore`.
        Somebody who holds on for longer than the timeout puts it off to the next call or `close`.
        """
        if self.folder is None:
            return
        with self._bare() as cursor:
            if not _empty_log(cursor):
                # The rows are gone, as the caller is told; what is left is told to the operator.
                _log.warning("store.log_not_yet_emptied")
        with self.read() as connection:
            erasures.list_beside(self.folder, erasures.all_ids(connection))

    def purge(self, now: datetime) -> bool:
        """
        Write SQLite's file anew, without anything that was deleted; another server sees to its own.

        Deleted cells are overwritten at once, but not the copies that stay behind where rows moved
        within the file. It takes as much memory as the new file has bytes. False when somebody held
        on for longer than the timeout; it is still to be done then.
        """
        with self.read() as connection:
            ids = erasures.unpurged(connection)
        if self._engine.dialect.name == "sqlite" and not self._rewrite():
            _log.warning("store.deleted_not_yet_forgotten")
            return False
        if ids:
            with self.write() as connection:
                erasures.mark_purged(connection, ids, now=now)
        return True

    def copy_to(self, path: Path) -> None:
        """
        Write a copy of SQLite's database as it is now, without anything deleted, to a new file.

        Who reads and writes meanwhile is not held up.
        """
        with self._bare() as cursor:
            cursor.execute("VACUUM INTO ?", (str(path),))

    def _rewrite(self) -> bool:
        with self._bare() as cursor:
            try:
                cursor.execute("VACUUM")
                return _empty_log(cursor)
            except sqlite3.OperationalError:
                return False

    @contextmanager
    def _bare(self) -> Iterator[DBAPICursor]:
        # SQLAlchemy's connection would open a transaction; neither VACUUM may run in one.
        with closing(self._engine.raw_connection()) as connection:
            yield connection.cursor()

    def close(self) -> None:
        """Close every connection of the pool."""
        self._engine.dispose()


@contextmanager
def _unlocking() -> Iterator[None]:
    try:
        yield
    except KeyringError as error:
        raise LockedError(str(error)) from error


def path_of(url: str) -> Path | None:
    """Return where SQLite's file is; None for what is no file."""
    path = make_url(url).database if url.startswith("sqlite") else None
    return Path(path) if path and path != ":memory:" else None


def _own_source(folder: Path | None) -> KeySource:
    # Without a folder there is nowhere to put a key: it has to be configured.
    return GivenKeys("") if folder is None else OwnKeyFile(folder)


def _engine(url: str, **options: Any) -> Engine:
    # Neither an error's text nor SQLAlchemy's own log may hold a code or a URL.
    return create_engine(url, hide_parameters=True, **options)


def _empty_log(cursor: DBAPICursor) -> bool:
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    try:
        while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            # SQLite waits for readers and writers, but not for another connection's checkpoint.
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    except sqlite3.OperationalError:
        return False
    return True


def _sqlite_engine(url: str, **options: Any) -> Engine:
    path = path_of(url)
    if path is not None:
        # Codes are as private as what they were made from: nobody else on the machine reads them.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    engine = _engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S}, **options)

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
