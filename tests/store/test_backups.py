"""A backup is one state of the database, without keys; a restore is complete or fails."""

import json
import random
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from hashsvc.keyring import GivenKeys, KeyEncryptionKey, OwnKeyFile
from hashsvc.settings import Settings
from hashsvc.store import BackupError, Database, LockedError, backups, cases, data_keys, rotation
from hashsvc.store.ids import ContentId
from hashsvc.store.tables import change, content, signature
from tests.helpers.cases import signals_of, some_signals, store_case, store_content
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def back_up(database: Database, folder: Path) -> backups.Manifest:
    return backups.back_up(database, folder, version="0.1.0", now=START)


def restore(folder: Path, settings: Settings) -> None:
    with backups.restoring(folder, settings):
        pass


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose data directory has only a copy of the key file."""
    there = tmp_path / "elsewhere"
    there.mkdir()
    OwnKeyFile(settings.data_dir).make()
    shutil.copy(OwnKeyFile(settings.data_dir).path, there)
    return settings.model_copy(update={"data_dir": there})


def test_a_restored_database_equals_the_one_that_was_backed_up(
    database: Database, settings: Settings, folder: Path, elsewhere: Settings
) -> None:
    content_id = store_content(database, store_case(database))
    codes = signals_of(database, content_id)
    back_up(database, folder)
    before = rows_of(settings.data_dir)
    store_case(database, "later")
    restore(folder, elsewhere)
    assert rows_of(elsewhere.data_dir) == before
    restored = Database.of(elsewhere)
    restored.migrate()
    assert signals_of(restored, content_id) == codes
    restored.close()


def test_the_manifest_describes_the_backup_and_contains_no_key(
    database: Database, settings: Settings, folder: Path
) -> None:
    made = back_up(database, folder)
    assert backups.check(folder) == made
    assert {each.name for each in folder.iterdir()} == {"hashsvc.db", "manifest.json"}
    assert (made.made_at, made.bytes) == (
        "2026-01-05T09:30:00+00:00",
        (folder / "hashsvc.db").stat().st_size,
    )
    (text,) = OwnKeyFile(settings.data_dir).texts()
    with database.read() as connection:
        assert made.key_encryption_key == data_keys.current_kek_id(connection)
    for each in folder.iterdir():
        assert each.stat().st_mode & 0o777 == 0o600
        assert text.encode() not in each.read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_backup_made_while_others_write_is_one_state(database: Database, folder: Path) -> None:
    """A content, its codes and its change are written together, so a backup has all or none."""
    case_id = store_case(database)
    stop = threading.Event()
    written: list[ContentId] = []

    def write(seed: int) -> None:
        rng = random.Random(seed)
        while not stop.is_set():
            written.append(store_content(database, case_id, some_signals(rng)))

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(write, seed) for seed in range(2)]
        for number in range(5):
            before = len(written)
            back_up(database, folder / str(number))
            while len(written) < before + 5 and not any(each.done() for each in writing):
                time.sleep(0.005)
        stop.set()
    for each in writing:
        each.result()
    sizes: list[int] = []
    for number in range(5):
        with sqlite3.connect(folder / str(number) / "hashsvc.db") as copy:
            counts = {
                copy.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608
                for table in (content, signature, change)
            }
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copy.close()
        assert len(counts) == 1
        sizes += counts
    assert sizes == sorted(set(sizes))


def test_deleted_rows_are_in_no_backup(database: Database, folder: Path) -> None:
    case_id = store_case(database)
    ids = [store_content(database, case_id) for _ in range(50)]
    with database.read() as connection:
        sealed = connection.execute(select(signature.c.sealed)).scalars().all()
    with database.write() as connection:
        for each in ids:
            cases.delete_content(connection, each)
    back_up(database, folder)
    copy = (folder / "hashsvc.db").read_bytes()
    assert [each for each in sealed if each[:16] in copy] == []


@pytest.mark.parametrize("where", ["", "below", "a/b"])
def test_a_backup_within_the_data_directory_is_refused(
    database: Database, settings: Settings, where: str
) -> None:
    with pytest.raises(BackupError, match="outside"):
        back_up(database, settings.data_dir / where)


def test_a_folder_that_is_not_empty_is_refused_and_left_unchanged(
    database: Database, folder: Path
) -> None:
    folder.mkdir()
    (folder / "a file").write_text("mine")
    with pytest.raises(BackupError, match="empty"):
        back_up(database, folder)
    assert [each.name for each in folder.iterdir()] == ["a file"]


def test_a_folder_that_cannot_be_created_is_an_error_that_does_not_name_it(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "canary").write_text("This is not a folder.")
    with pytest.raises(BackupError) as raised:
        back_up(database, tmp_path / "canary" / "x")
    assert "canary" not in str(raised.value)


def test_no_backup_is_made_during_a_rotation(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "KEYS_PER_STEP", 1)
    for number in range(3):
        store_case(database, str(number))
    calls: list[str] = []
    rewrap = data_keys.rewrap

    def watched(connection: Connection, kek: KeyEncryptionKey, limit: int) -> int:
        calls.append(kek.id)
        if len(calls) == 3:
            with pytest.raises(BackupError, match="rotated"):
                back_up(database, folder)
        return rewrap(connection, kek, limit)

    monkeypatch.setattr(data_keys, "rewrap", watched)
    rotation.rotate(database)
    assert len(calls) > 3
    shutil.rmtree(folder, ignore_errors=True)
    back_up(database, folder)


def test_no_backup_is_made_if_keys_were_rotated_during_the_copy(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key wraps everything before the copy, and another one wraps everything after it."""
    copy_to = Database.copy_to

    def slowly(self: Database, path: Path) -> None:
        copy_to(self, path)
        rotation.rotate(database)

    monkeypatch.setattr(Database, "copy_to", slowly)
    with pytest.raises(BackupError, match="rotated"):
        back_up(database, folder)
    with pytest.raises(BackupError, match="not a complete backup"):
        backups.check(folder)


