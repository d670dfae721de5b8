"""API keys and roles: who calls, and whether they may."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hashsvc import audit
from hashsvc.api.budgets import Budget
from hashsvc.api.callers import Caller, Role
from hashsvc.api.errors import ForbiddenError, UnauthorisedError
from hashsvc.api.services import Services
from hashsvc.clock import Clock
from hashsvc.store import Database, UnknownRowError, keys, organisations
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, OrganisationId, random_id
from hashsvc.store.keys import LiveKey

_PREFIX = "hsk_"
_bearer = HTTPBearer(auto_error=False, description="An API key, made by `hashsvc keys create`.")


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A new key and its token, which is shown this once."""

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
    Make a key; only the SHA-256 of its token is stored.

    Raises:
        UnknownRowError: If there is no such organisation.
    """
    token = _PREFIX + secrets.token_urlsafe(32)
    new = NewKey(KeyId(random_id()), role, token, organisation_id, expires_at)
    now = clock()
    with database.write() as connection:
        if not organisations.has_id(connection, organisation_id):
            raise UnknownRowError("No such organisation.")
        keys.add(
            connection,
            new.key_id,
            role=role,
            token_sha256=_digest(new.token),
            organisation_id=organisation_id,
            match_secret=secrets.token_bytes(32),
            expires_at=expires_at,
            now=now,
        )
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
    """
    A dependency that lets callers of some roles through; its `roles` are read by a test.

    Args:
        spends: The budget that a call is counted in; None when the route counts for itself.
    """

    def __init__(self, *roles: Role, spends: Budget | None = Budget.READS) -> None:
        self.roles = frozenset(roles)
        self._spends = spends

    def __call__(
        self,
        services: ServicesDep,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        if credentials is None:
            raise UnauthorisedError("This needs an API key: `Authorization: Bearer …`.")
        key = _live_key(services, credentials.credentials)
        if key.role not in self.roles:
            raise ForbiddenError(f"This is for keys of role {', '.join(sorted(self.roles))}.")
        if self._spends is not None:
            services.budgets.spend(self._spends, key.id)
        return Caller(key.id, Role(key.role), key.organisation_id, key.match_secret)


def _live_key(services: Services, token: str) -> LiveKey:
    now = services.clock()
    with services.database.read() as connection:
        try:
            key = keys.by_token(connection, _digest(token), now)
        except UnknownRowError as error:
            raise UnauthorisedError("The API key is unknown, expired or revoked.") from error
    today = now.astimezone(UTC).date().isoformat()
    if key.last_used_on != today:
        with services.database.write() as connection:
            keys.use(connection, key.id, today)
    return key


def roles_of(dependency: Callable[..., object] | None) -> frozenset[Role] | None:
    """Return the roles that a route's dependency lets through; None when it checks no role."""
    return dependency.roles if isinstance(dependency, _MayCall) else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


IntakeDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE))]
# Counts what is submitted, not calls.
SubmitterDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE, spends=None))]
CaseReaderDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE, Role.ANALYST))]
AnalystDep = Annotated[Caller, Depends(_MayCall(Role.ANALYST))]
ScanReaderDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST))]
ReporterDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST, spends=Budget.SCANS))]
LookupDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST, spends=Budget.LOOKUPS))]
ListerDep = Annotated[Caller, Depends(_MayCall(Role.ADMIN, Role.ANALYST))]
AdminDep = Annotated[Caller, Depends(_MayCall(Role.ADMIN))]
