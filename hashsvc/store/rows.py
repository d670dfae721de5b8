"""Helpers for rows: read them as dataclasses with the same field names, and insert them once."""

from typing import TypeVar

from sqlalchemy import Connection, CursorResult, Insert, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Result

from hashsvc.store.errors import UnknownRowError

T = TypeVar("T")


def as_list(kind: type[T], result: Result[*tuple[object, ...]]) -> list[T]:
    """Return every row as an instance of `kind`."""
    return [kind(**row) for row in result.mappings()]


def as_one(kind: type[T], result: Result[*tuple[object, ...]]) -> T:
    """
    Return the only row as an instance of `kind`.

    Raises:
        UnknownRowError: If there is no row.
    """
    row: RowMapping | None = result.mappings().one_or_none()
    if row is None:
        raise UnknownRowError(f"No such {kind.__name__.lower()}.")
    return kind(**row)


def changed_one(result: CursorResult[*tuple[object, ...]]) -> bool:
    """Return whether an UPDATE, a DELETE or an `insert_once` changed exactly one row."""
    return result.rowcount == 1


def insert_once(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that changes nothing if a row with the same unique key already exists."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new: Insert = dialect.insert(table).on_conflict_do_nothing()
    # Without this, SQLAlchemy gives a row count for UPDATE and DELETE only.
    return new.execution_options(preserve_rowcount=True)
