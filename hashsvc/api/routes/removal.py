"""Removal requests: raised, moved on, re-checked."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import PlainTextResponse

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.callers import Caller
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.removal import (
    MoveIn,
    RecheckOut,
    RemovalBriefOut,
    RemovalIn,
    RemovalOut,
)
from hashsvc.api.services import Services
from hashsvc.removal import RequestView, State
from hashsvc.store.ids import MatchId, RequestId

router = APIRouter(prefix="/v1/removal-requests", tags=["removal requests"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(404, 409, 422))
def raise_request(body: RemovalIn, caller: AnalystDep, services: ServicesDep) -> RemovalOut:
    """Draft the removal request for a confirmed match; asked again, the same one is shown."""
    made = services.removal.raise_for(
        MatchId(body.match),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        language=body.language,
    )
    return RemovalOut.of(made)


@router.get("", responses=problems(422))
def list_requests(
    caller: AnalystDep,
    services: ServicesDep,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    limit: Limit = 100,
) -> list[RemovalBriefOut]:
    """List removal requests, newest first."""
    found = services.removal.search(
        state=state, limit=limit, organisation_id=caller.organisation_id
    )
    ids = [each.id for each in found]
    services.record_list(caller.key_id, "request.list", "request.read", ids)
    return [RemovalBriefOut.brief(each) for each in found]


@router.get("/{request}", responses=problems(404, 422))
def read_request(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> RemovalOut:
    """Show one request with its notice and its steps."""
    return RemovalOut.of(_view(request, caller, services))


@router.get("/{request}/notice", response_class=PlainTextResponse, responses=problems(404, 422))
def read_notice(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> Response:
    """Show the notice's text alone."""
    return PlainTextResponse(_view(request, caller, services).request.notice)


@router.post("/{request}/moves", responses=problems(404, 409, 422))
def move_request(
    request: OpaqueId, body: MoveIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Move a request on: approved, sent, receipted, refused."""
    moved = services.removal.move(
        RequestId(request), body.to, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return RemovalOut.of(moved)


@router.post("/{request}/rechecks", responses=problems(404, 409, 422))
def recheck(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> RecheckOut:
    """Look now whether the image is still there. Two checks apart must agree that it is gone."""
    outcome, view = services.removal.recheck(
        RequestId(request), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return RecheckOut(outcome=outcome, request=RemovalOut.of(view))


def _view(request: str, caller: Caller, services: Services) -> RequestView:
    return services.removal.view(
        RequestId(request), actor=caller.key_id, organisation_id=caller.organisation_id
    )
