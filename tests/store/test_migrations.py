"""Migrations lead from nothing to the schema in tables.py and back; newer schemas are refused."""

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from hashsvc.settings import Settings
from hashsvc.store import Database, SchemaError, scans, tallies
from hashsvc.store.ids import ItemId, KeyId, ScanId
from hashsvc.store.schema import newest_version, version_of
from hashsvc.store.tables import metadata
from hashsvc.store.tallies import Tally
from tests.helpers.cases import store_case, store_content, store_match, store_request
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START
from tests.store.migrating import CONFIG, downgrade, upgrade


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def definitions(connection: Connection) -> dict[str, list[str]]:
    """Return the sorted parts of each table and index, including checks and STRICT."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        name: sorted(re.split(r"[\s,]*\n\s*|,\s*|[\s,]*\)$", sql.replace('"', "")))
        for name, sql in rows
        if name != "alembic_version"
    }


def schema(database: Database) -> dict[str, list[str]]:
    with database.read() as connection:
        return definitions(connection)


def fill(database: Database) -> None:
    """Store a case, a content, a match and a request."""
    content_id = store_content(database, store_case(database))
    store_request(database, store_match(database, content_id, state="confirmed"), "sent")


def test_a_new_database_can_be_upgraded_and_downgraded(new_database: Database) -> None:
    assert tables(new_database) == set(metadata.tables)
    downgrade(new_database, "base")
    assert tables(new_database) == set()


def test_a_filled_database_can_be_downgraded(database: Database) -> None:
    fill(database)
    downgrade(database, "base")
    assert tables(database) == set()
    database.migrate()
    assert tables(database) == set(metadata.tables)


def test_every_migration_can_be_undone_and_repeated(settings: Settings) -> None:
    database = Database(settings.url)
    database.unlock()
    scripts = ScriptDirectory.from_config(CONFIG).walk_revisions()
    for revision in reversed([each.revision for each in scripts]):
        upgrade(database, revision)
        upgraded = schema(database)
        downgrade(database, "-1")
        assert schema(database) != upgraded
        upgrade(database, revision)
        assert schema(database) == upgraded
    database.close()


def test_the_migrated_schema_equals_tables_py(new_database: Database) -> None:
    with new_database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_schema_has_every_check_and_option(
    new_database: Database, tmp_path: Path
) -> None:
    """`compare_metadata` compares columns, keys and indices; the definitions contain the rest."""
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    with other.write() as connection:
        metadata.create_all(connection)
        expected = definitions(connection)
    with new_database.read() as connection:
        assert definitions(connection) == expected
    other.close()


def test_migrating_again_changes_nothing(database: Database, settings: Settings) -> None:
    fill(database)
    before = rows_of(settings.data_dir)
    database.migrate()
    assert rows_of(settings.data_dir) == before


def test_the_newest_version_is_the_head_of_the_migrations(database: Database) -> None:
    assert newest_version() == ScriptDirectory.from_config(CONFIG).get_current_head()
    with database.read() as connection:
        assert version_of(connection) == newest_version()


def test_a_newer_database_is_refused_and_left_unchanged(
    database: Database, settings: Settings
) -> None:
    fill(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = rows_of(settings.data_dir)
    with pytest.raises(SchemaError, match="newer"):
        database.migrate()
    assert rows_of(settings.data_dir) == before


def test_a_migration_that_fails_leaves_nothing_behind(settings: Settings) -> None:
    database = Database(settings.url)
    with sqlite3.connect(settings.data_dir / "hashsvc.db") as connection:
        connection.execute("CREATE TABLE removal_request (in_the_way)")
    connection.close()
    with pytest.raises(OperationalError, match="already exists"):
        database.migrate()
    assert tables(database) == {"removal_request"}
    database.close()


def test_migrating_keeps_only_the_day_of_pending_contents(database: Database) -> None:
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


def test_items_of_an_older_version_have_counts_that_are_not_known(database: Database) -> None:
    scan_id = ScanId("a scan")
    with database.write() as connection:
        scans.add(connection, scan_id, KeyId("reporter"), ["https://a.example/"], START)
    downgrade(database, "0008")
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE scan_item SET state = 'done', images = 7, images_failed = 2"
        )
    database.migrate()
    with database.read() as connection:
        (item,) = scans.items_of(connection, scan_id, after=ItemId(0), limit=9)
        assert tallies.total(connection, scan_id) == (0, Tally())
    assert (item.images, item.images_failed, item.images_seen) == (7, 2, None)
    assert (item.icons_left_out, item.images_over_limit) == (None, None)
    assert (item.frames_not_followed, item.parts_not_read) == (None, None)
