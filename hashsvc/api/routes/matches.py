"""Suspected re-uploads, and the analyst's verdicts."""

from typing import Annotated

from fastapi import APIRouter, Query

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.matches import MatchOut, VerdictIn
from hashsvc.matching import MatchState
from hashsvc.store.ids import MatchId, ScanId

router = APIRouter(prefix="/v1/matches", tags=["matches"])


@router.get("", responses=problems(422))
def list_matches(
    caller: AnalystDep,
    services: ServicesDep,
    state: Annotated[MatchState | None, Query(description="Only in this state.")] = None,
    scan: Annotated[OpaqueId | None, Query(description="Only of this scan.")] = None,
    limit: Limit = 100,
) -> list[MatchOut]:
    """List matches, newest first."""
    scan_id = None if scan is None else ScanId(scan)
    found = services.reviews.search(
        state=state, scan_id=scan_id, limit=limit, organisation_id=caller.organisation_id
    )
    services.record_list(caller.key_id, "match.list", "match.read", [each.id for each in found])
    return [MatchOut.of(each) for each in found]


@router.get("/{match}", responses=problems(404, 422))
def read_match(match: OpaqueId, caller: AnalystDep, services: ServicesDep) -> MatchOut:
    """Show one match: where, how sure, and why."""
    found = services.reviews.view(
        MatchId(match), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return MatchOut.of(found)


@router.post("/{match}/verdict", responses=problems(404, 409, 422))
def decide(match: OpaqueId, body: VerdictIn, caller: AnalystDep, services: ServicesDep) -> MatchOut:
    """Confirm or dismiss a match. The verdict is remembered with the reviewer's key."""
    verdict = MatchState.CONFIRMED if body.confirmed else MatchState.DISMISSED
    decided = services.reviews.decide(
        MatchId(match), verdict, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return MatchOut.of(decided)
