"""What the person shown has agreed to. The service does nothing for a case beyond that."""

from typing import Annotated

from fastapi import APIRouter, Path

from hashsvc.api.auth import CaseReaderDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import CaseNumber
from hashsvc.api.schemas.consents import ConsentIn, ConsentOut
from hashsvc.bank import ConsentKind

router = APIRouter(prefix="/v1/cases/{number}/consents", tags=["consents"])

Number = Annotated[CaseNumber, Path(max_length=20)]


@router.get("", responses=problems(404, 422))
def list_consents(number: Number, caller: CaseReaderDep, services: ServicesDep) -> list[ConsentOut]:
    """List a case's consents, including withdrawn ones."""
    found = services.consents.view(
        number, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return [ConsentOut.of(each) for each in found]


@router.post("", responses=problems(404, 422))
def give_consent(
    number: Number, body: ConsentIn, caller: CaseReaderDep, services: ServicesDep
) -> list[ConsentOut]:
    """Record a consent."""
    found = services.consents.give(
        number,
        body.kind,
        version=body.version,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return [ConsentOut.of(each) for each in found]


@router.delete("/{kind}", responses=problems(404, 422))
def withdraw_consent(
    number: Number, kind: ConsentKind, caller: CaseReaderDep, services: ServicesDep
) -> list[ConsentOut]:
    """Withdraw a consent. The service then takes no further action that needs it."""
    found = services.consents.withdraw(
        number, kind, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return [ConsentOut.of(each) for each in found]
