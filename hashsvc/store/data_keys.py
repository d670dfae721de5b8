"""
Data keys: one for each case, one for each day's candidates, and "records" for everything else.

A key is destroyed by writing zeros over it: SQLite then overwrites the same bytes in its file.
SQLite would overwrite a deleted row too. But it moves rows between pages when neighbouring rows are
deleted, and does not overwrite the places that a row has left. So rows of keys are only added at
the end and changed in place, and never move. The row of a destroyed key stays, with an id that
nothing else has.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, inspect, select, update

from hashsvc.keyring import WRAPPED_BYTES, DataKey, KeyEncryptionKey, Keyring
from hashsvc.store.errors import UnknownRowError
from hashsvc.store.feedback_tables import candidate_day
from hashsvc.store.ids import CaseId, ContentId, DataKeyId, random_id
from hashsvc.store.tables import case, content, data_key

RECORDS = DataKeyId("records")
"""The id of the key for reported URLs and removal requests, which outlive a case."""

KEYRING = "hashsvc_keyring"
"""Execution option that gives a connection its database's keyring."""

_DESTROYED = bytes(WRAPPED_BYTES)


class WrappedKey(NamedTuple):
    """A data key as stored. Queries that open rows of several cases select `COLUMNS` for it."""

    key_id: DataKeyId
    kek_id: str
    wrapped: bytes


COLUMNS = (data_key.c.id.label("key_id"), data_key.c.kek_id, data_key.c.wrapped)

# Built once: this query runs for each item of each scan.
_BY_ID = select(*COLUMNS).where(data_key.c.id == bindparam("key_id"))


def keyring_of(connection: Connection) -> Keyring:
    """Return the keyring of the connection's database."""
    keyring = connection.get_execution_options()[KEYRING]
    assert isinstance(keyring, Keyring)
    return keyring


def unwrap(connection: Connection, stored: WrappedKey) -> DataKey:
    """Return the data key from its stored form."""
    return keyring_of(connection).unwrap(stored.wrapped, kek_id=stored.kek_id, key_id=stored.key_id)


def are_there(connection: Connection) -> bool:
    """Return whether the database has a table of data keys; an old or empty one has none."""
    return inspect(connection).has_table(data_key.name)


def records(connection: Connection) -> DataKey:
    """Return the key for rows that belong to no case."""
    return unwrap(connection, _stored(connection, RECORDS))


def of_case(connection: Connection, case_id: CaseId) -> DataKey:
    """
    Return a case's key.

    Raises:
        UnknownRowError: If the case does not exist.
    """
    query = select(*COLUMNS).join(case, case.c.key_id == data_key.c.id).where(case.c.id == case_id)
    return unwrap(connection, _one(connection.execute(query).one_or_none()))


def of_content(connection: Connection, content_id: ContentId) -> DataKey:
    """
    Return the key of a content's case.

    Raises:
        UnknownRowError: If the content does not exist.
    """
    query = (
        select(*COLUMNS)
        .join(case, case.c.key_id == data_key.c.id)
        .join(content, content.c.case_id == case.c.id)
        .where(content.c.id == content_id)
    )
    return unwrap(connection, _one(connection.execute(query).one_or_none()))


def add(connection: Connection, key_id: DataKeyId | None = None) -> tuple[DataKeyId, DataKey]:
    """
    Store a new key, and return its id and the key.

    Without an id, the key gets a random one and is wrapped by the database's current key-encryption
    key. With an id, as for "records", it is wrapped by the first key of the source.
    """
    new_id, key = key_id or DataKeyId(random_id()), DataKey.new()
    kek = keyring_of(connection).first() if key_id else _current(connection)
    connection.execute(
        insert(data_key).values(id=new_id, kek_id=kek.id, wrapped=kek.wrap(key, key_id=new_id))
    )
    return new_id, key


def replace(connection: Connection, key_id: DataKeyId) -> DataKey:
    """Destroy a key by overwriting it with a new one, and return the new one."""
    key, kek = DataKey.new(), _current(connection)
    _put(connection, WrappedKey(key_id, kek.id, kek.wrap(key, key_id=key_id)))
    return key


def destroy(connection: Connection, key_id: DataKeyId) -> None:
    """Destroy a key, so that nobody can open what it sealed."""
    stored = _stored(connection, key_id)
    _put(connection, stored._replace(wrapped=_DESTROYED))


def count_strays(connection: Connection) -> int:
    """Return how many keys still work although they belong to no case and no day's candidates."""
    query = (
        select(func.count())
        .select_from(data_key)
        .outerjoin(case, case.c.key_id == data_key.c.id)
        .outerjoin(candidate_day, candidate_day.c.key_id == data_key.c.id)
        .where(
            case.c.id.is_(None),
            candidate_day.c.day.is_(None),
            data_key.c.id != RECORDS,
            data_key.c.wrapped != _DESTROYED,
        )
    )
    return connection.execute(query).scalar_one()


def rewrap(connection: Connection, kek: KeyEncryptionKey, limit: int) -> int:
    """
    Rewrap at most `limit` data keys under this key-encryption key; return how many were rewrapped.

    The key "records" comes first: from then on this key-encryption key wraps all new data keys too.
    """
    query = (
        select(*COLUMNS)
        .where(data_key.c.kek_id != kek.id, data_key.c.wrapped != _DESTROYED)
        .order_by(data_key.c.id != RECORDS, data_key.c.id)
        .limit(limit)
    )
    found = [WrappedKey(*each) for each in connection.execute(query)]
    for each in found:
        key = unwrap(connection, each)
        _put(connection, WrappedKey(each.key_id, kek.id, kek.wrap(key, key_id=each.key_id)))
    return len(found)


def count_not_under(connection: Connection, kek_id: str) -> int:
    """Return how many data keys are wrapped by a key-encryption key other than this one."""
    query = select(func.count()).where(
        data_key.c.kek_id != kek_id, data_key.c.wrapped != _DESTROYED
    )
    return connection.execute(query).scalar_one()


def current_kek_id(connection: Connection) -> str:
    """Return the id of the key-encryption key that wraps new data keys."""
    return _stored(connection, RECORDS).kek_id


def _current(connection: Connection) -> KeyEncryptionKey:
    # The database decides which key wraps, not the source: a running service that has not read its
    # source again must not go on wrapping with a key that a rotation is about to retire.
    query = select(data_key.c.kek_id).where(data_key.c.id == RECORDS)
    # On PostgreSQL this lock makes a rotation wait until the caller has wrapped its key. On SQLite
    # only one transaction writes at a time anyway.
    kek_id = connection.execute(query.with_for_update(read=True)).scalar_one()
    return keyring_of(connection).key(kek_id)


def _stored(connection: Connection, key_id: DataKeyId) -> WrappedKey:
    return _one(connection.execute(_BY_ID, {"key_id": key_id}).one_or_none())


def _put(connection: Connection, stored: WrappedKey) -> None:
    connection.execute(
        update(data_key)
        .where(data_key.c.id == stored.key_id)
        .values(kek_id=stored.kek_id, wrapped=stored.wrapped)
    )


def _one(row: Sequence[object] | None) -> WrappedKey:
    if row is None:
        raise UnknownRowError("No such data key.")
    return WrappedKey(*row)  # type: ignore[arg-type]