@pytest.mark.parametrize(
    "harm", ["cut", "altered", "no copy", "no manifest", "no json", "newer", "other fields", "list"]
)
def test_a_damaged_backup_is_not_restored(
    database: Database, folder: Path, elsewhere: Settings, harm: str
) -> None:
    back_up(database, folder)
    copy, manifest = folder / "hashsvc.db", folder / "manifest.json"
    fields = json.loads(manifest.read_text())
    if harm == "cut":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif harm == "altered":
        copy.write_bytes(copy.read_bytes().replace(b"records", b"recordz"))
    elif harm == "no copy":
        copy.unlink()
    elif harm == "no manifest":
        manifest.unlink()
    else:
        texts = {
            "no json": "no json",
            "newer": json.dumps(fields | {"format": 2}),
            "other fields": json.dumps(fields | {"more": 1}),
            "list": "[]",
        }
        manifest.write_text(texts[harm])
    with pytest.raises(BackupError):
        restore(folder, elsewhere)
    assert [each.name for each in elsewhere.data_dir.iterdir()] == ["key-encryption-key"]


@pytest.mark.parametrize("name", ["hashsvc.db", "hashsvc.db-wal", "something else"])
def test_a_restore_into_a_data_directory_with_data_is_refused(
    database: Database, folder: Path, elsewhere: Settings, name: str
) -> None:
    back_up(database, folder)
    (elsewhere.data_dir / name).write_text("mine")
    with pytest.raises(BackupError, match="empty"):
        restore(folder, elsewhere)
    assert (elsewhere.data_dir / name).read_text() == "mine"
    assert len(list(elsewhere.data_dir.iterdir())) == 2


def test_a_backup_is_not_restored_without_its_key(
    database: Database, folder: Path, elsewhere: Settings
) -> None:
    back_up(database, folder)
    own = OwnKeyFile(elsewhere.data_dir)
    for text in (None, OwnKeyFile.new_text()):
        own.path.unlink()
        if text is not None:
            own.path.write_text(text)
        with pytest.raises(LockedError):
            restore(folder, elsewhere)
        names = {each.name for each in elsewhere.data_dir.iterdir()} - {own.path.name}
        assert names == set()
        own.path.touch()


def test_a_restore_that_fails_leaves_no_database(
    database: Database, folder: Path, elsewhere: Settings
) -> None:
    back_up(database, folder)

    def fail_in_the_end() -> None:
        with backups.restoring(folder, elsewhere) as restored:
            store_case(restored)
            raise KeyError

    with pytest.raises(KeyError):
        fail_in_the_end()
    assert not list(elsewhere.data_dir.glob("hashsvc.db*"))


def test_only_sqlite_files_are_backed_up_and_restored(folder: Path, settings: Settings) -> None:
    database = Database("sqlite://", GivenKeys(OwnKeyFile.new_text()))
    with pytest.raises(BackupError, match="SQLite"):
        back_up(database, folder)
    database.close()
    with pytest.raises(BackupError, match="SQLite"):
        restore(folder, settings.model_copy(update={"database_url": "postgresql://127.0.0.1/x"}))
