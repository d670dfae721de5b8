"""
Make, check and restore backups of an SQLite database.

A backup is a folder with a consistent copy of the database and a manifest. The copy holds data keys
only in wrapped form, and a backup never contains the key-encryption key: without that key nobody
can read a backup.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hashsvc.keyring import OWN_FILE
from hashsvc.settings import Settings
from hashsvc.store import data_keys, erasures
from hashsvc.store.database import Database
from hashsvc.store.errors import BackupError
from hashsvc.store.sqlite import path_of

MANIFEST = "manifest.json"
_FORMAT = 1
_COPY = "hashsvc.db"
# Files that an operator may put into the data directory before a restore. hashsvc.audit defines the
# names of the last two.
_MAY_BE_THERE = {OWN_FILE, erasures.LIST_NAME, "audit-signing-key", "audit.anchor"}
# To open a copy made during a rotation, one would need both keys, but the operator is about to
# destroy the old one.
_ROTATING = "Keys are being rotated. Finish that with `hashsvc keys rotate`, then back up."


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    Facts about a backup.

    Attributes:
        version: The version of hashsvc that made the backup.

        made_at: UTC, ISO 8601.

        key_encryption_key: The id of the key that opens the backup; not the key itself.

        bytes: Length of the copy.

        sha256: SHA-256 of the copy, in hexadecimal digits.
    """

    version: str
    made_at: str
    key_encryption_key: str
    bytes: int
    sha256: str


def back_up(database: Database, folder: Path, *, version: str, now: datetime) -> Manifest:
    """
    Write a copy of the database as it is now into a folder, and return the backup's manifest.

    The folder is created if it does not exist. Readers and writers of the database need not wait.

    Raises:
        BackupError: If the folder is not empty, lies in the data directory, or cannot be written;
            or if the database is not an SQLite file.
    """
    check_possible(database)
    assert database.folder is not None
    if folder.resolve().is_relative_to(database.folder.resolve()):
        # After a withdrawal, no file of the data directory may still hold the withdrawn rows.
        raise BackupError("A backup must be written outside the data directory.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError("The folder for the backup must be empty.")
        kek_id = _kek_id(database)
        copy = folder / _COPY
        copy.touch(mode=0o600)
        database.copy_to(copy)
        _sync(copy)
        if _kek_id(database) != kek_id:
            raise BackupError(_ROTATING)
        made_at = now.isoformat(timespec="seconds")
        manifest = Manifest(version, made_at, kek_id, copy.stat().st_size, _sha256(copy))
        # The manifest is written last: a folder without one is not a backup.
        _write(folder / MANIFEST, json.dumps({"format": _FORMAT} | asdict(manifest), indent=2))
    except OSError as error:
        raise BackupError(f"The backup cannot be written ({error.strerror}).") from error
    return manifest


def check_possible(database: Database) -> None:
    """
    Check that `back_up` works with a database.

    Raises:
        BackupError: If the database is not an SQLite file.
    """
    if database.folder is None:
        raise BackupError("This command backs up SQLite only. Back PostgreSQL up with its pg_dump.")


def check(folder: Path) -> Manifest:
    """
    Return a backup's manifest, after checking that the copy agrees with it.

    Raises:
        BackupError: If the folder is not a complete backup.
    """
    try:
        fields: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if fields.pop("format") != _FORMAT:
            raise BackupError("A newer hashsvc made the backup. Restore it with that version.")
        manifest = Manifest(**fields)
        is_intact = _sha256(folder / _COPY) == manifest.sha256
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError("The folder is not a complete backup.") from error
    if not is_intact:
        raise BackupError("The backup was altered or truncated: it differs from its manifest.")
    return manifest


@contextmanager
def restoring(folder: Path, settings: Settings) -> Iterator[Database]:
    """
    Yield a backup's database, migrated to this version's schema, and then put it into place.

    Until the block ends without an exception, the database is a draft beside its final place. So a
    restore that fails leaves no database behind.

    Raises:
        BackupError: If the folder is not a complete backup; if the data directory holds more than
            keys and lists; or if it cannot be written.

        LockedError: If the settings do not name the key-encryption key of the backup.
    """
    place = path_of(settings.url)
    if place is None:
        raise BackupError("This command restores SQLite only. Restore PostgreSQL with pg_restore.")
    check(folder)
    draft = place.with_name(f"{place.name}.restoring")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if {each.name for each in place.parent.iterdir()} - _MAY_BE_THERE:
            raise BackupError("A backup can be restored only into an empty data directory.")
        draft.touch(mode=0o600)
        shutil.copyfile(folder / _COPY, draft)
        _sync(draft)
        url = f"sqlite:///{draft}"
        with closing(Database.of(settings.model_copy(update={"database_url": url}))) as database:
            database.migrate()
            yield database
        draft.replace(place)
    except OSError as error:
        raise BackupError(f"The backup cannot be restored ({error.strerror}).") from error
    finally:
        for each in place.parent.glob(f"{draft.name}*"):
            each.unlink()


def _kek_id(database: Database) -> str:
    with database.read() as connection:
        kek_id = data_keys.current_kek_id(connection)
        if data_keys.count_not_under(connection, kek_id):
            raise BackupError(_ROTATING)
    return kek_id


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
