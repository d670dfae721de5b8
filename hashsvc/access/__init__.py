"""
Who may call, and how much: API keys, organisations, people's tokens, budgets, the walk guard.

It knows nothing of HTTP: the API turns its errors into answers, and the command line into messages.
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
