"""Puts contents that match far more often than expected into quarantine, and ends quarantines."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.errors import NotQuarantinedError
from hashsvc.store import Database, UnknownRowError, cases, matches, quarantines
from hashsvc.store.ids import ContentId, KeyId, OrganisationId, PublicContentId
from hashsvc.store.quarantines import Quarantine

_DAY = timedelta(days=1)
_TIMES_THE_MEAN = 10
_ACTOR = "floods"
_log = structlog.get_logger()


def quarantine_flood(
    connection: Connection, content_id: ContentId, *, flood_matches: int, now: datetime
) -> bool:
    """
    Put a content into quarantine if its matches are a flood. Return whether it was put there now.

    The matches are a flood if more than `flood_matches` URLs were found in the last 24 hours, and
    at least ten times as many as on an average day before that. The audit log gets one entry for
    each flood.
    """
    is_quarantined, ended_at = quarantines.last_of(connection, content_id)
    if is_quarantined:
        return False
    # The analyst who ended the last quarantine has seen all matches found until then.
    since = max(now - _DAY, ended_at) if ended_at is not None else now - _DAY
    older, new = quarantines.counts(connection, content_id, since)
    content = cases.content_by_id(connection, content_id)
    days = max(1, (since.astimezone(UTC).date() - date.fromisoformat(content.added_on)).days)
    if new <= flood_matches or new * days < _TIMES_THE_MEAN * older:
        return False
    if not quarantines.begin(connection, content_id, since=since, now=now):
        return False
    audit.record(
        connection, actor=_ACTOR, action="content.quarantine", subject=content.public_id, now=now
    )
    _log.warning("match.flood", content=content.public_id, matches=new)
    return True


class Quarantines:
    """The contents in quarantine. Only analysts of a case's organisation see its contents."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def search(self, *, organisation_id: OrganisationId, limit: int) -> Sequence[Quarantine]:
        """Return the contents in quarantine, the latest first."""
        with self._database.read() as connection:
            return quarantines.search(connection, organisation_id, limit)

    def release(
        self, content: PublicContentId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        End a content's quarantine. Its matches are listed with the others again.

        Raises:
            NotQuarantinedError: If no such content is in quarantine. `dismiss` raises it too.
        """
        now = self._clock()
        with self._database.write() as connection:
            found = _found(connection, content, organisation_id)
            quarantines.end(connection, found.content_id, now)
            audit.record(
                connection, actor=actor, action="content.unquarantine", subject=content, now=now
            )

    def dismiss(
        self, content: PublicContentId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> int:
        """Dismiss a content's quarantined matches, end its quarantine, and return their number."""
        now = self._clock()
        with self._database.write() as connection:
            found = _found(connection, content, organisation_id)
            dismissed = [
                each
                for each in quarantines.quarantined_matches(connection, found)
                if matches.review(connection, each, state="dismissed", reviewer=actor, now=now)
            ]
            quarantines.end(connection, found.content_id, now)
            deeds = [("content.unquarantine", str(content))]
            deeds += [("match.dismissed", str(each)) for each in dismissed]
            audit.record_all(connection, deeds, actor=actor, now=now)
        return len(dismissed)


def _found(
    connection: Connection, content: PublicContentId, organisation_id: OrganisationId
) -> Quarantine:
    try:
        return quarantines.by_content(connection, content, organisation_id)
    except UnknownRowError as error:
        raise NotQuarantinedError("No such content is in quarantine.") from error
