"""Pending contents: an analyst must release or reject them before they are searched."""

from fastapi import APIRouter, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.lists import PendingContentOut
from hashsvc.store.ids import PublicContentId

router = APIRouter(prefix="/v1/pending-contents", tags=["pending contents"])


@router.get("", responses=problems(422))
def list_pending_contents(
    caller: AnalystDep, services: ServicesDep, limit: Limit = 100
) -> list[PendingContentOut]:
    """List pending contents, the longest waiting first. No search finds them."""
    found = services.pending.search(organisation_id=caller.organisation_id, limit=limit)
    ids = [each.content for each in found]
    services.record_list(caller.key_id, "content.list-pending", "content.read", ids)
    return [PendingContentOut.of(each) for each in found]


@router.post(
    "/{content}/release", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422)
)
def release_pending_content(content: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Release a pending content. The next search finds it."""
    services.pending.release(
        PublicContentId(content),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )


@router.post(
    "/{content}/rejection", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422)
)
def reject_pending_content(content: OpaqueId, caller: AnalystDep, services: ServicesDep) -> None:
    """Reject a pending content. It is deleted as if it had been withdrawn."""
    services.pending.reject(
        PublicContentId(content),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
