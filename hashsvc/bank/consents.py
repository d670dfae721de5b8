"""Consents: what the person shown has agreed to. They limit what the service does for a case."""

from enum import StrEnum

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank.errors import NotSubmittableError
from hashsvc.bank.finding import find_case
from hashsvc.clock import Clock, utc_now
from hashsvc.store import Database, consents
from hashsvc.store.consents import Consent
from hashsvc.store.ids import CaseId, KeyId, OrganisationId

CONSENT_VERSION = "1"
"""Version of the wording in docs/consents.md; each consent stores the version agreed to."""


class ConsentKind(StrEnum):
    """What the person shown may agree to."""

    HASH = "hash"
    """The service keeps signals of the images and looks for copies; every case needs this."""

    NOTIFY = "notify"
    """The service asks platforms to remove copies."""

    SHARE = "share"
    """The service gives signals to StopNCII."""

    LITIGATE = "litigate"
    """The service gives signals and addresses to a court."""


FIRST_CONSENTS = frozenset({ConsentKind.HASH, ConsentKind.NOTIFY})
"""The consents of a new case by default: what the service needs for its purpose."""


class Consents:
    """The consents of all cases."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def view(
        self, number: str, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> list[Consent]:
        """
        Return a case's consents, oldest first, including withdrawn ones.

        Raises:
            UnknownCaseError: If there is no such case. The other methods raise it too.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            self._record(connection, actor, "consent.read", number)
            return consents.of_case(connection, case.id)

    def give(
        self,
        number: str,
        kind: ConsentKind,
        *,
        version: str,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> list[Consent]:
        """Store a consent to a version of its wording, and return all consents of the case."""
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            consents.give(connection, case.id, kind=kind, version=version, day=self._today())
            self._record(connection, actor, f"consent.give-{kind}", number)
            return consents.of_case(connection, case.id)

    def withdraw(
        self,
        number: str,
        kind: ConsentKind,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> list[Consent]:
        """
        Store that a consent is withdrawn, and return all consents of the case.

        This undoes nothing that the service did before; it only stops the service from doing more.

        Raises:
            NotSubmittableError: If the kind is ConsentKind.HASH, which every case needs.
        """
        if kind is ConsentKind.HASH:
            raise NotSubmittableError(
                "Every case needs this consent. To take it back, withdraw the case."
            )
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            if consents.withdraw(connection, case.id, kind=kind, day=self._today()):
                self._record(connection, actor, f"consent.withdraw-{kind}", number)
            return consents.of_case(connection, case.id)

    def _today(self) -> str:
        return self._clock().date().isoformat()

    def _record(self, connection: Connection, actor: str, action: str, subject: str) -> None:
        audit.record(connection, actor=actor, action=action, subject=subject, now=self._clock())


def has_consent(connection: Connection, case_id: CaseId, kind: ConsentKind) -> bool:
    """Return whether a case's consent of this kind was given and not withdrawn."""
    return consents.holds(connection, case_id, kind)
