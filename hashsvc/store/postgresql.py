"""
PostgreSQL: many machines, transactions that wait their turn, keys' former versions taken out.

What the other rooms were written for is SQLite's one writer at a time: what a transaction has read
holds until it ends. So it is here: each takes the turn, a lock of the whole database, before its
first statement. Those of workers, which are many and short, share it: they run beside one another,
never beside one that has it alone, and look after themselves by locks of rows and unique keys.
The audit log is a chain, to which one can add at a time anyway; a turn costs a few milliseconds.
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
"""Execution option of a transaction that is to write."""

READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Execution options of a transaction that sees one state of the database and changes nothing."""

_NAMES = ("postgres", "postgresql", "postgresql+psycopg")
_OLDEST = 14
# Of an advisory lock; any number that nobody else uses in the same database.
_LOCK = 0x6861_7368
# A machine that vanishes in a transaction holds the turn for so long; others wait longer than that.
_VANISHED_S = 20
_WAIT_S = 30
_SESSION = {
    "lock_timeout": f"{_WAIT_S}s",
    "statement_timeout": "60s",
    # A reader has work of its own between two pages.
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "60",
}
# What this end takes for a server that is gone.
_CONNECTING: dict[str, int | str] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "hashsvc",
}
# Whoever reads or writes keys is held up for no longer than that by who wants the table alone.
_ALONE_WAIT = "1s"


class Turn(Enum):
    """How a transaction that writes takes the turn; each one's value are its first statements."""

    ALONE = (
        f"SELECT set_config('idle_in_transaction_session_timeout', '{_VANISHED_S}s', true), "
        f"pg_advisory_xact_lock({_LOCK})",
    )
    SHARED = (
        f"SELECT set_config('idle_in_transaction_session_timeout', '{_VANISHED_S}s', true), "
        f"pg_advisory_xact_lock_shared({_LOCK})",
    )
    PATIENT = (
        # A change of the schema may take long, and another process waits for it to end.
        "SELECT set_config(name, '0', true) FROM unnest(ARRAY['lock_timeout', 'statement_timeout', "
        "'idle_in_transaction_session_timeout']) AS name",
        f"SELECT pg_advisory_xact_lock({_LOCK})",
    )


def is_meant(url: str) -> bool:
    """Tell whether a URL is one of PostgreSQL."""
    return url.partition(":")[0] in _NAMES


def make_engine(url: str, connections: int, **options: Any) -> Engine:
    """
    Return the engine of a server; nothing is connected yet.

    Args:
        connections: How many there are at most, of this process.

    Raises:
        OpenError: If the driver is missing.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - it is optional.
    except ImportError as error:
        raise OpenError(
            "PostgreSQL needs the package psycopg: pip install 'hashsvc[postgresql]'."
        ) from error
    parsed = make_url(url)
    kept = min(connections, 5)
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        # One that was dropped meanwhile is not handed out.
        pool_pre_ping=True,
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=_WAIT_S,
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
    # What the URL says itself stands.
    own = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    said = url.query.get("options", "")
    session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    return own | {"options": f"{session} {said if isinstance(said, str) else ' '.join(said)}"}


def check(connection: Connection) -> None:
    """
    Check that a server is one that this works with.

    Raises:
        OpenError: If it is older than 14, or the database has another encoding than UTF-8.
    """
    if int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) < _OLDEST * 10_000:
        raise OpenError(f"The server is older than PostgreSQL {_OLDEST}.")
    if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
        raise OpenError("The database's encoding has to be UTF8: createdb --encoding=UTF8.")


def is_out_of_reach(error: SQLAlchemyError) -> bool:
    """Tell whether the server did not answer, or not in time, or has gone: later it may."""
    if isinstance(error, PoolTimeoutError | OperationalError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def rewrite_keys(engine: Engine) -> bool:
    """
    Write the table of data keys anew, without what its rows were before.

    False when somebody held on: by a lock, or by a transaction that began before and may still look
    at what the rows were.
    """
    left: list[str] = []

    def note(told: Any) -> None:
        # One message has details: "3 dead row versions cannot be removed yet.", in some language.
        left.extend(re.findall(r"\d+", told.message_detail or "")[:1])

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
