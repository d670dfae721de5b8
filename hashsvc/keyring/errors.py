"""
Errors of the keyring room.

    KeyringError
    ├── MissingKeyError      no key-encryption key is to be had
    ├── MalformedKeyError    what is given is no key
    ├── WrongKeyError        the key-encryption key that is needed is not among those given
    ├── BusyKeyError         somebody else is replacing keys
    └── SealError            sealed bytes were altered, cut, or moved from another context

No message holds a key, or any byte of what was sealed.
"""


class KeyringError(Exception):
    """Base of every error raised by hashsvc.keyring."""


class MissingKeyError(KeyringError):
    """No key-encryption key is to be had from where it should be."""


class MalformedKeyError(KeyringError):
    """What is given is no key-encryption key."""


class WrongKeyError(KeyringError):
    """The key-encryption key that is needed is not among those given."""


class BusyKeyError(KeyringError):
    """Somebody else is replacing keys."""


class SealError(KeyringError):
    """Sealed bytes were altered, cut, or moved from another context, or are under another key."""
