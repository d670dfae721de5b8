"""API keys: only the SHA-256 of each token is stored."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update

from hashsvc.store import rows
from hashsvc.store.errors import UnknownRowError
from hashsvc.store.ids import KeyId, OrganisationId
from hashsvc.store.tables import api_key, audit_entry, person


@dataclass(frozen=True, slots=True)
class Key:
    """
    What may be shown of an API key: everything except the token.

    Attributes:
        expires_at: When the key stops working; None if it works until it is revoked.

        last_used_on: The last day on which the key was used; the time is not kept.

        is_person: Whether the key stands for a person who signs in through an issuer. Such a key
            has no token.
    """

    id: KeyId
    role: str
    organisation_id: OrganisationId
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: str | None
    is_person: bool


@dataclass(frozen=True, slots=True, repr=False)
class LiveKey:
    """A key that works, with the fields that an API call needs."""

    id: KeyId
    role: str
    organisation_id: OrganisationId
    last_used_on: str | None
    match_secret: bytes


_LIVE = tuple(api_key.c[each.name] for each in fields(LiveKey))


def add(
    connection: Connection,
    key_id: KeyId,
    *,
    role: str,
    token_sha256: bytes,
    organisation_id: OrganisationId,
    match_secret: bytes,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Store a new key."""
    connection.execute(
        insert(api_key).values(
            id=key_id,
            role=role,
            token_sha256=token_sha256,
            organisation_id=organisation_id,
            match_secret=match_secret,
            expires_at=expires_at,
            created_at=now,
        )
    )


def by_token(connection: Connection, token_sha256: bytes, now: datetime) -> LiveKey:
    """
    Return the live key with this token.

    Raises:
        UnknownRowError: If no key has this token, or it was revoked or has expired.
    """
    query = select(*_LIVE).where(
        api_key.c.token_sha256 == token_sha256,
        api_key.c.revoked_at.is_(None),
        or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now),
    )
    return rows.as_one(LiveKey, connection.execute(query))


def use(connection: Connection, key_id: KeyId, day: str) -> None:
    """Store the day on which a key was last used."""
    connection.execute(update(api_key).where(api_key.c.id == key_id).values(last_used_on=day))


def all_keys(connection: Connection) -> list[Key]:
    """Return every key, oldest first, including revoked ones."""
    query = (
        select(
            *(api_key.c[each.name] for each in fields(Key) if each.name in api_key.c),
            person.c.key_id.is_not(None).label("is_person"),
        )
        .outerjoin(person, person.c.key_id == api_key.c.id)
        .order_by(api_key.c.created_at, api_key.c.id)
    )
    return rows.as_list(Key, connection.execute(query))


def lineage(connection: Connection, key_id: KeyId) -> set[KeyId]:
    """Return a key, the key that created it, that key's creator, and so on, from the audit log."""
    found: set[KeyId] = set()
    next_id: str | None = key_id
    while next_id is not None and next_id not in found:
        found.add(KeyId(next_id))
        maker = select(audit_entry.c.actor).where(
            audit_entry.c.action == "key.create", audit_entry.c.subject == next_id
        )
        # No key created the first one: somebody created it on the service's own machine.
        query = select(api_key.c.id).where(api_key.c.id.in_(maker))
        next_id = connection.execute(query).scalar_one_or_none()
    return found


def count(connection: Connection) -> int:
    """Return how many keys were ever created."""
    return connection.execute(select(func.count()).select_from(api_key)).scalar_one()


def revoke(connection: Connection, key_id: KeyId, now: datetime) -> None:
    """
    Revoke a key, so that it fails from the next request on.

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
