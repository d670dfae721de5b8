"""People who sign in through an issuer; each has an API key, which stands for the person."""

from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import data_keys, rows
from hashsvc.store.ids import KeyId, OrganisationId
from hashsvc.store.keys import LiveKey
from hashsvc.store.tables import api_key, person

_LIVE = tuple(api_key.c[each.name] for each in fields(LiveKey))


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A person's key, and whether it was revoked."""

    key: LiveKey
    revoked: bool


def digest_of(connection: Connection, issuer: str, subject: str) -> bytes:
    """
    Return the digest that identifies a person, from the issuer and the issuer's name for them.

    The name may be an e-mail address or a telephone number, so it is not kept. Without the
    database's key nobody can test names against the digest.
    """
    return data_keys.records(connection).digest(f"person {issuer}\n{subject}")


def by_digest(connection: Connection, name_digest: bytes) -> Person | None:
    """Return the person with this digest; None if there is none."""
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
    """Store that a key stands for the person with this digest."""
    connection.execute(insert(person).values(key_id=key_id, name_digest=name_digest))


def assign(
    connection: Connection, key_id: KeyId, *, role: str, organisation_id: OrganisationId
) -> bool:
    """Set the role and organisation of a person's key; return False if there is no such key."""
    query = (
        update(api_key)
        .where(api_key.c.id == key_id)
        .values(role=role, organisation_id=organisation_id)
    )
    return rows.changed_one(connection.execute(query))
