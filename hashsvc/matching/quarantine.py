"""Notices a content that matches far more often than expected, and what analysts do then."""

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


def notice(
    connection: Connection, content_id: ContentId, *, flood_matches: int, now: datetime
) -> bool:
    """
    Put a content in quarantine when it has matched too often, and tell whether it just was.

    That is when more than `flood_matches` URLs were found in the last 24 hours, and ten times as
    many as in a mean day before. Of one flood there is one entry in the audit log.
    """
    goes_on, ended_at = quarantines.last_of(connection, content_id)
    if goes_on:
        return False
    # Whoever ended one has looked at what was found until then.
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
    """The contents in quarantine; each is shown to analysts of its case's organisation only."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def search(self, *, organisation_id: OrganisationId, limit: int) -> Sequence[Quarantine]:
        """Return them, those noticed last first."""
        with self._database.read() as connection:
            return quarantines.search(connection, organisation_id, limit)

    def release(
        self, content: PublicContentId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        Let the matches of a flood be listed with the others.

        Raises:
            NotQuarantinedError: If no such content is in quarantine; so below.
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
        """Dismiss all matches of a flood, end it, and return how many matches those were."""
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
