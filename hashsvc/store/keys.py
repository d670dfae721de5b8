"""API keys: only the SHA-256 of each token is stored."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from hashsvc.store import rows
from hashsvc.store.errors import UnknownRowError
from hashsvc.store.ids import KeyId
from hashsvc.store.tables import api_key


@dataclass(frozen=True, slots=True)
class Key:
    """What may be told of an API key: anything but the token."""

    id: KeyId
    role: str
    created_at: datetime
    revoked_at: datetime | None


_SHOWN = (api_key.c.id, api_key.c.role, api_key.c.created_at, api_key.c.revoked_at)


def add(
    connection: Connection, key_id: KeyId, *, role: str, token_sha256: bytes, now: datetime
) -> None:
    """Store a new key."""
    connection.execute(
        insert(api_key).values(id=key_id, role=role, token_sha256=token_sha256, created_at=now)
    )


def by_token(connection: Connection, token_sha256: bytes) -> Key:
    """
    Return the live key with this token.

    Raises:
        UnknownRowError: If there is none, or it was revoked.
    """
    query = select(*_SHOWN).where(
        api_key.c.token_sha256 == token_sha256, api_key.c.revoked_at.is_(None)
    )
    return rows.as_one(Key, connection.execute(query))


def all_keys(connection: Connection) -> list[Key]:
    """Return every key, oldest first, revoked ones too."""
    query = select(*_SHOWN).order_by(api_key.c.created_at, api_key.c.id)
    return rows.as_list(Key, connection.execute(query))


def count(connection: Connection) -> int:
    """Return how many keys were ever made."""
    return connection.execute(select(func.count()).select_from(api_key)).scalar_one()


def revoke(connection: Connection, key_id: KeyId, now: datetime) -> None:
    """
    Make a key useless from the next request on.

    Raises:
        UnknownRowError: If there is no such key, or it was revoked before.
    """
    changed = connection.execute(
        update(api_key)
        .where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if not rows.changed_one(changed):
        raise UnknownRowError("No such key.")
