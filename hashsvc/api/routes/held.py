"""Contents that are like a protected image: they wait until an analyst lets them in."""

from fastapi import APIRouter, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.lists import HeldOut
from hashsvc.store.ids import PublicContentId

router = APIRouter(prefix="/v1/held-contents", tags=["held contents"])


@router.get("", responses=problems(422))
def list_held(caller: AnalystDep, services: ServicesDep, limit: Limit = 100) -> list[HeldOut]:
    """List contents that wait, longest first. No search finds them meanwhile."""
    found = services.held.search(organisation_id=caller.organisation_id, limit=limit)
    ids = [each.content for each in found]
    services.record_list(caller.key_id, "content.list-held", "content.read", ids)
    return [HeldOut.of(each) for each in found]


@router.post(
    "/{content}/release", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422)
)
def release_content(content: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Let a content in; the next search finds it."""
    services.held.release(
        PublicContentId(content),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )


@router.post(
    "/{content}/rejection", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422)
)
def reject_content(content: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Reject a content: it is deleted, as if it had been withdrawn."""
    services.held.reject(
        PublicContentId(content),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
