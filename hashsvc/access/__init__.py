"""
Who may use the service and how much: keys, organisations, sign-in, budgets, lookups, walk guard.

Nothing here depends on HTTP. The API turns the errors into responses, and the command line turns
them into messages.
"""

from hashsvc.access.callers import Caller, Role
from hashsvc.access.errors import (
    AccessError,
    BadNameError,
    ForbiddenError,
    NameTakenError,
    ProbingError,
    SetupError,
    TooManyCallsError,
    UnauthorisedError,
)
from hashsvc.access.keys import NewKey, create_key, revoke_key
from hashsvc.access.organisations import create_organisation

__all__ = [
    "AccessError",
    "BadNameError",
    "Caller",
    "ForbiddenError",
    "NameTakenError",
    "NewKey",
    "ProbingError",
    "Role",
    "SetupError",
    "TooManyCallsError",
    "UnauthorisedError",
    "create_key",
    "create_organisation",
    "revoke_key",
]
