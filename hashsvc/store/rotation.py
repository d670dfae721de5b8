"""
Wraps all data keys by a new key-encryption key, while the service goes on.

The new key is in the source before anything is wrapped by it, and the old one stays there until
nothing is wrapped by that any more. A running service looks into its source again when it meets a
key that it does not know, and wraps by the one that wrapped the key "records", which comes first.
"""

from dataclasses import dataclass

from hashsvc.keyring import OwnKeyFile
from hashsvc.store import data_keys
from hashsvc.store.database import Database
from hashsvc.store.errors import RotationError

_KEYS_A_STEP = 500


@dataclass(frozen=True, slots=True)
class Rotated:
    """The id of the key that wraps all now, and how many keys were wrapped anew."""

    kek_id: str
    keys: int


def rotate(database: Database) -> Rotated:
    """
    Wrap every data key by the first key of the source; in our own file a new one is put there.

    A rotation that was interrupted is gone on with.

    Raises:
        RotationError: If the source has no new key.

        KeyringError: If the source does not give the keys, or another rotation is going on.
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
            f"All is under the first key of {source.name} already. Put a new one before it, made "
            "by `openssl rand -base64 32`, leave the old one after it, and run this again."
        )
    return _rewrap(database)


def _is_done(database: Database) -> bool:
    kek = database.keyring.first()
    with database.read() as connection:
        return data_keys.count_not_under(connection, kek.id) == 0


def _rewrap(database: Database) -> Rotated:
    kek, total = database.keyring.first(), 0
    while True:
        # Few at a time, so that nobody who writes has to wait for long.
        with database.write() as connection:
            done = data_keys.rewrap(connection, kek, _KEYS_A_STEP)
        total += done
        if not done:
            break
    database.finish_erasures()
    return Rotated(kek.id, total)
