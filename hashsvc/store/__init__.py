"""
The database: tables, migrations, and every SQL statement of the project.

The database is the truth; each index is a copy that follows the change feed (`changes`).
Functions take an open connection, so that a caller decides what one transaction holds:
`with database.write() as connection: cases.add(connection, …)`.
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
