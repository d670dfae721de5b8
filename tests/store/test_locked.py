"""A database whose key is missing or wrong is not opened and not written to."""

import base64
import secrets
from pathlib import Path

import pytest

from hashsvc.keyring import GivenKeys, OwnKeyFile
from hashsvc.settings import Settings
from hashsvc.store import Database, LockedError, OpenError
from hashsvc.store.data_keys import current_kek_id
from tests.store.conftest import store_case


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def open_with(settings: Settings, **given: object) -> None:
    database = Database.of(settings.model_copy(update=given))
    try:
        database.migrate()
    finally:
        database.close()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture
def own(database: Database, settings: Settings) -> OwnKeyFile:
    """The key file of a database that holds a case and is closed."""
    store_case(database)
    database.close()
    return OwnKeyFile(settings.data_dir)


def test_without_a_key_in_the_settings_one_is_made_beside_the_data(
    database: Database, own: OwnKeyFile
) -> None:
    with database.read() as connection:
        assert [each.id for each in own.read()] == [current_kek_id(connection)]
    assert own.path.stat().st_mode & 0o777 == 0o600


def test_a_missing_key_file_is_not_made_anew(own: OwnKeyFile, settings: Settings) -> None:
    own.path.unlink()
    before = snapshot(settings.data_dir)
    with pytest.raises(LockedError, match="No such file"):
        open_with(settings)
    assert snapshot(settings.data_dir) == before


@pytest.mark.parametrize("how", ["variable", "file", "command", "own file"])
def test_another_key_opens_nothing_and_alters_nothing(
    own: OwnKeyFile, settings: Settings, tmp_path: Path, how: str
) -> None:
    right, wrong = own.path.read_text(), new_key()
    (tmp_path / "key").write_text(wrong)
    given = {
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
def test_a_database_under_a_configured_key_has_no_key_beside_it(
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


def test_a_new_database_without_a_usable_key_is_not_begun(settings: Settings) -> None:
    with pytest.raises(LockedError, match="32 bytes"):
        open_with(settings, key_encryption_key=settings_secret("canary"))
    assert (settings.data_dir / "hashsvc.db").stat().st_size < 10_000


def test_two_sources_are_one_too_many(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(LockedError, match="not more"):
        open_with(
            settings,
            key_encryption_key=settings_secret(new_key()),
            key_encryption_key_file=tmp_path / "key",
        )


def test_a_database_that_is_no_file_needs_a_configured_key() -> None:
    database = Database("sqlite://")
    with pytest.raises(LockedError, match="HASHSVC_KEY_ENCRYPTION_KEY"):
        database.migrate()
    database.close()
    database = Database("sqlite://", GivenKeys(new_key()))
    database.migrate()
    database.close()
