"""Keys and the audit log, for administrators; they see no case and no match."""

from fastapi import APIRouter, status

from hashsvc import audit
from hashsvc.api.auth import AdminDep, ServicesDep, create_key, revoke_key
from hashsvc.api.routes import problems
from hashsvc.api.schemas import AuditOut, KeyIn, KeyOut, NewKeyOut, OpaqueId
from hashsvc.store import keys
from hashsvc.store.ids import KeyId

router = APIRouter(prefix="/v1", tags=["administration"])


@router.post("/keys", status_code=status.HTTP_201_CREATED, responses=problems(422))
def make_key(body: KeyIn, caller: AdminDep, services: ServicesDep) -> NewKeyOut:
    """Make an API key. Its token is shown this once."""
    new = create_key(services.database, body.role, actor=caller.key_id, clock=services.clock)
    return NewKeyOut(key=new.key_id, role=new.role, token=new.token)


@router.get("/keys", responses=problems())
def list_keys(_caller: AdminDep, services: ServicesDep) -> list[KeyOut]:
    """List all keys, without their tokens."""
    with services.database.read() as connection:
        return [KeyOut.of(each) for each in keys.all_keys(connection)]


@router.delete("/keys/{key}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def drop_key(key: OpaqueId, caller: AdminDep, services: ServicesDep) -> None:
    """Revoke a key; it is useless from the next request on."""
    revoke_key(services.database, KeyId(key), actor=caller.key_id, clock=services.clock)


@router.get("/audit/verification", responses=problems(409))
def verify_audit(_caller: AdminDep, services: ServicesDep) -> AuditOut:
    """Check the audit log's chain from the first entry to the last."""
    with services.database.read() as connection:
        return AuditOut(entries=audit.verify(connection))
