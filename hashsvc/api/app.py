"""Builds the FastAPI application from the services, routes and middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from hashsvc.api import documentation, errors, scan_batches
from hashsvc.api.admission import Admission, most_bytes_of
from hashsvc.api.open_calls import OpenCalls
from hashsvc.api.request_bodies import SignalsOnly
from hashsvc.api.routes import (
    admin,
    cases,
    consents,
    deadlines,
    exports,
    feedback,
    holder,
    lists,
    matches,
    pending,
    platforms,
    records,
    removal,
    resets,
    scans,
    status,
    watches,
)
from hashsvc.api.safe_responses import SafeResponses
from hashsvc.api.services import Services

_ROUTES = (
    status,
    cases,
    consents,
    resets,
    holder,
    pending,
    scans,
    watches,
    matches,
    feedback,
    removal,
    deadlines,
    records,
    platforms,
    lists,
    exports,
    admin,
)
_ABOUT = """
Finds re-uploads of intimate images spread without consent. Images are hashed on the machine of the
person shown or of an analyst. This service takes and keeps **signals** only, never images.

Every call needs an API key, as `Authorization: Bearer hsk_…`. Each call's description names the
roles that a key may have. There are two exceptions: `/health` and `/ready` need no key, and
holders' calls need a case number and PIN.

A field named after a thing, such as `case`, `content`, `match` or `scan`, holds that thing's id.
Errors are `application/problem+json` (RFC 9457).
"""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.services.start()
    try:
        yield
    finally:
        app.state.services.stop()


def create_app(services: Services) -> FastAPI:
    """Return the application. It starts and stops the services together with itself."""
    # FastAPIOffline ships the scripts of /docs; FastAPI's own page loads them from a third party.
    app = FastAPIOffline(
        docs_url=None,
        redoc_url=None,
        # FastAPI can send every path to a collector, and a path may contain a case number.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        title="hashsvc",
        version=version("hashsvc"),
        description=_ABOUT,
        lifespan=_lifespan,
    )
    app.state.services = services
    # A redirect would point to the host in the request's Host header, and repeat path and query.
    app.router.redirect_slashes = False
    errors.install(app)
    # The last one is the outermost.
    app.add_middleware(OpenCalls, most=services.settings.limit_open_calls)
    app.add_middleware(
        SignalsOnly,
        most_bytes=most_bytes_of,
        longest_s=services.settings.max_body_s,
        texts={scan_batches.PATH: scan_batches.MEDIA_TYPES},
    )
    app.add_middleware(Admission)
    app.add_middleware(SafeResponses)
    app.openapi_tags = []
    for module in _ROUTES:
        app.include_router(module.router)
        app.openapi_tags.append({"name": module.router.tags[0], "description": module.__doc__})
    app.include_router(documentation.router)
    documentation.complete(app)
    return app
