"""
Sources of the key-encryption key: a variable, a file, a command, or the default key file.

A source has one key or more, separated by white space. Each is 32 bytes, as base64 or as 64
hexadecimal digits. `hashsvc keys rotate` wraps all data keys with the first key. The other keys are
there to unwrap the data keys that they wrapped.
"""

import base64
import binascii
import fcntl
import os
import re
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hashsvc.keyring.ciphers import KEY_BYTES, KeyEncryptionKey
from hashsvc.keyring.errors import BusyKeyError, MalformedKeyError, MissingKeyError
from hashsvc.settings import Settings

OWN_FILE = "key-encryption-key"
_COMMAND_S = 30
_SETTING = "HASHSVC_KEY_ENCRYPTION_KEY"


class KeySource(Protocol):
    """A source of key-encryption keys; each call of `read` reads it again."""

    name: str
    """The source's name in messages to the operator."""

    def read(self) -> list[KeyEncryptionKey]:
        """
        Return the keys, in the source's order; there is at least one.

        Raises:
            MissingKeyError: If the source has no key, or cannot be read.

            MalformedKeyError: If the source has something that is not a key.
        """
        ...


class GivenKeys:
    """Keys given as text, such as in an environment variable."""

    def __init__(self, text: str, name: str = _SETTING) -> None:
        self.name = name
        self._text = text

    def read(self) -> list[KeyEncryptionKey]:
        """Return the keys."""
        return _parse(self._text, self.name)


class KeyFile:
    """Keys in a file that the operator keeps."""

    def __init__(self, path: Path, name: str = f"the file set in {_SETTING}_FILE") -> None:
        self.name = name
        self.path = path

    def read(self) -> list[KeyEncryptionKey]:
        """Return the keys in the file."""
        try:
            text = self.path.read_text(encoding="ascii")
        except OSError as error:
            raise MissingKeyError(
                f"The key-encryption key cannot be read from {self.name} ({error.strerror})."
            ) from error
        except UnicodeDecodeError as error:
            raise _malformed(self.name) from error
        return _parse(text, self.name)


class KeyCommand:
    """Keys that a command prints, such as the client of a key management service."""

    name = f"the command set in {_SETTING}_COMMAND"

    def __init__(self, command: str) -> None:
        self._command = command

    def read(self) -> list[KeyEncryptionKey]:
        """Run the command, and return the keys that it prints."""
        try:
            run = subprocess.run(  # noqa: S603 - the operator's own command, and no shell.
                shlex.split(self._command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=_COMMAND_S,
                check=False,
            )
        except (OSError, ValueError, IndexError) as error:
            raise MissingKeyError(f"Cannot run {self.name}.") from error
        except subprocess.TimeoutExpired as error:
            raise MissingKeyError(
                f"Stopped {self.name}: it took longer than {_COMMAND_S} s."
            ) from error
        if run.returncode:
            raise MissingKeyError(
                f"The exit status of {self.name} is {run.returncode}; it must be 0."
            )
        return _parse(run.stdout.decode("ascii", "replace"), self.name)


class OwnKeyFile(KeyFile):
    """
    The default key file beside the data, which the service creates if no source is configured.

    A key in this file protects backups and stray copies of the database, but nothing else: a copy
    of the whole folder contains the key too.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / OWN_FILE, name=f"the file {OWN_FILE} beside the data")

    def make(self) -> None:
        """Create the file with a new key, readable by its owner only; keep it if it exists."""
        draft = self._draft([self.new_text()])
        try:
            # A link fails if another process has just created the file; a rename would replace it.
            os.link(draft, self.path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def texts(self) -> list[str]:
        """Return the keys as they are written in the file."""
        self.read()
        return self.path.read_text(encoding="ascii").split()

    @staticmethod
    def new_text() -> str:
        """Return a new random key as it is written in the file."""
        return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Keep other processes from replacing the keys until the block ends.

        Raises:
            BusyKeyError: If another process is replacing them now.
        """
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise BusyKeyError(
                f"Another process is rotating the keys in {self.name}. Wait until it ends."
            ) from error
        finally:
            os.close(folder)

    def replace(self, texts: list[str]) -> None:
        """Replace all keys in the file with these, in one step."""
        self._draft(texts).replace(self.path)

    def _draft(self, texts: list[str]) -> Path:
        draft = self.path.with_name(f"{OWN_FILE}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{text}\n" for text in texts)
            file.flush()
            os.fsync(file.fileno())
        return draft


def source_of(settings: Settings) -> KeySource | None:
    """
    Return the source that the settings name; None if they name none.

    Raises:
        MalformedKeyError: If the settings name more than one.
    """
    sources: list[KeySource] = []
    if settings.key_encryption_key is not None:
        sources.append(GivenKeys(settings.key_encryption_key.get_secret_value()))
    if settings.key_encryption_key_file is not None:
        sources.append(KeyFile(settings.key_encryption_key_file))
    if settings.key_encryption_key_command is not None:
        sources.append(KeyCommand(settings.key_encryption_key_command))
    if len(sources) > 1:
        names = " and ".join(each.name for each in sources)
        raise MalformedKeyError(f"Set only one of these: {names}.")
    return sources[0] if sources else None


def _parse(text: str, name: str) -> list[KeyEncryptionKey]:
    words = [each for each in re.split(r"[\s,]+", text) if each]
    if not words:
        raise MissingKeyError(f"There is no key-encryption key in {name}.")
    return [KeyEncryptionKey(_bytes_of(word, name)) for word in words]


def _bytes_of(word: str, name: str) -> bytes:
    try:
        if len(word) == 2 * KEY_BYTES:
            return bytes.fromhex(word)
        key = base64.b64decode(word, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _malformed(name) from error
    if len(key) != KEY_BYTES:
        raise _malformed(name)
    return key


def _malformed(name: str) -> MalformedKeyError:
    return MalformedKeyError(
        f"A key must be {KEY_BYTES} bytes as base64 or {2 * KEY_BYTES} hexadecimal digits; "
        f"{name} has something else."
    )
