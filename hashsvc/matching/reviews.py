"""What analysts say of suspected re-uploads."""

from enum import StrEnum

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.errors import AlreadyReviewedError, UnknownMatchError
from hashsvc.store import Database, UnknownRowError, matches
from hashsvc.store.ids import KeyId, MatchId, OrganisationId, ScanId
from hashsvc.store.matches import Match


class MatchState(StrEnum):
    """Whether an analyst has looked at a match, and what they said."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class Reviews:
    """The matches of the service, for analysts."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def search(
        self,
        *,
        state: MatchState | None,
        scan_id: ScanId | None,
        limit: int,
        organisation_id: OrganisationId | None = None,
    ) -> list[Match]:
        """Return matches, newest first, of one state or one scan when these are given."""
        with self._database.read() as connection:
            return matches.search(
                connection,
                state=state,
                scan_id=scan_id,
                limit=limit,
                organisation_id=organisation_id,
            )

    def view(
        self, match_id: MatchId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Match:
        """
        Return one match.

        Args:
            organisation_id: Whose case's match it has to be; here and below, None stands for any.

        Raises:
            UnknownMatchError: If there is none with this id.
        """
        with self._database.write() as connection:
            match = _match(connection, match_id, organisation_id)
            audit.record(
                connection,
                actor=actor,
                action="match.read",
                subject=match_id,
                now=self._clock(),
            )
            return match

    def decide(
        self,
        match_id: MatchId,
        verdict: MatchState,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> Match:
        """
        Record an analyst's verdict, and return the match with it.

        Saying the same again changes nothing; the first reviewer stays named.

        Raises:
            UnknownMatchError: If there is no such match.

            AlreadyReviewedError: If the other verdict was given before.
        """
        now = self._clock()
        with self._database.write() as connection:
            _match(connection, match_id, organisation_id)
            decided = matches.review(connection, match_id, state=verdict, reviewer=actor, now=now)
            if decided:
                audit.record(
                    connection, actor=actor, action=f"match.{verdict}", subject=match_id, now=now
                )
        match = self.view(match_id, actor=actor, organisation_id=organisation_id)
        if match.state != verdict:
            raise AlreadyReviewedError(f"This match was {match.state} before.")
        return match


def _match(
    connection: Connection, match_id: MatchId, organisation_id: OrganisationId | None
) -> Match:
    try:
        return matches.by_id(connection, match_id, organisation_id)
    except UnknownRowError as error:
        raise UnknownMatchError("There is no such match.") from error
