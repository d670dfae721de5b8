"""
Errors of the store room.

    StoreError
    ├── UnknownRowError      no row has this id
    ├── OpenError            the database cannot be opened
    └── SchemaError          the database was made by a newer version
"""


class StoreError(Exception):
    """Base of every error raised by hashsvc.store."""


class UnknownRowError(StoreError):
    """No row has this id."""


class OpenError(StoreError):
    """The database cannot be opened: its URL, its server, its folder or its file is at fault."""


class SchemaError(StoreError):
    """The database's schema is not one this version knows."""
