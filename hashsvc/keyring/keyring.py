"""The key-encryption keys of a running service, by their ids."""

import threading

from hashsvc.keyring.ciphers import DataKey, KeyEncryptionKey
from hashsvc.keyring.errors import WrongKeyError
from hashsvc.keyring.sources import KeySource


class Keyring:
    """
    The key-encryption keys of one database; safe to share between threads.

    A key that is not known yet is looked for in the source again, so that a service that is running
    finds the new one while keys are rotated. One it has seen it keeps until it ends: a transaction
    that began before a rotation still reads what the old key wrapped.
    """

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._reading = threading.Lock()
        self._keys: dict[str, KeyEncryptionKey] = {}

    def first(self) -> KeyEncryptionKey:
        """
        Return the key that the source puts first.

        Raises:
            MissingKeyError: If the source gives none.

            MalformedKeyError: If it gives something else.
        """
        return self._read()[0]

    def key(self, kek_id: str) -> KeyEncryptionKey:
        """
        Return the key with this id.

        Raises:
            WrongKeyError: If the source does not give it; and the source's own errors.
        """
        known = self._keys.get(kek_id)
        if known is None:
            self._read()
            known = self._keys.get(kek_id)
        if known is None:
            raise WrongKeyError(
                f"The data are under the key-encryption key {kek_id}, which {self.source.name} "
                "does not give."
            )
        return known

    def unwrap(self, wrapped: bytes, *, kek_id: str, key_id: str) -> DataKey:
        """
        Return the data key that a key of this ring has wrapped.

        Raises:
            WrongKeyError: If it is another's.

            SealError: If the bytes were altered.
        """
        return self.key(kek_id).unwrap(wrapped, key_id=key_id)

    def _read(self) -> list[KeyEncryptionKey]:
        with self._reading:
            given = self.source.read()
            self._keys = self._keys | {each.id: each for each in given}
            return given
