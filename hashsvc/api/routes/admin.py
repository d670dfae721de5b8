"""Organisations, API keys and the audit log. Administrators see no cases and no matches."""

from datetime import timedelta

from fastapi import APIRouter, status

from hashsvc import access
from hashsvc.api.auth import AdminDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.admin import (
    AuditOut,
    KeyIn,
    KeyOut,
    NewKeyOut,
    OrganisationIn,
    OrganisationOut,
)
from hashsvc.api.schemas.base import OpaqueId
from hashsvc.store import keys, organisations
from hashsvc.store.ids import KeyId, OrganisationId

router = APIRouter(prefix="/v1", tags=["administration"])


@router.post("/organisations", status_code=status.HTTP_201_CREATED, responses=problems(409, 422))
def create_organisation(
    body: OrganisationIn, caller: AdminDep, services: ServicesDep
) -> OrganisationOut:
    """Create an organisation. Its analysts see its own cases and no others."""
    made = access.create_organisation(
        services.database, body.name, actor=caller.key_id, clock=services.clock
    )
    return OrganisationOut.of(made)


@router.get("/organisations", responses=problems())
def list_organisations(_caller: AdminDep, services: ServicesDep) -> list[OrganisationOut]:
    """List all organisations, oldest first."""
    with services.database.read() as connection:
        found = organisations.all_organisations(connection)
    return [OrganisationOut.of(each) for each in found]


@router.post("/keys", status_code=status.HTTP_201_CREATED, responses=problems(404, 422))
def create_key(body: KeyIn, caller: AdminDep, services: ServicesDep) -> NewKeyOut:
    """Create an API key. Its token is shown only once."""
    days = body.expires_in_days
    new = access.create_key(
        services.database,
        body.role,
        actor=caller.key_id,
        clock=services.clock,
        organisation_id=OrganisationId(body.organisation),
        expires_at=None if days is None else services.clock() + timedelta(days=days),
    )
    return NewKeyOut(
        key=new.key_id,
        role=new.role,
        organisation=new.organisation_id,
        expires_at=new.expires_at,
        token=new.token,
    )


@router.get("/keys", responses=problems())
def list_keys(caller: AdminDep, services: ServicesDep) -> list[KeyOut]:
    """List all keys, without their tokens."""
    with services.database.read() as connection:
        found = keys.all_keys(connection)
    services.record(caller.key_id, "key.list", str(len(found)))
    return [KeyOut.of(each) for each in found]


@router.delete("/keys/{key}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def revoke_key(key: OpaqueId, caller: AdminDep, services: ServicesDep) -> None:
    """Revoke a key. Every later request with it is refused."""
    access.revoke_key(services.database, KeyId(key), actor=caller.key_id, clock=services.clock)


@router.get("/audit/verification", responses=problems(409))
def verify_audit(caller: AdminDep, services: ServicesDep) -> AuditOut:
    """Check the audit log's hash chain from the first entry to the last, and its checkpoints."""
    entries = services.log_signer.verify()
    services.record(caller.key_id, "audit.verify", str(entries))
    return AuditOut(entries=entries)
