"""Turns rows into frozen dataclasses whose fields are named like the columns."""

from typing import TypeVar

from sqlalchemy import Connection, CursorResult, Insert, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Result

from hashsvc.store.errors import UnknownRowError

T = TypeVar("T")


def as_list(kind: type[T], result: Result[*tuple[object, ...]]) -> list[T]:
    """Return every row as a `kind`."""
    return [kind(**row) for row in result.mappings()]


def as_one(kind: type[T], result: Result[*tuple[object, ...]]) -> T:
    """
    Return the only row as a `kind`.

    Raises:
        UnknownRowError: If there is none.
    """
    row: RowMapping | None = result.mappings().one_or_none()
    if row is None:
        raise UnknownRowError(f"No such {kind.__name__.lower()}.")
    return kind(**row)


def changed_one(result: CursorResult[*tuple[object, ...]]) -> bool:
    """Tell whether an UPDATE or DELETE met a row, or `insert_once` put one in."""
    return result.rowcount == 1


def insert_once(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that changes nothing where a row of the same keys is there already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new: Insert = dialect.insert(table).on_conflict_do_nothing()
    # Else whether it was put in is told of UPDATE and DELETE only.
    return new.execution_options(preserve_rowcount=True)
