"""The key-encryption keys of a running service, by their ids."""

import threading

from hashsvc.keyring.ciphers import DataKey, KeyEncryptionKey
from hashsvc.keyring.errors import WrongKeyError
from hashsvc.keyring.sources import KeySource


class Keyring:
    """
    The key-encryption keys of one database; safe to share between threads.

    If a key is unknown, the keyring reads its source again, so that a running service finds the new
    key during a rotation. It keeps every key that it has read: a transaction that began before a
    rotation still needs the old key.
    """

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._reading = threading.Lock()
        self._keys: dict[str, KeyEncryptionKey] = {}

    def first(self) -> KeyEncryptionKey:
        """
        Return the first key of the source.

        Raises:
            MissingKeyError: If the source has no key.

            MalformedKeyError: If the source has something that is not a key.
        """
        return self._read()[0]

    def key(self, kek_id: str) -> KeyEncryptionKey:
        """
        Return the key with this id.

        Raises:
            WrongKeyError: If the source does not have it.

            MissingKeyError: If the source has no key.

            MalformedKeyError: If the source has something that is not a key.
        """
        known = self._keys.get(kek_id)
        if known is None:
            self._read()
            known = self._keys.get(kek_id)
        if known is None:
            raise WrongKeyError(
                f"The data need the key-encryption key {kek_id}, which is not in "
                f"{self.source.name}."
            )
        return known

    def unwrap(self, wrapped: bytes, *, kek_id: str, key_id: str) -> DataKey:
        """
        Unwrap a data key with the key-encryption key `kek_id`, and return it.

        Raises:
            WrongKeyError: If the source does not have that key-encryption key.

            SealError: If the bytes were altered, or belong to another id.
        """
        return self.key(kek_id).unwrap(wrapped, key_id=key_id)

    def _read(self) -> list[KeyEncryptionKey]:
        with self._reading:
            keys = self.source.read()
            self._keys = self._keys | {each.id: each for each in keys}
            return keys
