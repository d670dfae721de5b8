"""What matching learns from: dismissed images, floods, lowest tiers; and why two images match."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import CaseNumber, Limit, OpaqueId
from hashsvc.api.schemas.feedback import (
    ComparisonIn,
    ComparisonOut,
    DismissedOut,
    HostLowestTierIn,
    HostLowestTierOut,
    LowestTierIn,
    LowestTierOut,
    QuarantineOut,
    SuppressionOut,
)
from hashsvc.matching import explain
from hashsvc.store.ids import PublicContentId, SuppressionId

router = APIRouter(prefix="/v1", tags=["feedback"])

Number = Annotated[CaseNumber, Path(max_length=20)]


@router.post("/comparisons", responses=problems(422))
def compare_signatures(
    body: ComparisonIn, caller: AnalystDep, services: ServicesDep
) -> ComparisonOut:
    """Compare two signatures as a scan does. Neither is kept, and nothing stored takes part."""
    compared = explain(body.first.signature(), body.second.signature())
    services.record(caller.key_id, "comparison.make", "2")
    return ComparisonOut.of(compared)


@router.get("/suppressions", responses=problems(422))
def list_suppressions(
    caller: AnalystDep, services: ServicesDep, limit: Limit = 100
) -> list[SuppressionOut]:
    """List images that were dismissed as other ones and are not reported, newest first."""
    found = services.suppressions.search(organisation_id=caller.organisation_id, limit=limit)
    ids = [each.id for each in found]
    services.record_list(caller.key_id, "match.list-suppressed", "match.read-suppressed", ids)
    return [SuppressionOut.of(each) for each in found]


@router.delete(
    "/suppressions/{suppression}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def remove_suppression(suppression: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Take a dismissal back. Its match is open again, and such images are reported again."""
    services.suppressions.take_back(
        SuppressionId(suppression), actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.get("/quarantine", responses=problems(422))
def list_quarantine(
    caller: AnalystDep, services: ServicesDep, limit: Limit = 100
) -> list[QuarantineOut]:
    """List contents that matched far more often than expected, those noticed last first."""
    found = services.quarantines.search(organisation_id=caller.organisation_id, limit=limit)
    ids = [each.content for each in found]
    services.record_list(caller.key_id, "content.list-quarantine", "content.read", ids)
    return [QuarantineOut.of(each) for each in found]


@router.post(
    "/quarantine/{content}/release",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def release_quarantine(content: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Let the matches of a content in quarantine be listed with the others."""
    services.quarantines.release(
        PublicContentId(content), actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.post("/quarantine/{content}/dismissal", responses=problems(404, 422))
def dismiss_quarantine(
    content: OpaqueId, caller: AnalystDep, services: ServicesDep
) -> DismissedOut:
    """Dismiss all waiting matches of a content in quarantine, and end that."""
    dismissed = services.quarantines.dismiss(
        PublicContentId(content), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return DismissedOut(dismissed=dismissed)


@router.get("/cases/{number}/lowest-tier", responses=problems(404, 422))
def read_lowest_tier(number: Number, caller: AnalystDep, services: ServicesDep) -> LowestTierOut:
    """Show the lowest tier that is reported for a case."""
    lowest = services.lowest_tiers.of_case(
        number, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return LowestTierOut(lowest_tier=lowest)


@router.put(
    "/cases/{number}/lowest-tier",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def set_lowest_tier(
    number: Number, body: LowestTierIn, caller: AnalystDep, services: ServicesDep
) -> None:
    """Report nothing below a tier for a case. Below it, matches are not stored."""
    services.lowest_tiers.set_for_case(
        number, body.lowest_tier, actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.get("/lowest-tiers", responses=problems())
def list_host_lowest_tiers(caller: AnalystDep, services: ServicesDep) -> list[HostLowestTierOut]:
    """List the hosts of which only some tiers are reported."""
    found = services.lowest_tiers.hosts(caller.organisation_id)
    services.record(caller.key_id, "host.list-lowest-tiers", str(len(found)))
    return [HostLowestTierOut.of(each) for each in found]


@router.put("/lowest-tiers", status_code=status.HTTP_204_NO_CONTENT, responses=problems(422))
def set_host_lowest_tier(body: HostLowestTierIn, caller: AnalystDep, services: ServicesDep) -> None:
    """Report nothing below a tier of a host. That holds for your organisation's cases, from now."""
    services.lowest_tiers.set_for_host(
        body.host,
        body.lowest_tier,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
