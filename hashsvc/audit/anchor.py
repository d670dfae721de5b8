"""
The anchor file: one checkpoint on each line, to be copied to a witness.

A checkpoint that a witness kept shows whether the log was rewritten later, as long as the signing
key is trusted.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path

from hashsvc.audit.checkpoints import Checkpoint, PublicKey
from hashsvc.audit.errors import MalformedError


def append(path: Path, checkpoint: Checkpoint) -> None:
    """
    Add a checkpoint at the end of the file; it is on disk when this returns.

    Several processes may do so at the same time: each line is written whole, and no reader sees
    half of it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(checkpoint.dump() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, key: PublicKey) -> list[Checkpoint]:
    """
    Return the checkpoints in a file, after checking their signatures; none if there is no file.

    Raises:
        MalformedError: If a line is not a checkpoint, or the file cannot be read.

        BadSignatureError: If a checkpoint was signed by another key, or altered.
    """
    try:
        with path.open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedError("The anchor file cannot be read.") from error
    return parse(lines, key)


def parse(lines: Iterable[str], key: PublicKey) -> list[Checkpoint]:
    """Return the checkpoints in these lines; see `read` for the errors."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            checkpoint = Checkpoint.parse(json.loads(line))
        except (MalformedError, ValueError) as error:
            raise MalformedError(
                f"Line {number} of the anchor file is not a checkpoint."
            ) from error
        key.check(checkpoint)
        found.append(checkpoint)
    return found
