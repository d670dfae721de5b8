"""A PostgreSQL server that is down, drops connections or is unsuitable causes a clear error."""

from contextlib import closing

import pytest
from sqlalchemy import text

from hashsvc.keyring import GivenKeys
from hashsvc.settings import Settings
from hashsvc.store import (
    BackupError,
    Database,
    LockedError,
    OpenError,
    UnavailableError,
    backups,
    cases,
    postgresql,
)
from tests.helpers import postgresql as servers
from tests.helpers.cases import store_case, store_content, write_nothing
from tests.helpers.postgresql import KEY, Server


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
def test_an_unreachable_server_is_an_error_that_does_not_show_the_url(
    postgresql: Server, url: str
) -> None:
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


def test_the_settings_do_not_show_the_password(settings: Settings) -> None:
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


def test_no_key_file_is_created_for_postgresql(postgresql: Server) -> None:
    with closing(Database(postgresql.url("postgres"))) as database, pytest.raises(LockedError):
        database.migrate()


def test_postgresql_is_not_backed_up_here(database: Database) -> None:
    with pytest.raises(BackupError, match="pg_dump"):
        backups.check_possible(database)


def test_a_dropped_connection_is_not_used_again(database: Database, settings: Settings) -> None:
    database.ping()
    with closing(Database.of(settings)) as other:
        end_others(other)
        database.ping()

        def use_a_dropped_connection() -> None:
            with database.read() as connection:
                end_others(other)
                connection.execute(text("SELECT 1"))

        with pytest.raises(UnavailableError):
            use_a_dropped_connection()
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


def test_a_machine_that_vanishes_loses_the_turn(database: Database) -> None:
    """When a machine loses its power, it does not end its connection."""
    limit = "SELECT current_setting('idle_in_transaction_session_timeout')"

    def vanish() -> None:
        with database.write() as connection:
            assert connection.execute(text(limit)).scalar_one() == "20s"
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            # Another transaction gets the turn although this one still has its connection.
            store_case(database)
            connection.execute(text("SELECT 1"))

    with pytest.raises(UnavailableError):
        vanish()
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)


def test_a_writer_waits_for_the_turn_until_the_lock_timeout(
    database: Database, settings: Settings
) -> None:
    with database.read() as connection:
        default = connection.execute(text("SHOW lock_timeout")).scalar_one()
    assert default == f"{postgresql.WAIT_S}s"
    url = f"{settings.url}&options=-c%20lock_timeout%3D50ms"
    with closing(Database(url, GivenKeys(KEY))) as other:
        with database.write(), pytest.raises(UnavailableError):
            write_nothing(other, alone=True)
        write_nothing(other, alone=True)


def test_no_more_connections_are_opened_than_the_settings_allow(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_S", 0.05)
    few = settings.model_copy(update={"database_connections": 2})
    with closing(Database.of(few)) as database:
        with database.read(), database.read(), pytest.raises(UnavailableError):
            database.ping()
        database.ping()


def test_a_server_that_was_restarted_is_used_again(database: Database, postgresql: Server) -> None:
    case_id = store_case(database)
    postgresql.stop("immediate")
    try:
        with pytest.raises(UnavailableError):
            store_content(database, case_id)
    finally:
        postgresql.start()
    store_content(database, case_id)


def test_ci_fails_if_no_server_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "programs", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="NOT tested"):
        servers.skip_without()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="NOT tested"):
        servers.skip_without()
