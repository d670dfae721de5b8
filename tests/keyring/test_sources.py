"""The key-encryption key comes from a variable, a file, a command, or the default key file."""

import base64
import os
import secrets
import shlex
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hashsvc.keyring import (
    BusyKeyError,
    GivenKeys,
    KeyCommand,
    KeyEncryptionKey,
    KeyFile,
    Keyring,
    KeyringError,
    KeySource,
    MalformedKeyError,
    MissingKeyError,
    OwnKeyFile,
    WrongKeyError,
    source_of,
)
from hashsvc.settings import Settings

SECRET, OLD_SECRET = bytes(range(32)), bytes(range(100, 132))
BASE64, OLD_BASE64 = (base64.b64encode(each).decode() for each in (SECRET, OLD_SECRET))
IDS = [KeyEncryptionKey(each).id for each in (SECRET, OLD_SECRET)]


def printing(text: str) -> str:
    """Return a command that prints a text."""
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


def from_file(text: str, folder: Path) -> KeySource:
    (folder / "key").write_text(text)
    return KeyFile(folder / "key")


def from_own_file(text: str, folder: Path) -> KeySource:
    own = OwnKeyFile(folder)
    own.path.write_text(text)
    return own


SOURCES: dict[str, Callable[[str, Path], KeySource]] = {
    "variable": lambda text, _: GivenKeys(text),
    "file": from_file,
    "command": lambda text, _: KeyCommand(printing(text)),
    "own file": from_own_file,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (BASE64, IDS[:1]),
        (SECRET.hex(), IDS[:1]),
        (SECRET.hex().upper(), IDS[:1]),
        (f"  {BASE64}\n", IDS[:1]),
        (f"{BASE64}\n{OLD_BASE64}\n", IDS),
        (f"{SECRET.hex()},{OLD_BASE64}", IDS),
    ],
)
def test_every_source_returns_its_keys(
    tmp_path: Path, source: str, text: str, ids: list[str]
) -> None:
    assert [each.id for each in SOURCES[source](text, tmp_path).read()] == ids


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", MissingKeyError),
        (" \n", MissingKeyError),
        ("canary", MalformedKeyError),
        (BASE64[:-4], MalformedKeyError),
        (BASE64 + BASE64, MalformedKeyError),
        (SECRET.hex()[:-1], MalformedKeyError),
        (SECRET.hex()[:-1] + "g", MalformedKeyError),
        (f"{BASE64} canary", MalformedKeyError),
        ("ключ", MalformedKeyError),
    ],
)
def test_a_malformed_key_is_refused_and_not_repeated(
    tmp_path: Path, source: str, text: str, error: type[KeyringError]
) -> None:
    with pytest.raises(error) as raised:
        SOURCES[source](text, tmp_path).read()
    assert "canary" not in str(raised.value)
    assert BASE64[:8] not in str(raised.value)
    assert SECRET.hex()[:8] not in str(raised.value)


def test_the_error_says_that_a_file_is_missing(tmp_path: Path) -> None:
    for source in (KeyFile(tmp_path / "canary"), OwnKeyFile(tmp_path)):
        with pytest.raises(MissingKeyError, match="No such file") as raised:
            source.read()
        assert "canary" not in str(raised.value)


@pytest.mark.parametrize("command", ["", "no-such-program-canary", "'", "false"])
def test_a_command_that_fails_is_an_error_that_does_not_repeat_it(command: str) -> None:
    with pytest.raises(MissingKeyError) as raised:
        KeyCommand(command).read()
    assert "canary" not in str(raised.value)


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    marker = tmp_path / "made-by-a-shell"
    with pytest.raises(KeyringError):
        KeyCommand(f"echo x; touch {marker}").read()
    assert not marker.exists()


def test_settings_may_name_one_source_or_none(tmp_path: Path) -> None:
    assert source_of(Settings()) is None
    given: dict[str, Any] = {
        "key_encryption_key": BASE64,
        "key_encryption_key_file": tmp_path / "key",
        "key_encryption_key_command": printing(BASE64),
    }
    (tmp_path / "key").write_text(BASE64)
    for name, value in given.items():
        source = source_of(Settings(**{name: value}))
        assert source is not None
        assert [each.id for each in source.read()] == IDS[:1]
    with pytest.raises(MalformedKeyError, match=r"only one of these: .*_KEY and .*_COMMAND"):
        source_of(Settings(**{name: given[name] for name in given if not name.endswith("file")}))
    assert BASE64 not in repr(Settings(key_encryption_key=BASE64))


def test_the_default_file_is_created_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        own = OwnKeyFile(tmp_path)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: own.make(), range(40)))
        (key,) = own.read()
        own.make()
    finally:
        os.umask(before)
    assert [each.id for each in own.read()] == [key.id]
    assert own.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [own.path.name]


def test_keys_in_the_default_file_are_replaced_atomically(tmp_path: Path) -> None:
    own = OwnKeyFile(tmp_path)
    own.make()
    stop = threading.Event()

    def read() -> int:
        times = 0
        while not stop.is_set() or not times:
            assert len(own.read()) in (1, 2)
            times += 1
        return times

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        for _ in range(30):
            texts = own.texts()
            own.replace([own.new_text(), *texts])
            own.replace(own.texts()[:1])
        stop.set()
    assert all(each.result() for each in reading)
    assert own.path.stat().st_mode & 0o777 == 0o600


def test_only_one_process_at_a_time_can_replace_keys(tmp_path: Path) -> None:
    first, second = OwnKeyFile(tmp_path), OwnKeyFile(tmp_path)
    with first.locked(), pytest.raises(BusyKeyError), second.locked():
        pytest.fail("Both have locked the file.")
    with second.locked():
        pass


def test_a_keyring_reads_its_source_again_for_an_unknown_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(OLD_BASE64)
    keyring = Keyring(KeyFile(path))
    assert keyring.key(IDS[1]).id == IDS[1]
    with pytest.raises(WrongKeyError, match=IDS[0]):
        keyring.key(IDS[0])
    path.write_text(f"{BASE64}\n{OLD_BASE64}")
    assert keyring.key(IDS[0]).id == IDS[0]
    path.write_text(BASE64)
    assert keyring.first().id == IDS[0]
    # A transaction that began before the old key was removed can still use it.
    assert keyring.key(IDS[1]).id == IDS[1]


def test_keys_are_random(tmp_path: Path) -> None:
    assert len({OwnKeyFile.new_text() for _ in range(100)}) == 100
    assert len(base64.b64decode(OwnKeyFile.new_text())) == len(secrets.token_bytes(32))
