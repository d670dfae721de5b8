"""The routes, a module for each kind of thing; each names the roles that may call it."""

from typing import Any

from hashsvc.api.schemas import Problem

_MEDIA = {"application/problem+json": {"schema": Problem.model_json_schema()}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the errors of a route, beside those that every route with a key has."""
    return {status: {"content": _MEDIA} for status in (401, 403, 413, 415, 422, *statuses)}
