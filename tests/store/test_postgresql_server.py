"""A PostgreSQL that is away, ends connections or is the wrong one is told of, and harms nothing."""

from contextlib import closing

import pytest
from sqlalchemy import text

from hashsvc.keyring import GivenKeys
from hashsvc.settings import Settings
from hashsvc.store import (
    Database,
    LockedError,
    OpenError,
    UnavailableError,
    backups,
    cases,
    postgresql,
)
from tests.helpers import postgresql as servers
from tests.helpers.postgresql import KEY, Server
from tests.store.conftest import store_case, store_content, write_nothing


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://canary:canary@127.0.0.1:1/canary",
        "postgresql://canary:canary@127.0.0.1:1/canary",
        "postgres://canary:canary@127.0.0.1:1/canary?connect_timeout=1",
        "postgresql+psycopg://tests@/canary?host={folder}",
        "postgresql+psycopg://canary@127.0.0.1:port/canary",
        "postgresql+asyncpg://canary:canary@127.0.0.1:1/canary",
    ],
)
def test_what_cannot_be_reached_is_said_to_be_so(postgresql: Server, url: str) -> None:
    def open_it() -> None:
        address = url.format(folder=postgresql.folder)
        with closing(Database(address, GivenKeys(KEY))) as database:
            database.migrate()

    with pytest.raises(OpenError) as raised:
        open_it()
    assert "canary" not in str(raised.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(OpenError, match=r"psycopg: pip install 'hashsvc\[postgresql\]'"):
        Database("postgresql+psycopg://127.0.0.1/x", GivenKeys(KEY))


def test_the_password_does_not_show_itself(settings: Settings) -> None:
    with_password = settings.model_copy(update={"database_url": "postgresql://a:canary@b/c"})
    assert "canary" not in repr(with_password)
    assert "canary" not in str(with_password)


def test_a_database_that_is_not_unicode_is_refused(postgresql: Server) -> None:
    postgresql.say("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with (
        closing(Database(postgresql.url("latin"), GivenKeys(KEY))) as database,
        pytest.raises(OpenError, match="UTF8"),
    ):
        database.migrate()
    postgresql.drop("latin")


def test_there_is_no_key_beside_the_data(postgresql: Server) -> None:
    with closing(Database(postgresql.url("postgres"))) as database, pytest.raises(LockedError):
        database.migrate()


def test_backups_are_the_server_s_own(database: Database) -> None:
    with pytest.raises(backups.BackupError, match="pg_dump"):
        backups.check_possible(database)


def test_a_dropped_connection_is_not_handed_out(database: Database, settings: Settings) -> None:
    database.ping()
    with closing(Database.of(settings)) as other:
        end_others(other)
        database.ping()

        def go_on_with_a_dropped_one() -> None:
            with database.read() as connection:
                end_others(other)
                connection.execute(text("SELECT 1"))

        with pytest.raises(UnavailableError):
            go_on_with_a_dropped_one()
        database.ping()


def end_others(database: Database) -> None:
    """Have the server end every other connection to a database."""
    with database.read() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


def test_who_vanishes_with_the_turn_gives_it_back(database: Database) -> None:
    """As a machine does whose power fails: nothing tells the server."""
    given = "SELECT current_setting('idle_in_transaction_session_timeout')"

    def vanish() -> None:
        with database.write() as connection:
            assert connection.execute(text(given)).scalar_one() == "20s"
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            # The next one gets the turn while this one still holds on to its connection.
            store_case(database)
            connection.execute(text("SELECT 1"))

    with pytest.raises(UnavailableError):
        vanish()
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)


def test_it_waits_for_a_turn_no_longer_than_that(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = (f"SET LOCAL lock_timeout = '50ms'; {postgresql.Turn.ALONE.value[0]}",)
    monkeypatch.setattr(postgresql.Turn.ALONE, "_value_", limited)
    with database.write(), pytest.raises(UnavailableError):
        write_nothing(database, alone=True)
    write_nothing(database, alone=True)


def test_there_are_no_more_connections_than_set(settings: Settings) -> None:
    few = settings.model_copy(update={"database_connections": 2})
    with closing(Database.of(few)) as database:
        database._engine.pool._timeout = 0.05
        with database.read(), database.read(), pytest.raises(UnavailableError):
            database.ping()
        database.ping()


def test_a_server_that_is_stopped_is_used_again_when_it_is_back(
    database: Database, postgresql: Server
) -> None:
    case_id = store_case(database)
    postgresql.stop("immediate")
    try:
        with pytest.raises(UnavailableError):
            store_content(database, case_id)
    finally:
        postgresql.start()
    store_content(database, case_id)


def test_where_no_server_is_installed_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "programs", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="NOT tested"):
        servers.skip_without()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="NOT tested"):
        servers.skip_without()
