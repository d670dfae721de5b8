"""
Checks of a request's headers and address: keys, issuers' tokens, roles and budgets.

A route names its checks as dependencies. `hashsvc/api/admission.py` runs them before it reads the
request's body, and keeps what they return.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from hashsvc.access.budgets import Budget
from hashsvc.access.callers import Caller, Role
from hashsvc.access.errors import ForbiddenError, UnauthorisedError
from hashsvc.access.keys import PREFIX, digest_of
from hashsvc.api.services import Services
from hashsvc.store import Database, UnknownRowError, keys
from hashsvc.store.keys import LiveKey

_bearer = HTTPBearer(
    auto_error=False,
    description="An API key made by `hashsvc keys create`, or a token of the OpenID Connect issuer "
    "in the service's settings.",
)


def services_of(request: Request) -> Services:
    """Return the services of the application that serves this request."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


ADMITTED = "hashsvc.admitted"
"""The entry of an ASGI scope that maps each passed check to the caller that it admitted."""


class Check:
    """A dependency that needs no body to decide whether a call may be made."""

    needs_key: ClassVar[bool]

    def admit(self, request: Request, services: Services) -> Caller | None:
        """
        Return the caller; None if the call needs no key.

        Raises:
            AccessError: If the call may not be made.
        """
        raise NotImplementedError

    def _passed(self, request: Request, services: Services) -> Caller | None:
        """Return what `admit` returned for this request; call `admit` if it was not called yet."""
        admitted: dict[Check, Caller | None] = request.scope.setdefault(ADMITTED, {})
        if self not in admitted:
            admitted[self] = self.admit(request, services)
        return admitted[self]


class _MayCall(Check):
    """
    Admits callers whose role is one of `roles`.

    Args:
        roles: The roles that may call.

        spends: The budget that a call is counted against; None if the route does the counting.
    """

    needs_key = True

    def __init__(self, *roles: Role, spends: Budget | None = Budget.READS) -> None:
        self.roles = frozenset(roles)
        self._spends = spends

    def __call__(
        self,
        request: Request,
        services: ServicesDep,
        # `admit` reads the header. This parameter only makes FastAPI document the header.
        _credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        caller = self._passed(request, services)
        assert caller is not None
        return caller

    def admit(self, request: Request, services: Services) -> Caller:
        """Return the caller whose key is in the header."""
        scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
        if scheme.lower() != "bearer" or not token:
            raise UnauthorisedError("This call needs an API key: `Authorization: Bearer …`.")
        key = _live_key(services, token)
        if key.role not in self.roles:
            raise ForbiddenError(f"This is for keys of role {', '.join(sorted(self.roles))}.")
        if self._spends is not None:
            services.budgets.spend(self._spends, key.id)
        return Caller(key.id, Role(key.role), key.organisation_id, key.match_secret)


class _CountAddress(Check):
    """Counts a call without a key against its address. Addresses stay in memory for a minute."""

    needs_key = False

    def __call__(self, request: Request, services: ServicesDep) -> None:
        self._passed(request, services)

    def admit(self, request: Request, services: Services) -> None:
        """Count the call."""
        services.budgets.spend_for_address(request.client.host if request.client else "unknown")


def _live_key(services: Services, token: str) -> LiveKey:
    now = services.clock()
    if services.people is not None and not token.startswith(PREFIX):
        key = services.people.enter(token)
    else:
        key = _key_of(services.database, token, now)
    today = now.astimezone(UTC).date().isoformat()
    if key.last_used_on != today:
        with services.database.write() as connection:
            keys.use(connection, key.id, today)
    return key


def _key_of(database: Database, token: str, now: datetime) -> LiveKey:
    with database.read() as connection:
        try:
            return keys.by_token(connection, digest_of(token), now)
        except UnknownRowError as error:
            raise UnauthorisedError("The API key is unknown, expired or revoked.") from error


def roles_of(dependency: Callable[..., object] | None) -> frozenset[Role] | None:
    """Return the roles that a route's dependency admits; None if it checks no role."""
    return dependency.roles if isinstance(dependency, _MayCall) else None


COUNT_ADDRESS = _CountAddress()
IntakeDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE))]
# The routes count submitted contents, not calls.
SubmitterDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE, spends=None))]
CaseReaderDep = Annotated[Caller, Depends(_MayCall(Role.INTAKE, Role.ANALYST))]
AnalystDep = Annotated[Caller, Depends(_MayCall(Role.ANALYST))]
ScanReaderDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST))]
ReporterDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST, spends=Budget.SCANS))]
LookupDep = Annotated[Caller, Depends(_MayCall(Role.SCANNER, Role.ANALYST, spends=Budget.LOOKUPS))]
ListerDep = Annotated[Caller, Depends(_MayCall(Role.ADMIN, Role.ANALYST))]
AdminDep = Annotated[Caller, Depends(_MayCall(Role.ADMIN))]
