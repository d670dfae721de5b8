"""
The database: tables, migrations, and every SQL statement of the project.

The database is the truth. Each index is a copy that follows the change feed (`feed`).
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
    # SQLAlchemy and Alembic are imported only for what opens a database.
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
