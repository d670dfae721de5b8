"""The steps lead from nothing to the schema in tables.py and back, and a newer one is refused."""

import re
import sqlite3
from pathlib import Path

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from hashsvc.settings import Settings
from hashsvc.store import Database, SchemaError
from hashsvc.store.tables import metadata
from tests.store.conftest import rows_of, store_case, store_content, store_match, store_request

CONFIG = Config()
CONFIG.set_main_option("script_location", "hashsvc.store:migrations")
CONFIG.set_main_option("path_separator", "os")


def downgrade(database: Database, revision: str) -> None:
    with database.write() as connection:
        CONFIG.attributes["connection"] = connection
        alembic.command.downgrade(CONFIG, revision)


def upgrade(database: Database, revision: str) -> None:
    with database.write() as connection:
        CONFIG.attributes["connection"] = connection
        alembic.command.upgrade(CONFIG, revision)


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def definitions(connection: Connection) -> dict[str, list[str]]:
    """Return each table's and index's parts, in no order: STRICT and checks are among them."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        name: sorted(re.split(r"[\s,]*\n\s*|,\s*|[\s,]*\)$", sql.replace('"', "")))
        for name, sql in rows
        if name != "alembic_version"
    }


def fill(database: Database) -> None:
    content_id = store_content(database, store_case(database))
    store_request(database, store_match(database, content_id, state="confirmed"), "sent")


def test_up_from_nothing_and_down_to_nothing(database: Database) -> None:
    assert tables(database) == set(metadata.tables)
    downgrade(database, "base")
    assert tables(database) == set()


def test_a_full_database_goes_down_too(database: Database) -> None:
    fill(database)
    downgrade(database, "base")
    assert tables(database) == set()
    database.migrate()
    assert tables(database) == set(metadata.tables)


def test_every_step_goes_up_down_and_up_again(settings: Settings) -> None:
    database = Database(settings.url)
    database.unlock()
    steps = [each.revision for each in ScriptDirectory.from_config(CONFIG).walk_revisions()]
    for revision in reversed(steps):
        upgrade(database, revision)
        there = tables(database)
        downgrade(database, "-1")
        assert tables(database) != there
        upgrade(database, revision)
        assert tables(database) == there
    database.close()


def test_the_schema_is_that_of_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_no_check_and_no_option_is_missing(database: Database, tmp_path: Path) -> None:
    """`compare_metadata` looks at columns, keys and indices; the definitions say the rest."""
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    with other.write() as connection:
        metadata.create_all(connection)
        expected = definitions(connection)
    with database.read() as connection:
        assert definitions(connection) == expected
    other.close()


def test_upgrading_again_changes_nothing(database: Database, settings: Settings) -> None:
    fill(database)
    before = rows_of(settings.data_dir)
    database.migrate()
    assert rows_of(settings.data_dir) == before


def test_a_newer_database_is_refused_and_left_alone(database: Database, settings: Settings) -> None:
    fill(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = rows_of(settings.data_dir)
    with pytest.raises(SchemaError, match="newer"):
        database.migrate()
    assert rows_of(settings.data_dir) == before


def test_a_step_that_fails_leaves_nothing_behind(settings: Settings) -> None:
    database = Database(settings.url)
    with sqlite3.connect(settings.data_dir / "hashsvc.db") as connection:
        connection.execute("CREATE TABLE removal_request (in_the_way)")
    connection.close()
    with pytest.raises(OperationalError, match="already exists"):
        database.migrate()
    assert tables(database) == {"removal_request"}
    database.close()


def test_of_contents_that_wait_the_day_is_left(database: Database) -> None:
    content_id = store_content(database, store_case(database))
    downgrade(database, "0003")
    at = "2026-01-05T23:59:30.123456+00:00"
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO pending_content VALUES (?, 'protected', NULL, ?)", (content_id, at)
        )
    database.migrate()
    with database.read() as connection:
        query = "SELECT pending_since FROM pending_content"
        assert connection.exec_driver_sql(query).scalar_one() == "2026-01-05T00:00:00.000000+00:00"
