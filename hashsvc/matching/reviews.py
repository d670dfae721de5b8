"""Analysts' reviews of matches: lists, verdicts and explanations."""

from enum import StrEnum

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.candidates import frames_of
from hashsvc.matching.comparing import Comparison, explain
from hashsvc.matching.contents import signatures_of
from hashsvc.matching.errors import AlreadyReviewedError, UnknownMatchError
from hashsvc.matching.suppressing import suppress
from hashsvc.store import Database, UnknownRowError, candidates, matches
from hashsvc.store.ids import KeyId, MatchId, OrganisationId, ScanId
from hashsvc.store.matches import Match


class MatchState(StrEnum):
    """The state of a match: not reviewed yet, or the analyst's verdict."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class Reason(StrEnum):
    """Why a match was dismissed."""

    OTHER_IMAGE = "other-image"
    """The image shows something else. No further matches with it are recorded."""

    OTHER = "other"
    """The image is, or may be, a copy, but the analyst leaves it where it is."""


class Reviews:
    """Lists matches for analysts and stores their verdicts."""

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
        quarantined: bool | None = None,
    ) -> list[Match]:
        """
        Return matches, newest first.

        Args:
            state: Only matches in this state; None for all states.

            scan_id: Only matches that this scan was the first to find; None for all scans.

            quarantined: True for only the matches in quarantine, False for only the others; None
                for both.
        """
        with self._database.read() as connection:
            return matches.search(
                connection,
                state=state,
                scan_id=scan_id,
                limit=limit,
                organisation_id=organisation_id,
                quarantined=quarantined,
            )

    def view(
        self, match_id: MatchId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Match:
        """
        Return one match.

        Args:
            organisation_id: The organisation that owns the match's case; None for any. The other
                methods use it in the same way.

        Raises:
            UnknownMatchError: If there is no such match.
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
        reason: Reason | None = None,
        everywhere: bool = False,
    ) -> Match:
        """
        Store an analyst's verdict and return the match with it.

        Giving the same verdict again changes nothing: the match keeps its first reviewer.

        Args:
            reason: Why the match is dismissed. After `other-image`, no further matches of the
                content with this image are recorded.

            everywhere: If True, no further matches with this image are recorded for any content of
                the organisation.

        Raises:
            UnknownMatchError: If there is no such match.

            AlreadyReviewedError: If the match already has the other verdict.
        """
        now = self._clock()
        with self._database.write() as connection:
            match = _match(connection, match_id, organisation_id)
            decided = matches.review(connection, match_id, state=verdict, reviewer=actor, now=now)
            if decided:
                deeds = [(f"match.{verdict}", str(match_id))]
                if verdict is MatchState.DISMISSED and reason is not None:
                    matches.dismiss_because(connection, match_id, reason)
                    if reason is Reason.OTHER_IMAGE:
                        made = suppress(
                            connection, match, everywhere=everywhere, actor=actor, now=now
                        )
                        deeds.append(("match.suppress", made))
                audit.record_all(connection, deeds, actor=actor, now=now)
        match = self.view(match_id, actor=actor, organisation_id=organisation_id)
        if match.state != verdict:
            raise AlreadyReviewedError(
                f"This match is already {match.state}. Only the first verdict counts."
            )
        return match

    def why(
        self, match_id: MatchId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> tuple[Match, Comparison | None]:
        """
        Return a match, and a new comparison of its content and candidate.

        The comparison is None if the candidate's signals are no longer kept.

        Raises:
            UnknownMatchError: If there is no such match.
        """
        match = self.view(match_id, actor=actor, organisation_id=organisation_id)
        with self._database.read() as connection:
            kept = candidates.find(connection, match.image_url, match.image_sha256)
            contents = signatures_of(connection, [match.content_id])
        if kept is None or match.content_id not in contents:
            return match, None
        compared = [explain(contents[match.content_id], each) for each in frames_of(kept.seen)]
        return match, min(compared, key=lambda each: each.evidence.rank)


def _match(
    connection: Connection, match_id: MatchId, organisation_id: OrganisationId | None
) -> Match:
    try:
        return matches.by_id(connection, match_id, organisation_id)
    except UnknownRowError as error:
        raise UnknownMatchError("There is no such match.") from error
