"""Who follows the change feed hears at once, and at no cost, whether anything is new."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hashsvc.keyring import GivenKeys
from hashsvc.store import Database, cases, sqlite
from hashsvc.store.newest import NewestChange
from tests.store.conftest import store_case, store_content

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


def test_each_coming_and_going_is_seen_once_it_is_committed(database: Database) -> None:
    case_id = store_case(database)
    assert database.newest_change() == 0
    content_id = store_content(database, case_id)
    assert database.newest_change() == 1
    with database.write() as connection:
        cases.delete_content(connection, content_id)
        assert database.newest_change() == 1
    assert database.newest_change() == 2


def test_another_process_is_seen_too(database: Database, path: Path) -> None:
    store_content(database, store_case(database))
    before = database.newest_change()
    subprocess.run([sys.executable, "-c", ONE_MORE, str(path)], check=True)
    assert database.newest_change() == before + 1


def test_what_else_is_written_changes_nothing(database: Database) -> None:
    store_content(database, store_case(database))
    before = database.newest_change()
    store_case(database, number="9XQ4-2MKD-7")
    assert database.newest_change() == before


def test_it_holds_up_no_checkpoint(database: Database) -> None:
    store_content(database, store_case(database))
    assert database.newest_change() == 1
    assert sqlite.empty_log(database._engine)


def test_it_cannot_write(database: Database) -> None:
    assert database.newest_change() == 0
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database._newest._connection.execute("DELETE FROM change")


def test_where_it_cannot_be_told_the_feed_has_to_be_read(tmp_path: Path) -> None:
    # A file that is none must not come into being for having been asked for.
    missing = NewestChange(tmp_path / "none.db")
    assert missing.number() is None
    assert list(tmp_path.iterdir()) == []
    memory = Database("sqlite://", GivenKeys("1:" + "A" * 43 + "="))
    assert memory.newest_change() is None
    memory.close()


def test_it_is_closed_with_the_database(database: Database) -> None:
    assert database.newest_change() == 0
    connection = database._newest._connection
    database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
