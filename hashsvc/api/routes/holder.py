"""Calls for holders of cases. They need no API key: case number and PIN are in the body."""

from datetime import date

from fastapi import APIRouter, Depends, status

from hashsvc.access.budgets import Budget
from hashsvc.api.auth import COUNT_ADDRESS, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.holder import (
    HolderContentsIn,
    HolderIn,
    HolderOut,
    HolderWithdrawIn,
    RenewedOut,
)
from hashsvc.store.ids import PublicContentId

router = APIRouter(prefix="/v1/holder", tags=["holders"], dependencies=[Depends(COUNT_ADDRESS)])


@router.post("/state", responses=problems(404, 422, 429, key=False))
def read_holder_state(body: HolderIn, services: ServicesDep) -> HolderOut:
    """Show the state of a case. A wrong PIN and an unknown number get the same answer."""
    return HolderOut.of(services.holders.enter(body.number, body.pin).view())


@router.post(
    "/contents",
    status_code=status.HTTP_201_CREATED,
    responses=problems(404, 409, 422, 429, key=False),
)
def add_holder_contents(body: HolderContentsIn, services: ServicesDep) -> HolderOut:
    """Add contents to the holder's case. Send signals made on your machine, never images."""
    holder = services.holders.enter(body.number, body.pin)
    services.budgets.spend(Budget.SUBMISSIONS, f"case {holder.number}", cost=len(body.contents))
    holder.add_contents([each.new_content() for each in body.contents])
    return HolderOut.of(holder.view())


@router.post(
    "/withdraw",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422, 429, key=False),
)
def withdraw_as_holder(body: HolderWithdrawIn, services: ServicesDep) -> None:
    """Withdraw one content or the whole case. No search finds it again."""
    holder = services.holders.enter(body.number, body.pin)
    if body.content is None:
        holder.withdraw_case()
    else:
        holder.withdraw_content(PublicContentId(body.content))


@router.post("/renew", responses=problems(404, 422, 429, key=False))
def renew_case(body: HolderIn, services: ServicesDep) -> RenewedOut:
    """Renew the case. It then ends one full case lifetime from today."""
    ends_on = services.holders.enter(body.number, body.pin).renew()
    return RenewedOut(ends_on=date.fromisoformat(ends_on))
