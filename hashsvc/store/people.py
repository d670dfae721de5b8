"""People whom an issuer vouches for; each has a key, by which all else here knows them."""

from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.ids import KeyId, OrganisationId
from hashsvc.store.keys import LiveKey
from hashsvc.store.tables import api_key, person

_LIVE = tuple(api_key.c[each.name] for each in fields(LiveKey))


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Somebody's key, and whether it was revoked."""

    key: LiveKey
    revoked: bool


def digest_of(connection: Connection, issuer: str, subject: str) -> bytes:
    """
    Return what somebody is known by, from the name that the issuer gives them.

    The name may be an address or a telephone number: it is not kept, and without the database's key
    nobody can try names.
    """
    return data_keys.records(connection).digest(f"person {issuer}\n{subject}")


def by_digest(connection: Connection, name_digest: bytes) -> Person | None:
    """Return who is known by this digest; None when nobody is."""
    query = (
        select(*_LIVE, api_key.c.revoked_at)
        .join(person, person.c.key_id == api_key.c.id)
        .where(person.c.name_digest == name_digest)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    key = LiveKey(**{each.name: row[each.name] for each in fields(LiveKey)})
    return Person(key, row["revoked_at"] is not None)


def add(connection: Connection, key_id: KeyId, name_digest: bytes) -> None:
    """Let a key stand for somebody from now on."""
    connection.execute(insert(person).values(key_id=key_id, name_digest=name_digest))


def assign(
    connection: Connection, key_id: KeyId, *, role: str, organisation_id: OrganisationId
) -> bool:
    """Give somebody's key another role or organisation; False when there is no such key."""
    query = (
        update(api_key)
        .where(api_key.c.id == key_id)
        .values(role=role, organisation_id=organisation_id)
    )
    return rows.changed_one(connection.execute(query))
