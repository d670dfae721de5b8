"""
Errors of the store room.

    StoreError
    ├── UnknownRowError      no row has this id
    ├── OpenError            the database cannot be opened
    │   └── LockedError      the key-encryption key is missing, or is another's
    ├── UnavailableError     the database does not answer at present
    ├── SchemaError          the database was made by a newer version
    ├── RotationError        there is no new key to rotate to
    └── BackupError          a backup cannot be made, is none, or cannot be restored here
"""


class StoreError(Exception):
    """Base of every error raised by hashsvc.store."""


class UnknownRowError(StoreError):
    """No row has this id."""


class OpenError(StoreError):
    """The database cannot be opened: its URL, its server, its folder or its file is at fault."""


class LockedError(OpenError):
    """The key-encryption key is missing, or is not the one that the database is under."""


class UnavailableError(StoreError):
    """The database does not answer, or not in time; later it may."""


class SchemaError(StoreError):
    """The database's schema is not one this version knows."""


class RotationError(StoreError):
    """There is no new key to rotate to."""


class BackupError(StoreError):
    """A backup cannot be made, is not whole, or cannot be restored here."""
