"""The application: wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from hashsvc import web
from hashsvc.api import batches, documentation, errors
from hashsvc.api.answers import SafeAnswers
from hashsvc.api.intake import SignalsOnly
from hashsvc.api.routes import (
    admin,
    cases,
    consents,
    dues,
    exports,
    feedback,
    held,
    holder,
    lists,
    matches,
    platforms,
    problems,
    records,
    removal,
    resets,
    scans,
    watches,
)
from hashsvc.api.schemas.admin import HealthOut
from hashsvc.api.services import Services

_ROUTES = (
    cases,
    consents,
    resets,
    holder,
    held,
    scans,
    watches,
    matches,
    feedback,
    removal,
    dues,
    records,
    platforms,
    lists,
    exports,
    admin,
)
_ABOUT = """
Finds re-uploads of intimate images spread without consent. Images are hashed on the machine of the
person shown, or of an analyst; this service takes and keeps **signals** only.

Every call needs an API key of the role that it names: `Authorization: Bearer hsk_…`; but for
`/health`, and for holders' calls, which need the case's number and PIN.
Errors are `application/problem+json`.
"""


def create_app(services: Services) -> FastAPI:
    """Return the application around running services; it starts and stops them."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        services.start()
        try:
            yield
        finally:
            services.stop()

    # Serves the documentation's scripts itself: FastAPI's own page loads them from a third party.
    app = FastAPIOffline(
        redoc_url=None,
        # FastAPI can record every path to a collector; a path may hold the number of a case.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        title="hashsvc",
        version=version("hashsvc"),
        description=_ABOUT,
        lifespan=lifespan,
    )
    app.state.services = services
    # A redirect would repeat the path and the query, to any host that the caller names.
    app.router.redirect_slashes = False
    errors.install(app)
    app.add_middleware(
        SignalsOnly,
        max_bytes=services.settings.max_body_bytes,
        texts={batches.PATH: batches.MEDIA_TYPES},
    )
    app.add_middleware(SafeAnswers)
    app.openapi_tags = [{"name": "status", "description": "Whether the service is up."}]
    for module in _ROUTES:
        app.include_router(module.router)
        app.openapi_tags.append({"name": module.router.tags[0], "description": module.__doc__})
    app.include_router(web.status_page(services.database, services.bank_index))

    @app.get("/health", tags=["status"], responses=problems(key=False))
    def health() -> HealthOut:
        """Say that the service is up. No key is needed."""
        return HealthOut(status="up", version=app.version)

    @app.get("/ready", tags=["status"], responses=problems(key=False))
    def ready() -> HealthOut:
        """Say that the database answers too, for what spreads calls over machines."""
        services.database.ping()
        return HealthOut(status="up", version=app.version)

    documentation.complete(app)
    return app
