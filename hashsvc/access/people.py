"""People who sign in at an OpenID Connect issuer and use its token instead of an API key."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from hashsvc import audit
from hashsvc.access.callers import Role
from hashsvc.access.errors import ForbiddenError, SetupError, UnauthorisedError
from hashsvc.access.keys import store_key
from hashsvc.clock import Clock
from hashsvc.settings import Settings
from hashsvc.store import Database, organisations, people
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, OrganisationId, random_id
from hashsvc.store.keys import LiveKey
from hashsvc.store.people import Person

if TYPE_CHECKING:
    from hashsvc.access.issuer import Issuer

_ACTOR = "oidc"
Grant = tuple[Role, OrganisationId]


class People:
    """
    The people who sign in at the issuer.

    A person's first sign-in creates a key that has no token. The key's random id stands for the
    person in the audit log and in verdicts, and the person's calls count against the key's budgets.
    Revoking the key locks the person out at once.

    Args:
        claim: The claim of the token that decides a person's role.

        grants: The role and organisation that each value of the claim grants.
    """

    def __init__(
        self,
        issuer: "Issuer",
        database: Database,
        clock: Clock,
        *,
        claim: str,
        grants: Mapping[str, Grant],
    ) -> None:
        self._issuer = issuer
        self._database = database
        self._clock = clock
        self._claim = claim
        self._grants = grants

    @classmethod
    def of(cls, settings: Settings, database: Database, clock: Clock) -> Self | None:
        """
        Return the people of the issuer in the settings; None if the settings name no issuer.

        Raises:
            SetupError: If a setting is missing or wrong, or the package joserfc is missing.
        """
        if settings.oidc_issuer is None:
            return None
        if settings.oidc_audience is None:
            raise SetupError("HASHSVC_OIDC_ISSUER also needs HASHSVC_OIDC_AUDIENCE. Set both.")
        try:
            from hashsvc.access.issuer import Issuer  # noqa: PLC0415 - joserfc is optional.
        except ImportError as error:
            raise SetupError(
                "HASHSVC_OIDC_ISSUER needs the package joserfc. Install the extra `oidc`."
            ) from error
        issuer = Issuer(
            settings.oidc_issuer,
            audience=settings.oidc_audience,
            max_age_s=settings.oidc_max_age_s,
            clock=clock,
        )
        grants = dict(_grant(each) for each in settings.oidc_grants)
        return cls(issuer, database, clock, claim=settings.oidc_claim, grants=grants)

    def enter(self, token: str) -> LiveKey:
        """
        Return the key of the person whom a token names. Create it at the first sign-in.

        Raises:
            UnauthorisedError: If the token is not valid, or the person's key was revoked.

            ForbiddenError: If the token grants no role here, or several.
        """
        claims = self._issuer.read(token)
        grant = self._grant_of(claims)
        with self._database.read() as connection:
            digest = people.digest_of(connection, self._issuer.url, claims["sub"])
            person = people.by_digest(connection, digest)
        if person is None or (person.key.role, person.key.organisation_id) != grant:
            person = self._enrol(digest, grant)
        if person.revoked:
            raise UnauthorisedError("The API key is unknown, expired or revoked.")
        return person.key

    def _grant_of(self, claims: Mapping[str, Any]) -> Grant:
        claimed = claims.get(self._claim)
        values = claimed if isinstance(claimed, list) else [claimed]
        found = {
            self._grants[each] for each in values if isinstance(each, str) and each in self._grants
        }
        if len(found) != 1:
            raise ForbiddenError(
                "The token must grant exactly one role here; it grants none or several."
            )
        return found.pop()

    def _enrol(self, digest: bytes, grant: Grant) -> Person:
        (role, organisation_id), now = grant, self._clock()
        with self._database.write() as connection:
            if not organisations.has_id(connection, organisation_id):
                raise ForbiddenError(
                    "The token grants a role in an organisation that does not exist here."
                )
            person = people.by_digest(connection, digest)
            if person is None:
                key_id, action = KeyId(random_id()), "key.create"
                store_key(connection, key_id, role, organisation_id=organisation_id, now=now)
                people.add(connection, key_id, digest)
            else:
                # A revoked key gets the new role too, but stays revoked.
                key_id, action = person.key.id, "key.assign"
                people.assign(connection, key_id, role=role, organisation_id=organisation_id)
            audit.record(connection, actor=_ACTOR, action=action, subject=key_id, now=now)
            found = people.by_digest(connection, digest)
        assert found is not None
        return found


def _grant(text: str) -> tuple[str, Grant]:
    """Return the claim value and the grant in `value=role` or `value=role@organisation`."""
    value, _, granted = text.rpartition("=")
    role, at, organisation = granted.partition("@")
    try:
        grant = Role(role), OrganisationId(organisation if at else DEFAULT_ORGANISATION)
    except ValueError as error:
        raise _bad_grant() from error
    if not value or (at and not organisation):
        raise _bad_grant()
    return value, grant


def _bad_grant() -> SetupError:
    roles: Iterable[str] = Role
    return SetupError(
        "HASHSVC_OIDC_GRANTS takes value=role or value=role@organisation. A role is one of "
        f"{', '.join(roles)}."
    )
