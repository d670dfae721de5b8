"""The HTTP API under /v1: application, routes, schemas and errors."""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names

if TYPE_CHECKING:
    from hashsvc.api.app import create_app
    from hashsvc.api.services import Services
else:
    # FastAPI is imported only when one of these names is used.
    __getattr__ = lazy_names(
        __name__,
        {
            "app": "create_app",
            "services": "Services",
        },
    )

__all__ = ["Services", "create_app"]
