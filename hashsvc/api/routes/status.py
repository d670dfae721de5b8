"""Whether the service is up."""

from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hashsvc import web
from hashsvc.api.auth import ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.admin import HealthOut
from hashsvc.store import scans

router = APIRouter(tags=["status"])
_VERSION = version("hashsvc")


@router.get("/", include_in_schema=False, response_class=HTMLResponse)
def read_status_page(services: ServicesDep) -> str:
    """Show people that the service works; no key is needed."""
    services.bank_index.catch_up()
    with services.database.read() as connection:
        waiting = scans.count_waiting(connection)
    return web.status_page(codes=len(services.bank_index), waiting=waiting)


@router.get("/health", responses=problems(key=False))
def read_health() -> HealthOut:
    """Say that the service is up. No key is needed."""
    return HealthOut(status="up", version=_VERSION)


@router.get("/ready", responses=problems(key=False))
def read_readiness(services: ServicesDep) -> HealthOut:
    """Say that the database answers too, for what spreads calls over machines."""
    services.database.ping()
    return read_health()
