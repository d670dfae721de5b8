"""
Backups of SQLite's database: a folder with a consistent copy and a manifest.

The copy holds data keys only as they are wrapped. The key-encryption key is no part of a backup:
who has one and not the other reads nothing.
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
# What an operator puts there before; the audit log's are hashsvc.audit's.
_MAY_BE_THERE = {OWN_FILE, erasures.LIST_NAME, "audit-signing-key", "audit.anchor"}
# A copy from the midst of it would need two keys, of which one is about to be destroyed.
_ROTATING = "Keys are being rotated. Finish that with `hashsvc keys rotate`, then back up."


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What a backup holds.

    Attributes:
        version: Of hashsvc, that made it.

        made_at: UTC, ISO 8601.

        key_encryption_key: The id of the key that it can be opened with; not the key.

        bytes: Length of the copy.

        sha256: Of the copy, in hexadecimal digits.
    """

    version: str
    made_at: str
    key_encryption_key: str
    bytes: int
    sha256: str


def back_up(database: Database, folder: Path, *, version: str, now: datetime) -> Manifest:
    """
    Write the database as it is now into a folder, which is made; nobody is held up meanwhile.

    Raises:
        BackupError: If the folder is not empty, is within the data, or cannot be written; or if the
            database is no SQLite file.
    """
    check_possible(database)
    assert database.folder is not None
    if folder.resolve().is_relative_to(database.folder.resolve()):
        # What is withdrawn later shall be in no file of the data directory.
        raise BackupError("A backup goes outside of the data directory.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError("The folder for the backup has to be empty.")
        kek_id = _kek_id(database)
        copy = folder / _COPY
        copy.touch(mode=0o600)
        database.copy_to(copy)
        _sync(copy)
        if _kek_id(database) != kek_id:
            raise BackupError(_ROTATING)
        made_at = now.isoformat(timespec="seconds")
        manifest = Manifest(version, made_at, kek_id, copy.stat().st_size, _sha256(copy))
        # It comes last: a folder without it is no backup.
        _write(folder / MANIFEST, json.dumps({"format": _FORMAT} | asdict(manifest), indent=2))
    except OSError as error:
        raise BackupError(f"The backup cannot be written ({error.strerror}).") from error
    return manifest


def check_possible(database: Database) -> None:
    """
    Check that a database is one that this makes backups of.

    Raises:
        BackupError: If it is no SQLite file.
    """
    if database.folder is None:
        raise BackupError(
            "This makes backups of SQLite; those of PostgreSQL are made with its own pg_dump."
        )


def check(folder: Path) -> Manifest:
    """
    Return a backup's manifest, having compared the copy with it.

    Raises:
        BackupError: If the folder is no whole backup.
    """
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if told.pop("format") != _FORMAT:
            raise BackupError("The backup was made by a newer version of hashsvc.")
        manifest = Manifest(**told)
        whole = _sha256(folder / _COPY) == manifest.sha256
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError("The folder is no whole backup.") from error
    if not whole:
        raise BackupError("The backup was altered or cut: it differs from its manifest.")
    return manifest


@contextmanager
def restoring(folder: Path, settings: Settings) -> Iterator[Database]:
    """
    Yield a backup's database, of this version's schema; afterwards it is the settings' own.

    Until then it lies beside, so that nothing is there when anything fails.

    Raises:
        BackupError: If the folder is no whole backup; if there is more in the data directory than
            keys and lists; or if it cannot be written.

        LockedError: If the backup is under another key-encryption key than the settings'.
    """
    place = path_of(settings.url)
    if place is None:
        raise BackupError(
            "This restores backups of SQLite; those of PostgreSQL are restored with pg_restore."
        )
    check(folder)
    draft = place.with_name(f"{place.name}.restoring")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if {each.name for each in place.parent.iterdir()} - _MAY_BE_THERE:
            raise BackupError("A backup is restored into an empty data directory only.")
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
