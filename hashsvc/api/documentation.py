"""The page at /docs, and the OpenAPI document with roles, summaries and errors added."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic.json_schema import models_json_schema

from hashsvc.access.callers import Role
from hashsvc.api.auth import roles_of
from hashsvc.api.errors import Problem

router = APIRouter(include_in_schema=False)
_SCRIPTS = "/static-offline-docs"


# Don't use fastapi_offline's own page: its route keeps a reference to the application for ever.
@router.get("/docs")
def show_documentation(request: Request) -> HTMLResponse:
    """Return the interactive documentation. All its scripts come from this service."""
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="hashsvc",
        swagger_js_url=f"{root}{_SCRIPTS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_SCRIPTS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_SCRIPTS}/favicon.png",
    )


def complete(app: FastAPI) -> None:
    """Make the application add roles, summaries and errors to its OpenAPI document."""
    write = app.openapi
    known: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        nonlocal known
        # FastAPI returns the same document until the routes change.
        document = write()
        if document is not known:
            _complete(document, app)
            known = document
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any], app: FastAPI) -> None:
    _, problem = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"].update(problem["$defs"])
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods or ():
            operation = document["paths"][route.path][method.lower()]
            # The summary is the start of the docstring, up to the first punctuation mark.
            (operation["summary"],) = re.findall(r"^[^.,:;]+", operation["description"])
            operation["operationId"] = route.name
            if roles := sorted(set(_roles(route.dependant))):
                operation["description"] += f"\n\nFor keys of role {' or '.join(roles)}."


def _roles(dependant: Dependant) -> Iterator[Role]:
    yield from roles_of(dependant.call) or ()
    for each in dependant.dependencies:
        yield from _roles(each)
