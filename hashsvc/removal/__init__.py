"""
Removal requests: the notice to a platform, the states a request goes through, the re-checks.

Each is raised for one confirmed match. Re-checks look at the page through the scanner.
"""

from hashsvc.removal.errors import (
    BadNoticeError,
    NotConfirmedError,
    NotPossibleError,
    RemovalError,
    UnknownRequestError,
)
from hashsvc.removal.legal import Language
from hashsvc.removal.platforms import platform_of
from hashsvc.removal.recheck import Outcome
from hashsvc.removal.requests import Removal, RequestView
from hashsvc.removal.states import MOVES, State

__all__ = [
    "MOVES",
    "BadNoticeError",
    "Language",
    "NotConfirmedError",
    "NotPossibleError",
    "Outcome",
    "Removal",
    "RemovalError",
    "RequestView",
    "State",
    "UnknownRequestError",
    "platform_of",
]
