"""
The database: tables, migrations, and every SQL statement of the project.

The database is the truth. Each index is a copy that follows the change feed (`feed`).
Functions take an open connection, so that the caller decides what belongs to one transaction:
`with database.write() as connection: cases.open_case(connection, …)`.
"""

from hashsvc.store.database import Database
from hashsvc.store.errors import (
    BackupError,
    LockedError,
    OpenError,
    RotationError,
    SchemaError,
    StoreError,
    UnavailableError,
    UnknownRowError,
)

__all__ = [
    "BackupError",
    "Database",
    "LockedError",
    "OpenError",
    "RotationError",
    "SchemaError",
    "StoreError",
    "UnavailableError",
    "UnknownRowError",
]
