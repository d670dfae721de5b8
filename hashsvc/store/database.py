"""Opens the database, brings its schema up to date, hands out transactions, forgets for good."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import alembic.command
import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hashsvc.clock import utc_now
from hashsvc.keyring import GivenKeys, Keyring, KeyringError, KeySource, OwnKeyFile, source_of
from hashsvc.settings import Settings
from hashsvc.store import data_keys, erasures, feed, postgresql, sqlite
from hashsvc.store.errors import LockedError, OpenError, SchemaError, UnavailableError
from hashsvc.store.newest import NewestChange
from hashsvc.store.postgresql import Turn

# Without the URL, which may hold a password.
_CANNOT_OPEN = "The database cannot be opened. Is its URL right, and is it there?"
_CONNECTIONS = 15
_log = structlog.get_logger()


class Database:
    """
    One database, SQLite or PostgreSQL; safe to share between threads.

    Args:
        url: An SQLAlchemy URL. A SQLite file and its folder are made when missing.

        key_source: Where the key-encryption key comes from; None stands for a file beside that of
            SQLite, which is made with a new database.

        connections: How many connections to PostgreSQL there are at most.

        beside: Folder in which the ids of what was erased are listed; None for SQLite's own.

    Attributes:
        folder: Where SQLite's file is; None for what is no file.

        is_sqlite: Whether it is SQLite, be it in a file or in memory.

        keyring: The key-encryption keys.

    Raises:
        OpenError: If the URL is none, the file cannot be made, or PostgreSQL's driver is missing.
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
            raise OpenError("The database is SQLite or PostgreSQL: sqlite:/// or postgresql://.")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """
        Return the database, and with it the key-encryption key, that the settings name.

        Raises:
            OpenError: As the constructor does.

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
            UnavailableError: If PostgreSQL does not answer, or not in time; so below.
        """
        with self._told(), self._engine.connect() as connection:
            connection.execution_options(**self._reading)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Connection]:
        """
        Open a transaction that commits at the end, or undoes everything on an exception.

        Args:
            alone: Whether no other one runs meanwhile, so that what was read holds until the end.
                Without, which changes nothing on SQLite, others of this kind do.
        """
        with self._writing(Turn.ALONE if alone else Turn.SHARED) as connection:
            yield connection

    @contextmanager
    def _writing(self, turn: Turn) -> Iterator[Connection]:
        with self._told(), self._engine.connect() as connection:
            connection.execution_options(**{sqlite.WRITES: True, postgresql.TURN: turn})
            with connection.begin():
                yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if self.is_sqlite or not postgresql.is_out_of_reach(error):
                raise
            raise UnavailableError("The database does not answer; try again later.") from error

    def migrate(self) -> None:
        """
        Bring the schema to this version's; of several processes that do so at once, one does.

        Raises:
            OpenError: If the database cannot be reached, or the file is none.

            LockedError: If the key-encryption key is missing, or is not the database's; nothing was
                written then.

            SchemaError: If the database was made by a newer version.
        """
        self._try()
        with _unlocking():
            self.unlock()
        config = Config()
        config.set_main_option("script_location", "hashsvc.store:migrations")
        config.set_main_option("path_separator", "os")
        with self._writing(Turn.PATIENT) as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            try:
                alembic.command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError("The database was made by a newer version of hashsvc.") from error
            after = MigrationContext.configure(connection).get_current_revision()
            feed.settle(connection)
        with _unlocking():
            # Another process may have made the tables meanwhile, under another key.
            self.unlock()
        if before not in (None, after):
            # What a step took out of the tables, such as codes in the open, is still in the files.
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
        is emptied; PostgreSQL writes the new row beside the old one, so its table of keys is
        written anew, and what is left is in its log of transactions and in copies of that. The ids
        of what was erased are listed beside the data, for when a backup is restored.
        Somebody who holds on for longer than the timeout puts it off to the next call or `close`.
        """
        # The rows are gone, as the caller is told; what is left is told to the operator.
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
        Write SQLite's file anew, without anything that was deleted; of PostgreSQL's, that of keys.

        Deleted cells are overwritten at once, but not the copies that stay behind where rows moved
        within the file. It takes as much memory as the new file has bytes. False when somebody held
        on for longer than the timeout; it is still to be done then.
        """
        ids = self._erased()
        rewrite = sqlite.rewrite if self.is_sqlite else postgresql.rewrite_keys
        with self._told():
            rewritten = rewrite(self._engine)
        if not rewritten:
            _log.warning("store.deleted_not_yet_forgotten")
            return False
        if ids:
            with self.write() as connection:
                erasures.mark_purged(connection, ids, now=now)
        return True

    def _erased(self) -> list[str]:
        """Return the ids of what was erased and may still be in a file."""
        with self.read() as connection:
            return erasures.unpurged(connection)

    def copy_to(self, path: Path) -> None:
        """
        Write a copy of SQLite's database as it is now, without anything deleted, to a new file.

        Who reads and writes meanwhile is not held up.
        """
        sqlite.copy_to(self._engine, path)

    def ping(self) -> None:
        """
        Ask the database for nothing.

        Raises:
            UnavailableError: If PostgreSQL does not answer.
        """
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    def newest_change(self) -> int | None:
        """
        Return the number of the newest step of the change feed, of all that is committed by now.

        It costs next to nothing, so that who follows the feed can ask each time before reading it.
        None where only the feed can tell what is new, as on PostgreSQL.
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
    # Without a folder there is nowhere to put a key: it has to be configured.
    return GivenKeys("") if folder is None else OwnKeyFile(folder)
