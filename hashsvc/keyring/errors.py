"""
Errors of the keyring room.

    KeyringError
    ├── MissingKeyError      the source has no key-encryption key
    ├── MalformedKeyError    a key-encryption key is malformed, or has two sources
    ├── WrongKeyError        the source does not have the key-encryption key that is needed
    ├── BusyKeyError         another process is replacing keys
    └── SealError            sealed bytes were altered, truncated, or moved from another context

No message contains a key, or any byte of what was sealed.
"""


class KeyringError(Exception):
    """Base of every error raised by hashsvc.keyring."""


class MissingKeyError(KeyringError):
    """The source has no key-encryption key, or cannot be read."""


class MalformedKeyError(KeyringError):
    """A key-encryption key is malformed, or the settings name two sources of it."""


class WrongKeyError(KeyringError):
    """The source does not have the key-encryption key that is needed."""


class BusyKeyError(KeyringError):
    """Another process is replacing keys."""


class SealError(KeyringError):
    """Sealed bytes were altered, truncated, moved elsewhere, or sealed with another key."""
