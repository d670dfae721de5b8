"""
The database: tables, migrations, and every SQL statement of the project.

If an index and the database differ, the database is right: each index is a copy that follows the
change feed (`feed`).
Functions take an open connection, so that the caller decides what belongs to one transaction:
`with database.write() as connection: cases.open_case(connection, …)`.
"""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
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

if TYPE_CHECKING:
    from hashsvc.store.database import Database
else:
    # SQLAlchemy is imported only when this name is used, and Alembic only for a migration.
    __getattr__ = lazy_names(
        __name__,
        {
            "database": "Database",
        },
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
