"""Routes, one module per subject. Each route names the roles that may call it."""

from typing import Any

_MEDIA = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int, key: bool = True) -> dict[int | str, dict[str, Any]]:
    """
    Return the documentation of a route's errors.

    Args:
        statuses: Statuses of the route's own errors. Those that any request can get are added.

        key: Whether the route needs an API key.
    """
    before = (401, 403, 408, 413, 415, 429, 503) if key else (408, 413, 415, 503)
    return {status: {"content": _MEDIA} for status in sorted({*before, *statuses})}
