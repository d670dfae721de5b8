"""A database whose key is missing or wrong cannot be opened, and is not changed."""

import base64
import secrets
from pathlib import Path

import pytest

from hashsvc.keyring import GivenKeys, OwnKeyFile
from hashsvc.settings import Settings
from hashsvc.store import Database, LockedError, OpenError
from hashsvc.store.data_keys import current_kek_id
from tests.helpers.cases import store_case


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def open_with(settings: Settings, **given: object) -> None:
    """Open and migrate a database with changed settings, and close it."""
    database = Database.of(settings.model_copy(update=given))
    try:
        database.migrate()
    finally:
        database.close()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture
def own(new_database: Database, settings: Settings) -> OwnKeyFile:
    """The default key file of a database that has a case and is closed."""
    store_case(new_database)
    new_database.close()
    return OwnKeyFile(settings.data_dir)


def test_without_a_key_in_the_settings_a_key_file_is_created_beside_the_data(
    new_database: Database, own: OwnKeyFile
) -> None:
    with new_database.read() as connection:
        assert [each.id for each in own.read()] == [current_kek_id(connection)]
    assert own.path.stat().st_mode & 0o777 == 0o600


def test_a_missing_key_file_is_not_replaced_by_a_new_one(
    own: OwnKeyFile, settings: Settings
) -> None:
    own.path.unlink()
    before = snapshot(settings.data_dir)
    with pytest.raises(LockedError, match="No such file"):
        open_with(settings)
    assert snapshot(settings.data_dir) == before


@pytest.mark.parametrize("how", ["variable", "file", "command", "own file"])
def test_a_wrong_key_opens_nothing_and_changes_nothing(
    own: OwnKeyFile, settings: Settings, tmp_path: Path, how: str
) -> None:
    right, wrong = own.path.read_text(), new_key()
    (tmp_path / "key").write_text(wrong)
    given: dict[str, dict[str, object]] = {
        "variable": {"key_encryption_key": settings_secret(wrong)},
        "file": {"key_encryption_key_file": tmp_path / "key"},
        "command": {"key_encryption_key_command": f"cat {tmp_path / 'key'}"},
        "own file": {},
    }
    if how == "own file":
        own.path.write_text(wrong)
    before = snapshot(settings.data_dir)
    with pytest.raises(OpenError) as raised:
        open_with(settings, **given[how])
    assert raised.type is LockedError
    assert wrong not in str(raised.value)
    assert snapshot(settings.data_dir) == before
    own.path.write_text(right)
    open_with(settings)


def settings_secret(text: str) -> object:
    return Settings(key_encryption_key=text).key_encryption_key


@pytest.mark.parametrize("how", ["variable", "file", "command"])
def test_no_key_file_is_created_if_a_key_is_configured(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    key = new_key()
    (tmp_path / "key").write_text(key)
    given: dict[str, dict[str, object]] = {
        "variable": {"key_encryption_key": settings_secret(key)},
        "file": {"key_encryption_key_file": tmp_path / "key"},
        "command": {"key_encryption_key_command": f"cat {tmp_path / 'key'}"},
    }
    for _ in range(2):
        open_with(settings, **given[how])
    assert {each.name for each in settings.data_dir.iterdir()} == {"hashsvc.db", "erased-ids.txt"}
    with pytest.raises(LockedError):
        open_with(settings)


def test_a_new_database_gets_no_tables_if_its_key_is_malformed(settings: Settings) -> None:
    with pytest.raises(LockedError, match="32 bytes"):
        open_with(settings, key_encryption_key=settings_secret("canary"))
    assert (settings.data_dir / "hashsvc.db").stat().st_size < 10_000


def test_two_sources_of_the_key_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LockedError, match="only one of these"):
        open_with(
            settings,
            key_encryption_key=settings_secret(new_key()),
            key_encryption_key_file=tmp_path / "key",
        )


def test_a_database_in_memory_needs_a_configured_key() -> None:
    database = Database("sqlite://")
    with pytest.raises(LockedError, match="HASHSVC_KEY_ENCRYPTION_KEY"):
        database.migrate()
    database.close()
    database = Database("sqlite://", GivenKeys(new_key()))
    database.migrate()
    database.close()
