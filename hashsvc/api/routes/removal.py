"""Removal requests: raised, moved on, re-checked."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import PlainTextResponse

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas import (
    Limit,
    MoveIn,
    OpaqueId,
    RecheckOut,
    RemovalBriefOut,
    RemovalIn,
    RemovalOut,
)
from hashsvc.removal import State
from hashsvc.store.ids import MatchId, RequestId

router = APIRouter(prefix="/v1/removal-requests", tags=["removal requests"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(404, 409, 422))
def raise_request(body: RemovalIn, caller: AnalystDep, services: ServicesDep) -> RemovalOut:
    """Draft the removal request for a confirmed match; asked again, the same one is shown."""
    return RemovalOut.of(services.removal.raise_for(MatchId(body.match), actor=caller.key_id))


@router.get("", responses=problems(422))
def list_requests(
    _caller: AnalystDep,
    services: ServicesDep,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    limit: Limit = 100,
) -> list[RemovalBriefOut]:
    """List removal requests, newest first."""
    found = services.removal.search(state=state, limit=limit)
    return [RemovalBriefOut.brief(each) for each in found]


@router.get("/{request}", responses=problems(404, 422))
def read_request(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> RemovalOut:
    """Show one request with its notice and its steps."""
    return RemovalOut.of(services.removal.view(RequestId(request), actor=caller.key_id))


@router.get("/{request}/notice", response_class=PlainTextResponse, responses=problems(404, 422))
def read_notice(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> Response:
    """Show the notice's text alone."""
    view = services.removal.view(RequestId(request), actor=caller.key_id)
    return PlainTextResponse(view.request.notice)


@router.post("/{request}/moves", responses=problems(404, 409, 422))
def move_request(
    request: OpaqueId, body: MoveIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Move a request on: approved, sent, receipted, refused."""
    moved = services.removal.move(RequestId(request), body.to, actor=caller.key_id)
    return RemovalOut.of(moved)


@router.post("/{request}/rechecks", responses=problems(404, 409, 422))
def recheck(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> RecheckOut:
    """Look now whether the image is still there. Two checks apart must agree that it is gone."""
    outcome, view = services.removal.recheck(RequestId(request), actor=caller.key_id)
    return RecheckOut(outcome=outcome, request=RemovalOut.of(view))
