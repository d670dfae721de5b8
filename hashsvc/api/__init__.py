"""The HTTP API under /v1: application, routes, schemas and errors."""

from hashsvc.api.app import create_app
from hashsvc.api.services import Services

__all__ = ["Services", "create_app"]
