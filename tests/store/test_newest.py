"""A reader of the change feed can see at once, and cheaply, whether anything is new."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hashsvc.keyring import GivenKeys
from hashsvc.store import Database, cases
from hashsvc.store.newest import NewestChange
from tests.helpers.cases import store_case, store_content

ONE_MORE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO change (kind, content_id) VALUES ('remove', 1)")
connection.commit()
"""


@pytest.fixture(name="path")
def _path(database: Database) -> Path:
    assert database.folder is not None
    return database.folder / "hashsvc.db"


def test_every_addition_and_removal_is_seen_once_it_is_committed(database: Database) -> None:
    case_id = store_case(database)
    assert database.newest_change() == 0
    content_id = store_content(database, case_id)
    assert database.newest_change() == 1
    with database.write() as connection:
        cases.delete_content(connection, content_id)
        assert database.newest_change() == 1
    assert database.newest_change() == 2


def test_changes_of_another_process_are_seen(database: Database, path: Path) -> None:
    store_content(database, store_case(database))
    before = database.newest_change()
    assert before is not None
    subprocess.run([sys.executable, "-c", ONE_MORE, str(path)], check=True)
    assert database.newest_change() == before + 1


def test_other_rows_do_not_change_the_number(database: Database) -> None:
    store_content(database, store_case(database))
    before = database.newest_change()
    store_case(database, number="9XQ4-2MKD-7")
    assert database.newest_change() == before


def test_the_connection_does_not_keep_sqlite_from_emptying_its_log(
    database: Database, path: Path
) -> None:
    store_content(database, store_case(database))
    assert database.newest_change() == 1
    with capture_logs() as logs:
        database.finish_erasures()
    assert logs == []
    assert path.with_name("hashsvc.db-wal").stat().st_size == 0


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections that were opened since the test began."""
    connections: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", noting)
    return connections


def test_the_connection_cannot_write(database: Database, opened: list[sqlite3.Connection]) -> None:
    assert database.newest_change() == 0
    (connection,) = opened
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM change")


def test_without_a_file_or_tables_the_number_is_unknown(tmp_path: Path) -> None:
    # Asking must not create a file.
    missing = NewestChange(tmp_path / "none.db")
    assert missing.number() is None
    assert list(tmp_path.iterdir()) == []
    memory = Database("sqlite://", GivenKeys("1:" + "A" * 43 + "="))
    assert memory.newest_change() is None
    memory.close()


def test_the_connection_is_closed_with_the_database(
    database: Database, opened: list[sqlite3.Connection]
) -> None:
    assert database.newest_change() == 0
    (connection,) = opened
    database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
