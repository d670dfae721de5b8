"""What the person shown has agreed to; nothing is done for a case beyond it."""

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
"""Of the wording in docs/consents.md; each consent keeps the one that was agreed to."""


class ConsentKind(StrEnum):
    """What may be agreed to."""

    HASH = "hash"
    """That signals of the images are kept, and copies looked for; without it there is no case."""

    NOTIFY = "notify"
    """That platforms are asked to remove copies."""

    SHARE = "share"
    """That signals are given to StopNCII."""

    LITIGATE = "litigate"
    """That signals and addresses are laid before a court."""


FIRST_CONSENTS = frozenset({ConsentKind.HASH, ConsentKind.NOTIFY})
"""What whoever opens a case agrees to, if nothing else is said: it is what the service is for."""


class Consents:
    """The consents of all cases."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def view(
        self, number: str, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> list[Consent]:
        """
        Return a case's consents, oldest first, also withdrawn ones.

        Raises:
            UnknownCaseError: If there is no such case; here and below.
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
        """Record a consent to a version of its wording, and return all of the case."""
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
        Record that a consent is withdrawn, and return all of the case.

        What was done before stays done; what was not, is not any more.

        Raises:
            NotSubmittableError: If it is that without which there is no case.
        """
        if kind is ConsentKind.HASH:
            raise NotSubmittableError(
                "Without this consent there is no case: withdraw the case in its place."
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
    """Return whether a consent of a case holds."""
    return consents.holds(connection, case_id, kind)
