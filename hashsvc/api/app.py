"""The application: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from hashsvc import web
from hashsvc.api import errors
from hashsvc.api.intake import SignalsOnly
from hashsvc.api.routes import admin, cases, matches, removal, scans
from hashsvc.api.schemas import HealthOut
from hashsvc.api.services import Services

_ABOUT = """
Finds re-uploads of intimate images spread without consent. Images are hashed on the machine of the
person shown, or of an analyst; this service takes and keeps **signals** only.

Every call but `/health` needs an API key of the role that it names: `Authorization: Bearer hsk_…`.
Errors are `application/problem+json`.
"""


def create_app(services: Services) -> FastAPI:
    """Return the application around running services; it starts and stops them."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.start()
        yield
        services.stop()

    app = FastAPI(
        title="hashsvc", version=version("hashsvc"), description=_ABOUT, lifespan=lifespan
    )
    app.state.services = services
    errors.install(app)
    app.add_middleware(SignalsOnly, max_bytes=services.settings.max_body_bytes)
    for module in (cases, scans, matches, removal, admin):
        app.include_router(module.router)
    app.include_router(web.status_page(services.database, services.bank_index))

    @app.get("/health", tags=["status"])
    def health() -> HealthOut:
        """Say that the service is up."""
        return HealthOut(status="up", version=app.version)

    return app
