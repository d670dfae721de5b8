"""SQLite databases for tests: copies of a migrated one, what their files hold, and tampering."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from hashsvc.keyring import DataKey, OwnKeyFile
from hashsvc.store import Database
from hashsvc.store.data_keys import RECORDS

FILE = "hashsvc.db"


def make_template(folder: Path) -> None:
    """Create a migrated, empty database in a new folder, with its key file, and close it."""
    with closing(Database(f"sqlite:///{folder / FILE}")) as database:
        database.migrate()


def copy_template(template: Path, folder: Path) -> None:
    """
    Copy an empty database into a data directory, and give the copy its own keys.

    An empty database has one data key, which has sealed nothing yet. So both it and the
    key-encryption key can be replaced, and no two tests share a key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in template.iterdir():
        shutil.copy(each, folder)
    own = OwnKeyFile(folder)
    own.path.write_text(own.new_text())
    (kek,) = own.read()
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        # The copy is lost with the test, so it need not survive a power failure.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        assert connection.execute("SELECT id FROM data_key").fetchall() == [(RECORDS,)]
        connection.execute(
            "UPDATE data_key SET kek_id = ?, wrapped = ?",
            (kek.id, kek.wrap(DataKey.new(), key_id=RECORDS)),
        )


def rows_of(folder: Path) -> list[str]:
    """Return everything that the database in a data directory holds, as SQL."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return list(connection.iterdump())


def bytes_of(folder: Path) -> bytes:
    """Return all bytes of all files in a data directory."""
    return b"\0".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def swap_values(folder: Path, table: str, column: str, key: str = "id") -> None:
    """Exchange a column's values between a table's two rows, as an attacker could."""
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        (first, one), (second, other) = connection.execute(
            f"SELECT {key}, {column} FROM {table} ORDER BY {key}"  # noqa: S608
        ).fetchall()
        for row, value in ((first, other), (second, one)):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, row))  # noqa: S608
