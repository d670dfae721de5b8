"""Matches (suspected re-uploads) and analysts' verdicts on them."""

from typing import Annotated

from fastapi import APIRouter, Query

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.feedback import WhyOut
from hashsvc.api.schemas.matches import MatchOut, VerdictIn
from hashsvc.matching import MatchState
from hashsvc.store.ids import MatchId, ScanId

router = APIRouter(prefix="/v1/matches", tags=["matches"])


@router.get("", responses=problems(422))
def list_matches(
    caller: AnalystDep,
    services: ServicesDep,
    state: Annotated[
        MatchState | None, Query(description="List only matches in this state.")
    ] = None,
    scan: Annotated[
        OpaqueId | None,
        Query(description="List only matches that this scan was the first to find."),
    ] = None,
    quarantined: Annotated[
        bool,
        Query(description="True: list only matches in quarantine. False: list only the others."),
    ] = False,
    limit: Limit = 100,
) -> list[MatchOut]:
    """List matches, newest first."""
    scan_id = None if scan is None else ScanId(scan)
    found = services.reviews.search(
        state=state,
        scan_id=scan_id,
        limit=limit,
        organisation_id=caller.organisation_id,
        quarantined=quarantined,
    )
    services.record_list(caller.key_id, "match.list", "match.read", [each.id for each in found])
    return [MatchOut.of(each) for each in found]


@router.get("/{match}", responses=problems(404, 422))
def read_match(match: OpaqueId, caller: AnalystDep, services: ServicesDep) -> MatchOut:
    """Show a match. It includes the URLs, the tier and the evidence."""
    found = services.reviews.view(
        MatchId(match), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return MatchOut.of(found)


@router.get("/{match}/actors", responses=problems(404, 422))
def list_actors(match: OpaqueId, caller: AnalystDep, services: ServicesDep) -> list[str]:
    """List who can be asked to remove a match's image, in the order in which to ask them."""
    return services.removal.actors(
        MatchId(match), actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.post("/{match}/verdict", responses=problems(404, 409, 422))
def review_match(
    match: OpaqueId, body: VerdictIn, caller: AnalystDep, services: ServicesDep
) -> MatchOut:
    """
    Confirm or dismiss a match. The verdict is stored with the reviewer's key.

    After the reason `other-image`, the service records no further matches of the content with this
    image, or with one similar to it.
    """
    verdict = MatchState.CONFIRMED if body.confirmed else MatchState.DISMISSED
    decided = services.reviews.decide(
        MatchId(match),
        verdict,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        reason=body.reason,
        everywhere=body.everywhere,
    )
    return MatchOut.of(decided)


@router.get("/{match}/why", responses=problems(404, 422))
def explain_match(match: OpaqueId, caller: AnalystDep, services: ServicesDep) -> WhyOut:
    """Compare a match's content and candidate again, if the candidate's signals are still kept."""
    _, compared = services.reviews.why(
        MatchId(match), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return WhyOut.of(compared)
