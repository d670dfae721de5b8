"""Health checks and the status page."""

from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hashsvc import web
from hashsvc.api.auth import ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.admin import HealthOut, ReadyOut
from hashsvc.store import scans

router = APIRouter(tags=["status"])
_VERSION = version("hashsvc")


@router.get("/", include_in_schema=False, response_class=HTMLResponse)
def read_status_page(services: ServicesDep) -> str:
    """Return the status page. It needs no key."""
    services.bank_index.catch_up()
    with services.database.read() as connection:
        waiting = scans.count_waiting(connection)
    state, reason = services.scanning.renderer_state()
    return web.status_page(
        codes=len(services.bank_index),
        waiting=waiting,
        renderer=state.value,
        renderer_reason=reason,
    )


@router.get("/health", responses=problems(key=False))
def read_health() -> HealthOut:
    """Report that the service is up. No key is needed."""
    return HealthOut(status="up", version=_VERSION)


@router.get("/ready", responses=problems(key=False))
def read_readiness(services: ServicesDep) -> ReadyOut:
    """
    Report that the service is up and its database answers. Load balancers can poll this.

    A renderer that does not run is no failure: pages are then scanned without it.
    """
    services.database.ping()
    state, _ = services.scanning.renderer_state()
    return ReadyOut(status="up", version=_VERSION, renderer=state)
