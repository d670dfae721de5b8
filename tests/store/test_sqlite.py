"""Only the owner of the SQLite file may read it. It keeps what was committed, and checks rows."""

import os
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.tables import metadata
from tests.helpers.cases import store_case


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_the_owner_may_read_the_files(settings: Settings) -> None:
    before = os.umask(0)
    try:
        database = Database(settings.url)
        database.migrate()
        store_case(database)
        modes = {each.name: mode(each) for each in settings.data_dir.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(
        (
            "hashsvc.db",
            "hashsvc.db-wal",
            "hashsvc.db-shm",
            "key-encryption-key",
            "erased-ids.txt",
        ),
        0o600,
    )
    assert mode(settings.data_dir) == 0o700
    database.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: a commit is on disk when the call returns.
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("temp_store", 2),  # MEMORY
        ("busy_timeout", 30_000),
    ],
)
def test_every_connection_has_the_right_options(
    database: Database, pragma: str, value: object
) -> None:
    # Use two at once, so that the pool has to open at least one new connection.
    with database.read() as first, database.write() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


def test_tables_are_strict(database: Database) -> None:
    with database.read() as connection:
        listed = connection.exec_driver_sql("PRAGMA table_list").mappings().all()
    assert {each["name"] for each in listed if each["strict"]} == set(metadata.tables)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO change (kind, content_id) VALUES ('add', 'the first')",
        "INSERT INTO content (public_id, case_id, quality, added_on) VALUES ('a', 1, 101, 'd')",
        "INSERT INTO content (public_id, case_id, quality, added_on) VALUES ('a', 2, 100, 'd')",
        "INSERT INTO change (kind, content_id) VALUES ('alter', 1)",
        "INSERT INTO api_key (id, role, token_sha256, created_at) "
        "VALUES ('a', 'owner', x'00', '2026')",
        "DELETE FROM bank_case",
    ],
    ids=["type", "range", "unknown case", "kind", "role", "case with contents"],
)
def test_invalid_rows_are_refused(database: Database, statement: str) -> None:
    assert store_case(database) == 1
    good = "INSERT INTO content (public_id, case_id, quality, added_on) VALUES ('b', 1, 100, 'd')"
    with database.write() as connection:
        connection.exec_driver_sql(good)
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql(statement)
