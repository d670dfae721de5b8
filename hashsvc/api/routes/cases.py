"""Cases and their contents. Intake staff open, fill and withdraw them."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from hashsvc.access.budgets import Budget
from hashsvc.access.callers import Caller
from hashsvc.api.auth import CaseReaderDep, IntakeDep, ServicesDep, SubmitterDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import CaseNumber, OpaqueId
from hashsvc.api.schemas.cases import CaseOut, NewCaseIn, NewCaseOut
from hashsvc.api.schemas.signatures import ContentsIn
from hashsvc.api.services import Services
from hashsvc.store.ids import PublicContentId

router = APIRouter(prefix="/v1/cases", tags=["cases"])

Number = Annotated[CaseNumber, Path(max_length=20)]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(422))
def open_case(body: NewCaseIn, caller: SubmitterDep, services: ServicesDep) -> NewCaseOut:
    """Open a case. It needs no name, address or picture. The PIN is shown only once."""
    services.budgets.spend(Budget.SUBMISSIONS, caller.key_id)
    opened = services.bank.open_case(
        adult=body.adult,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        consented=body.consents,
    )
    return NewCaseOut.of(opened)


@router.get("/{number}", responses=problems(404, 422))
def read_case(number: Number, caller: CaseReaderDep, services: ServicesDep) -> CaseOut:
    """Show a case and its contents: ids, quality and dates. Signals are never shown."""
    return _view(number, caller, services)


@router.post(
    "/{number}/contents", status_code=status.HTTP_201_CREATED, responses=problems(404, 409, 422)
)
def add_contents(
    number: Number, body: ContentsIn, caller: SubmitterDep, services: ServicesDep
) -> CaseOut:
    """Add contents to a case. Send signals, never images: `hashsvc hash` makes them."""
    services.budgets.spend(Budget.SUBMISSIONS, caller.key_id, cost=len(body.contents))
    contents = [each.new_content() for each in body.contents]
    services.bank.add_contents(
        number, contents, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return _view(number, caller, services)


@router.delete(
    "/{number}/contents/{content}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def withdraw_content(
    number: Number, content: OpaqueId, caller: IntakeDep, services: ServicesDep
) -> None:
    """Withdraw a content. Its signals and matches are deleted, and no search finds it again."""
    services.bank.withdraw_content(
        number,
        PublicContentId(content),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )


@router.delete("/{number}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def withdraw_case(number: Number, caller: IntakeDep, services: ServicesDep) -> None:
    """Withdraw a case with all its contents."""
    services.bank.withdraw_case(number, actor=caller.key_id, organisation_id=caller.organisation_id)


def _view(number: str, caller: Caller, services: Services) -> CaseOut:
    view = services.bank.view(number, actor=caller.key_id, organisation_id=caller.organisation_id)
    return CaseOut.of(view)
