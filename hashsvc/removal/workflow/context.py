"""Dependencies shared by everything that changes removal requests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank import ConsentKind, find_case, has_consent
from hashsvc.clock import Clock
from hashsvc.removal.errors import NoConsentError, UnknownRequestError
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.notices.fields import Host, OneLine
from hashsvc.removal.platforms.registry import Platforms, find
from hashsvc.removal.workflow.letters import Letters
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, requests
from hashsvc.store.ids import OrganisationId, RequestId
from hashsvc.store.notices import Notice


@dataclass(frozen=True, slots=True)
class RemovalContext:
    """The settings, database, registry of platforms, writer of notices, and source of the time."""

    settings: Settings
    database: Database
    platforms: Platforms
    letters: Letters
    clock: Clock

    @classmethod
    def build(cls, settings: Settings, database: Database, clock: Clock) -> Self:
        """
        Return the context for these settings and this database.

        Raises:
            DataFileError: If the law data or the registry of platforms cannot be used.

            BadNoticeError: If a notice must not contain one of the settings.
        """
        platforms = Platforms(settings, database, clock)
        return cls(settings, database, platforms, Letters(settings), clock)

    def view(
        self,
        connection: Connection,
        request_id: RequestId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        """
        Return one request with its steps and notices.

        Raises:
            UnknownRequestError: If there is no such request, or another organisation has it.
        """
        try:
            request = requests.by_id(connection, request_id, organisation_id)
        except UnknownRowError as error:
            raise UnknownRequestError("There is no such removal request.") from error
        (view,) = views_of(connection, [request])
        return view

    def recipient(self, connection: Connection, notice: Notice) -> OneLine | Host:
        """Return the name by which a notice addresses its platform."""
        entry = find(self.platforms.registry(connection), notice.platform)
        return Host(notice.platform) if entry.draft else OneLine(entry.name)

    def check_consent(self, connection: Connection, case: str, kind: ConsentKind) -> None:
        """
        Check that the person shown has agreed to a step.

        Raises:
            NoConsentError: If they have not.
        """
        if not has_consent(connection, find_case(connection, case).id, kind):
            raise NoConsentError(f"The case has no consent to this step: `{kind}` is needed.")

    def record(
        self, connection: Connection, actor: str, action: str, subject: str, now: datetime
    ) -> int:
        """Write an audit entry and return its number."""
        return audit.record(connection, actor=actor, action=action, subject=subject, now=now)
