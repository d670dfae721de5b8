"""
Rotation: rewrap all data keys under a new key-encryption key, while the service runs.

The new key is in the source before it wraps anything, and the old key stays there until it no
longer wraps anything. When a running service meets a key-encryption key that it does not know, it
reads its source again. The service wraps each new data key under the key-encryption key that wraps
the data key "records" at that time. The rotation rewraps "records" first, so from then on new data
keys are wrapped under the new key.
"""

from dataclasses import dataclass

from hashsvc.keyring import OwnKeyFile
from hashsvc.store import data_keys
from hashsvc.store.database import Database
from hashsvc.store.errors import RotationError

KEYS_PER_STEP = 500
"""How many data keys are rewrapped in one transaction."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """The id of the key that now wraps everything, and how many data keys were rewrapped."""

    kek_id: str
    keys: int


def rotate(database: Database) -> Rotated:
    """
    Rewrap every data key under the first key of the source.

    If the source is the default key file, add a new key to it first and remove the old one at the
    end. If an earlier rotation was interrupted, continue that one.

    Raises:
        RotationError: If the source has no new key.

        KeyringError: If the keys cannot be read from the source, or another rotation is running.
    """
    source = database.keyring.source
    if isinstance(source, OwnKeyFile):
        with source.locked():
            texts = source.texts()
            if _is_done(database):
                texts = [source.new_text(), *texts]
                source.replace(texts)
            rotated = _rewrap(database)
            source.replace(texts[:1])
        return rotated
    if _is_done(database):
        raise RotationError(
            f"The first key of {source.name} already wraps everything. Put a new key before it, "
            "made by `openssl rand -base64 32`, keep the old one after it, and run this again."
        )
    return _rewrap(database)


def _is_done(database: Database) -> bool:
    kek = database.keyring.first()
    with database.read() as connection:
        return data_keys.count_not_under(connection, kek.id) == 0


def _rewrap(database: Database) -> Rotated:
    kek, total = database.keyring.first(), 0
    while True:
        # Rewrap a few keys in each transaction, so that other writers do not wait long.
        with database.write() as connection:
            done = data_keys.rewrap(connection, kek, KEYS_PER_STEP)
        total += done
        if not done:
            break
    database.finish_erasures()
    return Rotated(kek.id, total)
