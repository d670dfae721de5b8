"""
Keys and ciphers: AES-256-GCM under data keys, and the key-encryption key that wraps them.

The database holds the data keys in wrapped form. It never holds the key-encryption key, which is
read from the source that the settings name. Without the key-encryption key nobody can open
anything. Once a data key is destroyed, nobody can open what it sealed. This package has no SQL: the
store decides which key seals which row.
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
