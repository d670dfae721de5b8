"""The HTTP interface under /v1: wiring, routes, schemas and errors."""

from hashsvc.api.app import create_app
from hashsvc.api.services import Services

__all__ = ["Services", "create_app"]
