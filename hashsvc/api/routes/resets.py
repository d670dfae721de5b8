"""New PINs for holders who lost theirs. One analyst requests a new PIN and another approves it."""

from fastapi import APIRouter, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.routes.cases import Number
from hashsvc.api.schemas.base import OpaqueId
from hashsvc.api.schemas.cases import NewPinOut, ResetOut
from hashsvc.store.ids import ResetId

router = APIRouter(prefix="/v1/cases", tags=["PIN resets"])


@router.post(
    "/{number}/pin-resets", status_code=status.HTTP_201_CREATED, responses=problems(404, 422)
)
def request_pin_reset(number: Number, caller: AnalystDep, services: ServicesDep) -> ResetOut:
    """Request a new PIN for a holder you have spoken to. Another analyst must approve it."""
    made = services.resets.request(
        number, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ResetOut(reset=made.reset_id, expires_at=made.expires_at)


@router.post("/{number}/pin-resets/{reset}/approval", responses=problems(404, 409, 422))
def approve_pin_reset(
    number: Number, reset: OpaqueId, caller: AnalystDep, services: ServicesDep
) -> NewPinOut:
    """Approve a new PIN that another analyst requested. The PIN is shown only once."""
    pin = services.resets.approve(
        number, ResetId(reset), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return NewPinOut(pin=pin)
