"""The database: opening it, migrating its schema, transactions, and erasing for good."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hashsvc.clock import utc_now
from hashsvc.keyring import GivenKeys, Keyring, KeyringError, KeySource, OwnKeyFile, source_of
from hashsvc.settings import Settings
from hashsvc.store import data_keys, erasures, feed, postgresql, schema, sqlite
from hashsvc.store.errors import LockedError, OpenError, UnavailableError
from hashsvc.store.newest import NewestChange
from hashsvc.store.postgresql import Turn

# The message leaves the URL out, because it may hold a password.
_CANNOT_OPEN = "The database cannot be opened. Is its URL right, and is it there?"
_CONNECTIONS = 15
_log = structlog.get_logger()


class Database:
    """
    One database, SQLite or PostgreSQL; safe to share between threads.

    Args:
        url: An SQLAlchemy URL. An SQLite file and its folder are created if they do not exist.

        key_source: Where the key-encryption key comes from. None stands for a key file in the
            folder of the SQLite file; this key file is created together with a new database.

        connections: The largest number of connections to PostgreSQL.

        beside: Folder for the list of erased ids on PostgreSQL. On SQLite the list is always in
            the folder of the SQLite file.

    Attributes:
        folder: The folder of the SQLite file; None for PostgreSQL and for SQLite in memory.

        is_sqlite: Whether this is SQLite, in a file or in memory.

        keyring: The key-encryption keys.

    Raises:
        OpenError: If the URL is invalid, the file cannot be created, or PostgreSQL's driver is
            missing.
    """

    def __init__(
        self,
        url: str,
        key_source: KeySource | None = None,
        *,
        connections: int = _CONNECTIONS,
        beside: Path | None = None,
    ) -> None:
        self.is_sqlite = not postgresql.is_meant(url)
        self._reading: dict[str, Any] = {} if self.is_sqlite else postgresql.READING
        try:
            path = sqlite.path_of(url)
            self.folder = None if path is None else path.parent
            self._beside = self.folder or beside
            self._newest = None if path is None else NewestChange(path)
            self.keyring = Keyring(key_source or _own_source(self.folder))
            options = {data_keys.KEYRING: self.keyring}
            if self.is_sqlite:
                self._engine = sqlite.make_engine(url, execution_options=options)
            else:
                self._engine = postgresql.make_engine(url, connections, execution_options=options)
        except (OSError, ImportError, SQLAlchemyError, ValueError) as error:
            raise OpenError(_CANNOT_OPEN) from error
        if self.is_sqlite and self._engine.dialect.name != "sqlite":
            raise OpenError("The database URL must start with sqlite:/// or postgresql://.")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """
        Return the database that the settings name, with the key source that they name.

        Raises:
            OpenError: In the same cases as the constructor.

            LockedError: If the settings name two sources of the key.
        """
        with _unlocking():
            return cls(
                settings.url,
                source_of(settings),
                connections=settings.database_connections,
                beside=settings.data_dir,
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """
        Open a transaction that sees one state of the database and changes nothing.

        Raises:
            UnavailableError: If PostgreSQL does not answer, or not in time. The other methods
                raise it too.
        """
        with self._outages_mapped(), self._engine.connect() as connection:
            connection.execution_options(**self._reading)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Connection]:
        """
        Open a transaction that commits at the end, or undoes everything on an exception.

        Args:
            alone: If True, no other write transaction runs at the same time, so what this one reads
                stays true until it ends. If False, other transactions with `alone=False` may run at
                the same time. On SQLite every write transaction runs alone.
        """
        with self._writing(Turn.ALONE if alone else Turn.SHARED) as connection:
            yield connection

    @contextmanager
    def _writing(self, turn: Turn) -> Iterator[Connection]:
        with self._outages_mapped(), self._engine.connect() as connection:
            connection.execution_options(**{sqlite.WRITES: True, postgresql.TURN: turn})
            with connection.begin():
                yield connection

    @contextmanager
    def _outages_mapped(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if self.is_sqlite or not postgresql.is_out_of_reach(error):
                raise
            raise UnavailableError("The database does not answer. Try again later.") from error

    def migrate(self) -> None:
        """
        Bring the schema up to this version's, and give a new database its first keys.

        If several processes do this at the same time, one of them migrates and the others wait.

        Raises:
            OpenError: If the database cannot be reached, or the file is not a database.

            LockedError: If the key-encryption key is missing, or is not the database's. In this
                case nothing is written.

            SchemaError: If a newer version of hashsvc made the database.
        """
        self._try()
        with _unlocking():
            self.unlock()
        with self._writing(Turn.PATIENT) as connection:
            before, newest = schema.version_of(connection), schema.newest_version()
            if before != newest:
                schema.upgrade(connection)
            feed.settle(connection)
        with _unlocking():
            # Another process may have created the tables in the meantime, under another key.
            self.unlock()
        if before not in (None, newest):
            # The files still hold what a migration removed from the tables, such as unsealed codes.
            self.purge(utc_now())
        if self.is_sqlite or self._erased():
            self.finish_erasures()

    def _try(self) -> None:
        try:
            with self._engine.connect() as connection:
                if not self.is_sqlite:
                    postgresql.check(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise OpenError(_CANNOT_OPEN) from error

    def unlock(self) -> None:
        """
        Check that the keyring opens the database; create the default key file for a new database.

        Raises:
            KeyringError: If the keyring has no key, or has one that does not open the database.
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
        Remove the destroyed keys of the last transactions from the database's files.

        SQLite overwrote a destroyed key in place, but its write-ahead log still holds old pages, so
        this call empties that log. PostgreSQL wrote a new row beside the old one, so this call
        rewrites the table of keys; PostgreSQL's transaction log, and copies of it, still hold the
        old row. The call also adds the ids of what was erased to a list beside the data. A restore
        of a backup uses that list. If another connection blocks the call for longer than the
        timeout, the next call or `close` does the work.
        """
        # The caller only needs to know that the rows are gone. A warning tells the operator that
        # old bytes are still in the files.
        try:
            self._finish_erasures()
        except UnavailableError:
            _log.warning("store.deleted_not_yet_forgotten")

    def _finish_erasures(self) -> None:
        if not self.is_sqlite:
            self.purge(utc_now())
        elif self.folder is not None and not sqlite.empty_log(self._engine):
            _log.warning("store.log_not_yet_emptied")
        if self._beside is not None:
            with self.read() as connection:
                ids = erasures.all_ids(connection)
            erasures.list_beside(self._beside, ids)

    def purge(self, now: datetime) -> bool:
        """
        Rewrite the SQLite file, or PostgreSQL's table of keys, without anything that was deleted.

        SQLite overwrites a deleted row immediately, but not the copies that it left behind when it
        moved the row within the file. Rewriting needs as much memory as the new file has bytes.

        Return False if another connection blocked this for longer than the timeout. The caller must
        then call it again.
        """
        ids = self._erased()
        rewrite = sqlite.rewrite if self.is_sqlite else postgresql.rewrite_keys
        with self._outages_mapped():
            rewritten = rewrite(self._engine)
        if not rewritten:
            _log.warning("store.deleted_not_yet_forgotten")
            return False
        if ids:
            with self.write() as connection:
                erasures.mark_purged(connection, ids, now=now)
        return True

    def _erased(self) -> list[str]:
        """Return the ids of erased rows whose old bytes may still be in a file."""
        with self.read() as connection:
            return erasures.unpurged(connection)

    def copy_to(self, path: Path) -> None:
        """
        Write a copy of the SQLite database's present state, without deleted rows, to a new file.

        Readers and writers of the database need not wait.
        """
        sqlite.copy_to(self._engine, path)

    def ping(self) -> None:
        """
        Check that the database answers.

        Raises:
            UnavailableError: If PostgreSQL does not answer.
        """
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def newest_change(self) -> int | None:
        """
        Return the number of the newest committed change in the change feed; None if unknown.

        The call is cheap, so that a reader can make it each time before it reads the feed. The
        number is always unknown on PostgreSQL, where only reading the feed shows what is new.
        """
        return None if self._newest is None else self._newest.number()

    def close(self) -> None:
        """Close every connection."""
        if self._newest is not None:
            self._newest.close()
        self._engine.dispose()


@contextmanager
def _unlocking() -> Iterator[None]:
    try:
        yield
    except KeyringError as error:
        raise LockedError(str(error)) from error


def _own_source(folder: Path | None) -> KeySource:
    # Without a folder there is no place for a key file, so the settings must name a source.
    return GivenKeys("") if folder is None else OwnKeyFile(folder)
