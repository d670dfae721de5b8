"""The routes, a module for each kind of thing; each names the roles that may call it."""

from typing import Any

_MEDIA = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int, key: bool = True) -> dict[int | str, dict[str, Any]]:
    """
    Document the errors of a route.

    Args:
        statuses: Those of its own, beside the ones that come before any route.

        key: Whether it needs an API key.
    """
    before = (401, 403, 413, 415, 429, 503) if key else (413, 415, 503)
    return {status: {"content": _MEDIA} for status in sorted({*before, *statuses})}
