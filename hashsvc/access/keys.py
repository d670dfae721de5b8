"""Creates and revokes API keys."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.access.callers import Role
from hashsvc.clock import Clock
from hashsvc.store import Database, UnknownRowError, keys, organisations
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, OrganisationId, random_id

PREFIX = "hsk_"
"""The beginning of every API key's token."""


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A new key and its token. The token is not stored, so it can be shown only once."""

    key_id: KeyId
    role: Role
    token: str
    organisation_id: OrganisationId
    expires_at: datetime | None


def create_key(
    database: Database,
    role: Role,
    *,
    actor: str,
    clock: Clock,
    organisation_id: OrganisationId = DEFAULT_ORGANISATION,
    expires_at: datetime | None = None,
) -> NewKey:
    """
    Create a key and return it with its token. Only the token's SHA-256 is stored.

    Raises:
        UnknownRowError: If the organisation does not exist.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    new = NewKey(KeyId(random_id()), role, token, organisation_id, expires_at)
    now = clock()
    with database.write() as connection:
        if not organisations.has_id(connection, organisation_id):
            raise UnknownRowError("No such organisation.")
        store_key(
            connection,
            new.key_id,
            role,
            token=token,
            organisation_id=organisation_id,
            expires_at=expires_at,
            now=now,
        )
        audit.record(connection, actor=actor, action="key.create", subject=new.key_id, now=now)
    return new


def store_key(
    connection: Connection,
    key_id: KeyId,
    role: Role,
    *,
    token: str | None = None,
    organisation_id: OrganisationId,
    expires_at: datetime | None = None,
    now: datetime,
) -> None:
    """Store a new key. If `token` is None, the key has no API token."""
    keys.add(
        connection,
        key_id,
        role=role,
        token_sha256=secrets.token_bytes(32) if token is None else digest_of(token),
        organisation_id=organisation_id,
        match_secret=secrets.token_bytes(32),
        expires_at=expires_at,
        now=now,
    )


def revoke_key(database: Database, key_id: KeyId, *, actor: str, clock: Clock) -> None:
    """
    Revoke a key. Every later request with it is refused.

    Raises:
        UnknownRowError: If there is no such key, or it is revoked already.
    """
    now = clock()
    with database.write() as connection:
        keys.revoke(connection, key_id, now)
        audit.record(connection, actor=actor, action="key.revoke", subject=key_id, now=now)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 digest that is stored in place of a token."""
    return hashlib.sha256(token.encode()).digest()
