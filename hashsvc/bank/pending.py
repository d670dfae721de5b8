"""Pending contents, which resemble a protected image: an analyst releases or rejects each."""

from collections.abc import Sequence

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank.cases import Bank
from hashsvc.bank.errors import UnknownPendingError
from hashsvc.clock import Clock, utc_now
from hashsvc.store import Database, UnknownRowError, pending
from hashsvc.store.ids import KeyId, OrganisationId, PublicContentId
from hashsvc.store.pending import PendingContent


class PendingContents:
    """All pending contents; an analyst sees only those of the analyst's own organisation."""

    def __init__(self, database: Database, bank: Bank, clock: Clock = utc_now) -> None:
        self._database = database
        self._bank = bank
        self._clock = clock

    def search(self, *, organisation_id: OrganisationId, limit: int) -> Sequence[PendingContent]:
        """Return at most `limit` pending contents, longest pending first."""
        with self._database.read() as connection:
            return pending.search(connection, organisation_id, limit)

    def release(
        self, content: PublicContentId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        Release a content, so that the next search finds it.

        Raises:
            UnknownPendingError: If there is no such pending content. `reject` raises it too.
        """
        with self._database.write() as connection:
            found = _found(connection, content, organisation_id)
            pending.release(connection, found.content_id)
            audit.record(
                connection,
                actor=actor,
                action="content.release",
                subject=content,
                now=self._clock(),
            )

    def reject(
        self, content: PublicContentId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """Withdraw a content."""
        with self._database.write() as connection:
            found = _found(connection, content, organisation_id)
            audit.record(
                connection,
                actor=actor,
                action="content.reject",
                subject=content,
                now=self._clock(),
            )
        self._bank.withdraw_content(found.case, content, actor=actor)


def _found(
    connection: Connection, content: PublicContentId, organisation_id: OrganisationId
) -> PendingContent:
    try:
        return pending.by_content(connection, content, organisation_id)
    except UnknownRowError as error:
        raise UnknownPendingError("There is no such pending content.") from error
