"""
Errors of the store room.

    StoreError
    ├── UnknownRowError      no row has this id
    ├── OpenError            the database cannot be opened
    │   └── LockedError      the key-encryption key is missing, or is the wrong one
    ├── UnavailableError     the database does not answer at present
    ├── SchemaError          a newer version made the database
    ├── RotationError        there is no new key to rotate to
    └── BackupError          a backup cannot be made, is incomplete, or cannot be restored
"""


class StoreError(Exception):
    """Base of every error raised by hashsvc.store."""


class UnknownRowError(StoreError):
    """No row has this id."""


class OpenError(StoreError):
    """The database cannot be opened because of its URL, server, folder or file."""


class LockedError(OpenError):
    """The key-encryption key is missing, or is not the one that wraps the database's keys."""


class UnavailableError(StoreError):
    """The database did not answer, or not in time; a later attempt may succeed."""


class SchemaError(StoreError):
    """This version of hashsvc does not know the database's schema."""


class RotationError(StoreError):
    """There is no new key to rotate to."""


class BackupError(StoreError):
    """A backup cannot be made, is incomplete, or cannot be restored."""
