"""API keys and roles: who calls, and whether they may."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hashsvc import audit
from hashsvc.api.errors import ForbiddenError, UnauthorisedError
from hashsvc.api.services import Services
from hashsvc.clock import Clock
from hashsvc.store import Database, UnknownRowError, keys
from hashsvc.store.ids import KeyId, random_id

_PREFIX = "hsk_"
_bearer = HTTPBearer(auto_error=False, description="An API key, made by `hashsvc keys create`.")


class Role(StrEnum):
    """What a key is for. No role includes another."""

    INTAKE = "intake"
    ANALYST = "analyst"
    SCANNER = "scanner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request came with."""

    key_id: KeyId
    role: Role


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A new key and its token, which is shown this once."""

    key_id: KeyId
    role: Role
    token: str


def create_key(database: Database, role: Role, *, actor: str, clock: Clock) -> NewKey:
    """Make a key; only the SHA-256 of its token is stored."""
    new = NewKey(KeyId(random_id()), role, _PREFIX + secrets.token_urlsafe(32))
    now = clock()
    with database.write() as connection:
        keys.add(connection, new.key_id, role=role, token_sha256=_digest(new.token), now=now)
        audit.record(connection, actor=actor, action="key.create", subject=new.key_id, now=now)
    return new


def revoke_key(database: Database, key_id: KeyId, *, actor: str, clock: Clock) -> None:
    """
    Make a key useless from the next request on.

    Raises:
        UnknownRowError: If there is no such live key.
    """
    now = clock()
    with database.write() as connection:
        keys.revoke(connection, key_id, now)
        audit.record(connection, actor=actor, action="key.revoke", subject=key_id, now=now)


def services_of(request: Request) -> Services:
    """Return the parts of the service that this request is served by."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


class _MayCall:
    """A dependency that lets callers of some roles through; its `roles` are read by a test."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    def __call__(
        self,
        services: ServicesDep,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        if credentials is None:
            raise UnauthorisedError("This needs an API key: `Authorization: Bearer …`.")
        with services.database.read() as connection:
            try:
                key = keys.by_token(connection, _digest(credentials.credentials))
            except UnknownRowError as error:
                raise UnauthorisedError("The API key is unknown or was revoked.") from error
        if key.role not in self.roles:
            raise ForbiddenError(f"This is for keys of role {', '.join(sorted(self.roles))}.")
        return Caller(key.id, Role(key.role))


def roles_of(dependency: Callable[..., object] | None) -> frozenset[Role] | None:
    """Return the roles that a route's dependency lets through; None when it checks no role."""
    return dependency.roles if isinstance(dependency, _MayCall) else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


IntakeDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE))]
CaseReaderDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE, Role.ANALYST))]
AnalystDep = Annotated[Caller, Depends(_MayCall(Role.ANALYST))]
ReporterDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST))]
AdminDep = Annotated[Caller, Depends(_MayCall(Role.ADMIN))]
