"""
Keys and ciphers: AES-256-GCM under data keys, and the key-encryption key that wraps them.

A data key lies in the database, wrapped; the key-encryption key never does: it is read from where
the settings say. Without it nobody opens anything, and a data key that was destroyed takes what it
sealed along. This room knows no SQL: which row is sealed under which key is the store's to say.
"""

from hashsvc.keyring.ciphers import WRAPPED_BYTES, DataKey, KeyEncryptionKey
from hashsvc.keyring.errors import (
    BusyKeyError,
    KeyringError,
    MalformedKeyError,
    MissingKeyError,
    SealError,
    WrongKeyError,
)
from hashsvc.keyring.keyring import Keyring
from hashsvc.keyring.sources import (
    OWN_FILE,
    GivenKeys,
    KeyCommand,
    KeyFile,
    KeySource,
    OwnKeyFile,
    source_of,
)

__all__ = [
    "OWN_FILE",
    "WRAPPED_BYTES",
    "BusyKeyError",
    "DataKey",
    "GivenKeys",
    "KeyCommand",
    "KeyEncryptionKey",
    "KeyFile",
    "KeySource",
    "Keyring",
    "KeyringError",
    "MalformedKeyError",
    "MissingKeyError",
    "OwnKeyFile",
    "SealError",
    "WrongKeyError",
    "source_of",
]
