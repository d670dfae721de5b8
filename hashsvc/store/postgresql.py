"""
PostgreSQL: the engine, the lock that transactions take in turn, and rewriting the table of keys.

The other packages rely on SQLite's single writer: what a write transaction has read stays true
until it ends. On PostgreSQL each write transaction gets the same promise by taking the turn, a lock
on the whole database, before its first statement. Workers' transactions are many and short, so
they share the turn: they run at the same time as one another, but never at the same time as one
that has the turn alone. Among themselves they rely on row locks and unique keys.

The turn costs little. A transaction has it for a few milliseconds, and only one transaction at a
time could add to the audit log anyway, because the log is a chain.
"""

import re
from enum import Enum
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hashsvc.store.errors import OpenError
from hashsvc.store.tables import data_key

TURN = "hashsvc_turn"
"""Execution option that says how a write transaction takes the turn."""

READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Execution options of a transaction that sees one state of the database and changes nothing."""

_NAMES = ("postgres", "postgresql", "postgresql+psycopg")
_OLDEST = 14
# The number of the advisory lock: any number that nothing else uses in the same database.
_LOCK = 0x6861_7368
# A machine that vanishes during a transaction keeps the turn this long. Other transactions wait
# longer than this before they give up (WAIT_S).
_VANISHED_S = 20
WAIT_S = 30
"""How long a caller waits for a connection, a turn or a row's lock."""

_SESSION = {
    "lock_timeout": f"{WAIT_S}s",
    "statement_timeout": "60s",
    # A reader's transaction is idle while the reader works on a page that it has read.
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "60",
}
# These settings say when this process decides that the server is gone.
_CONNECTING: dict[str, int | str] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "hashsvc",
}
# While VACUUM waits for the table, everybody who reads or writes keys waits behind it, so it gives
# up after this time.
_ALONE_WAIT = "1s"


class Turn(Enum):
    """How a write transaction takes the turn; each value holds the statements that do it."""

    ALONE = (
        f"SELECT set_config('idle_in_transaction_session_timeout', '{_VANISHED_S}s', true), "
        f"pg_advisory_xact_lock({_LOCK})",
    )
    SHARED = (
        f"SELECT set_config('idle_in_transaction_session_timeout', '{_VANISHED_S}s', true), "
        f"pg_advisory_xact_lock_shared({_LOCK})",
    )
    PATIENT = (
        # A migration may take long, and other processes wait for it to end.
        "SELECT set_config(name, '0', true) FROM unnest(ARRAY['lock_timeout', 'statement_timeout', "
        "'idle_in_transaction_session_timeout']) AS name",
        f"SELECT pg_advisory_xact_lock({_LOCK})",
    )


def is_meant(url: str) -> bool:
    """Return whether a URL names a PostgreSQL database."""
    return url.partition(":")[0] in _NAMES


def make_engine(url: str, connections: int, **options: Any) -> Engine:
    """
    Return the engine for a server, without connecting to it.

    Args:
        connections: The largest number of connections of this process.

    Raises:
        OpenError: If the driver is missing.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - psycopg is optional.
    except ImportError as error:
        raise OpenError(
            "PostgreSQL needs the package psycopg: pip install 'hashsvc[postgresql]'."
        ) from error
    parsed = make_url(url)
    kept = min(connections, 5)
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        # Check each connection before use: the server may have dropped it.
        pool_pre_ping=True,
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=WAIT_S,
        connect_args=_connecting(parsed),
        **options,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        turn = connection.get_execution_options().get(TURN)
        if isinstance(turn, Turn):
            for statement in turn.value:
                connection.exec_driver_sql(statement)

    return engine


def _connecting(url: URL) -> dict[str, int | str]:
    # Options in the URL take precedence over these defaults.
    defaults = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    options = url.query.get("options", "")
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    from_url = options if isinstance(options, str) else " ".join(options)
    return defaults | {"options": f"{session} {from_url}"}


def check(connection: Connection) -> None:
    """
    Check that hashsvc works with a server.

    Raises:
        OpenError: If the server is older than PostgreSQL 14, or the database's encoding is not
            UTF-8.
    """
    if int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) < _OLDEST * 10_000:
        raise OpenError(f"The server is too old. Use PostgreSQL {_OLDEST} or later.")
    if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
        raise OpenError("The database's encoding must be UTF8: createdb --encoding=UTF8.")


def is_out_of_reach(error: SQLAlchemyError) -> bool:
    """Return whether the server did not answer in time, or cannot be reached at present."""
    if isinstance(error, PoolTimeoutError | OperationalError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def rewrite_keys(engine: Engine) -> bool:
    """
    Rewrite the table of data keys without old versions of its rows.

    Return False if another connection prevented this, by a lock or by an older transaction that may
    still read old versions.
    """
    left: list[str] = []

    def note(notice: Any) -> None:
        # One notice has a detail such as "3 dead row versions cannot be removed yet.", in the
        # server's language. Its first number counts the old versions that are left.
        left.extend(re.findall(r"\d+", notice.message_detail or "")[:1])

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.driver_connection
        driver.add_notice_handler(note)
        try:
            connection.exec_driver_sql(f"SET lock_timeout = '{_ALONE_WAIT}'")
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {data_key.name}")
        except OperationalError:
            return False
        finally:
            driver.remove_notice_handler(note)
            if not driver.closed:
                connection.exec_driver_sql("RESET lock_timeout")
                connection.exec_driver_sql("RESET statement_timeout")
    return left == ["0"]
