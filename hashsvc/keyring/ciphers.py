"""
Data keys, which seal and open bytes, and key-encryption keys, which wrap data keys.

Both use AES-256-GCM. Sealed bytes are a random nonce of 96 bits, the ciphertext, and a tag of 128
bits. With random nonces a key may seal 2³² times (NIST SP 800-38D, 8.3). No key here comes near
that number.
"""

import base64
import hmac
import secrets
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hashsvc.keyring.errors import SealError

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16

WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + _TAG_BYTES
"""Length of a wrapped data key."""

_ID_BYTES = 8


class DataKey:
    """
    A key that seals rows of the database.

    `context` names the row and column that sealed bytes belong to. It is authenticated but not
    stored: bytes that were moved elsewhere cannot be opened there.
    """

    __slots__ = ("_cipher", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    @classmethod
    def new(cls) -> Self:
        """Return a new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """Return the sealed bytes."""
        return _seal(self._cipher, plain, context)

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """
        Return the bytes that were sealed.

        Raises:
            SealError: If the bytes were altered, or `seal` used another context or key.
        """
        return _open(self._cipher, sealed, context)

    def seal_text(self, text: str, *, context: str) -> str:
        """Return the sealed text as base64, so that it fits into a text column."""
        return base64.b64encode(self.seal(text.encode(), context=context)).decode()

    def open_text(self, sealed: str, *, context: str) -> str:
        """
        Return the text that was sealed.

        Raises:
            SealError: If the text was altered, or `seal_text` used another context or key.
        """
        return self.open(base64.b64decode(sealed), context=context).decode()

    def digest(self, text: str) -> bytes:
        """Return a digest of 256 bits that nobody can compute or test without this key."""
        digests = hmac.digest(self._key, b"hashsvc digests", "sha256")
        return hmac.digest(digests, text.encode(), "sha256")


class KeyEncryptionKey:
    """
    A key that wraps data keys.

    Attributes:
        id: Sixteen hexadecimal digits that tell this key from others but reveal nothing about it.
    """

    __slots__ = ("_cipher", "id")

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._cipher = AESGCM(key)
        digest = hmac.digest(key, b"hashsvc id of a key-encryption key", "sha256")
        self.id = digest[:_ID_BYTES].hex()

    def wrap(self, key: DataKey, *, key_id: str) -> bytes:
        """Return the wrapped data key, WRAPPED_BYTES long and bound to the key's id."""
        return _seal(self._cipher, key._key, _context_of(key_id))

    def unwrap(self, wrapped: bytes, *, key_id: str) -> DataKey:
        """
        Return the data key.

        Raises:
            SealError: If the bytes were altered, or belong to another id or key-encryption key.
        """
        return DataKey(_open(self._cipher, wrapped, _context_of(key_id)))


def _context_of(key_id: str) -> str:
    return f"data key {key_id}"


def _seal(cipher: AESGCM, plain: bytes, context: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, context.encode())


def _open(cipher: AESGCM, sealed: bytes, context: str) -> bytes:
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise SealError("Sealed bytes are too short: they were truncated.")
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag as error:
        raise SealError("Sealed bytes were altered, or belong to another row or key.") from error
