"""The HTTP interface under /v1: wiring, routes, schemas, keys and errors."""

from hashsvc.api.app import create_app
from hashsvc.api.callers import Role
from hashsvc.api.errors import SetupError
from hashsvc.api.keys import create_key, revoke_key
from hashsvc.api.organisations import create_organisation
from hashsvc.api.services import Services

__all__ = [
    "Role",
    "Services",
    "SetupError",
    "create_app",
    "create_key",
    "create_organisation",
    "revoke_key",
]
