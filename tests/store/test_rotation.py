"""After a rotation everything opens under the new key, and nothing under the old one."""

import base64
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection

from hashsvc.keyring import GivenKeys, KeyEncryptionKey, KeyFile, OwnKeyFile
from hashsvc.settings import Settings
from hashsvc.store import Database, LockedError, RotationError, cases, data_keys, rotation
from hashsvc.store.rotation import rotate
from tests.helpers.cases import signals_of, store_case, store_content, store_match, wrapped_keys
from tests.helpers.database import bytes_of


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def kek_ids(database: Database) -> set[str]:
    with database.read() as connection:
        current = data_keys.current_kek_id(connection)
        assert data_keys.count_not_under(connection, current) == 0
        return {current}


def opens(settings: Settings, keys: str) -> bool:
    database = Database(settings.url, GivenKeys(keys))
    try:
        database.migrate()
    except LockedError:
        return False
    finally:
        database.close()
    return True


def test_the_key_in_the_default_file_is_replaced_and_the_old_key_is_useless(
    database: Database, settings: Settings
) -> None:
    own = OwnKeyFile(settings.data_dir)
    ids = [store_content(database, store_case(database, f"case {n}")) for n in range(3)]
    codes = signals_of(database, *ids)
    match_id = store_match(database, ids[0])
    with database.write() as connection:
        cases.delete_content(connection, ids[2])
        cases.delete_case(connection, cases.case_by_number(connection, "case 2").id)
    old_text, old_wrapped = own.path.read_text(), wrapped_keys(database)
    done = rotate(database)
    # Two cases have a key each, and there is the records key. The destroyed key is not counted.
    assert done.keys == 3
    assert {done.kek_id} == kek_ids(database) == {each.id for each in own.read()}
    assert signals_of(database, *ids) == codes[:-3]
    assert own.path.read_text() != old_text
    everything = bytes_of(settings.data_dir)
    assert [each for each in old_wrapped.values() if any(each) and each in everything] == []
    assert match_id is not None
    assert not opens(settings, old_text)
    assert opens(settings, own.path.read_text())


def test_all_keys_are_rewrapped_even_if_that_takes_many_steps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "KEYS_PER_STEP", 3)
    for number in range(10):
        store_case(database, f"case {number}")
    assert rotate(database).keys == 11
    assert len(kek_ids(database)) == 1


def test_a_configured_key_is_rotated_by_putting_the_new_one_first(
    settings: Settings, tmp_path: Path
) -> None:
    path, old, new = tmp_path / "key", new_key(), new_key()
    path.write_text(old)
    database = Database(settings.url, KeyFile(path))
    database.migrate()
    content_id = store_content(database, store_case(database))
    codes = signals_of(database, content_id)
    with pytest.raises(RotationError, match="Put a new key before it"):
        rotate(database)
    path.write_text(f"{new}\n{old}\n")
    assert rotate(database).keys == 2
    path.write_text(new)
    assert signals_of(database, content_id) == codes
    database.close()
    assert opens(settings, new)
    assert not opens(settings, old)
    assert path.read_text() == new


def test_after_the_first_step_the_new_key_wraps_new_cases_keys(
    settings: Settings, tmp_path: Path
) -> None:
    path, old, new = tmp_path / "key", new_key(), new_key()
    path.write_text(f"{old}\n{new}")
    database = Database(settings.url, KeyFile(path))
    database.migrate()
    store_case(database)
    first, second = KeyFile(path).read()
    with database.write() as connection:
        assert data_keys.rewrap(connection, second, 1) == 1
    store_case(database, "opened during the rotation")
    with database.read() as connection:
        assert data_keys.current_kek_id(connection) == second.id != first.id
        # The old key wraps only the older case's key.
        assert data_keys.count_not_under(connection, second.id) == 1
        assert cases.case_by_number(connection, "7K3M-X9QD-5").opened_on == "2026-01-05"
    database.close()


@pytest.mark.parametrize("steps", range(4))
def test_an_interrupted_rotation_is_continued(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """After any step everything still opens, and the next run continues with the same new key."""
    monkeypatch.setattr(rotation, "KEYS_PER_STEP", 1)
    own = OwnKeyFile(settings.data_dir)
    store_case(database)
    store_case(database, "another")
    rewrap, left = data_keys.rewrap, iter(range(steps))

    def stopped(connection: Connection, kek: KeyEncryptionKey, limit: int) -> int:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rewrap(connection, kek, limit)

    with monkeypatch.context() as patched:
        patched.setattr(data_keys, "rewrap", stopped)
        with pytest.raises(KeyboardInterrupt):
            rotate(database)
    both = own.texts()
    assert len(both) == 2
    assert opens(settings, own.path.read_text())
    rotate(database)
    assert len(own.texts()) == 1
    # If everything was rewrapped already, the second run begins a new rotation.
    assert (own.texts() == both[:1]) is (steps < 3)
    assert opens(settings, own.path.read_text())


def test_a_service_keeps_running_during_a_rotation(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one Database rotates keys, another one opens cases and reads contents."""
    monkeypatch.setattr(rotation, "KEYS_PER_STEP", 2)
    content_id = store_content(database, store_case(database))
    codes = signals_of(database, content_id)
    stop = threading.Event()
    opened: list[str] = []

    def serve() -> None:
        while not stop.is_set() or not opened:
            number = f"case {len(opened)}"
            mine = store_content(database, store_case(database, number))
            opened.append(number)
            assert len(signals_of(database, mine)) == 3
            assert signals_of(database, content_id) == codes

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        for _ in range(4):
            other = Database(settings.url)
            before = len(opened)
            rotate(other)
            while len(opened) < before + 3 and not serving.done():
                time.sleep(0.005)
            other.close()
        stop.set()
        serving.result()
    assert len(kek_ids(database)) == 1
    assert opens(settings, OwnKeyFile(settings.data_dir).path.read_text())


def test_a_service_that_read_only_the_old_key_wraps_by_the_new_one(
    database: Database, settings: Settings
) -> None:
    """Otherwise the old key, which is about to be destroyed, would wrap a new case's key."""
    store_case(database)  # From now on this database knows the old key.
    other = Database(settings.url)
    rotate(other)
    other.close()
    store_case(database, "after it")
    assert len(kek_ids(database)) == 1
