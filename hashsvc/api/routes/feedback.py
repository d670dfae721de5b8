"""Calls that correct matching (suppressions, quarantine, lowest tiers) or compare images."""

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
    """Compare two signatures as a scan does. Neither is stored or compared with the bank."""
    compared = explain(body.first.signature(), body.second.signature())
    services.record(caller.key_id, "comparison.make", "2")
    return ComparisonOut.of(compared)


@router.get("/suppressions", responses=problems(422))
def list_suppressions(
    caller: AnalystDep, services: ServicesDep, limit: Limit = 100
) -> list[SuppressionOut]:
    """List dismissed images, newest first. Matches with them are not recorded again."""
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
    """
    Take back a dismissal.

    Its match is open again, and the service records matches with this image again.
    """
    services.suppressions.take_back(
        SuppressionId(suppression), actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.get("/quarantine", responses=problems(422))
def list_quarantine(
    caller: AnalystDep, services: ServicesDep, limit: Limit = 100
) -> list[QuarantineOut]:
    """List contents in quarantine, newest first. They matched far more often than expected."""
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
    """Release a content from quarantine. Its matches are listed with the others again."""
    services.quarantines.release(
        PublicContentId(content), actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.post("/quarantine/{content}/dismissal", responses=problems(404, 422))
def dismiss_quarantine(
    content: OpaqueId, caller: AnalystDep, services: ServicesDep
) -> DismissedOut:
    """Dismiss all waiting matches of a content in quarantine, and end its quarantine."""
    dismissed = services.quarantines.dismiss(
        PublicContentId(content), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return DismissedOut(dismissed=dismissed)


@router.get("/cases/{number}/lowest-tier", responses=problems(404, 422))
def read_lowest_tier(number: Number, caller: AnalystDep, services: ServicesDep) -> LowestTierOut:
    """Show the lowest tier of a case. Matches below it are not recorded."""
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
    """Set the lowest tier of a case. Matches below it are not recorded."""
    services.lowest_tiers.set_for_case(
        number, body.lowest_tier, actor=caller.key_id, organisation_id=caller.organisation_id
    )


@router.get("/lowest-tiers", responses=problems())
def list_host_lowest_tiers(caller: AnalystDep, services: ServicesDep) -> list[HostLowestTierOut]:
    """List the hosts that have a lowest tier."""
    found = services.lowest_tiers.hosts(caller.organisation_id)
    services.record(caller.key_id, "host.list-lowest-tiers", str(len(found)))
    return [HostLowestTierOut.of(each) for each in found]


@router.put("/lowest-tiers", status_code=status.HTTP_204_NO_CONTENT, responses=problems(422))
def set_host_lowest_tier(body: HostLowestTierIn, caller: AnalystDep, services: ServicesDep) -> None:
    """Set the lowest tier of a host, for future matches with your organisation's cases."""
    services.lowest_tiers.set_for_host(
        body.host,
        body.lowest_tier,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
