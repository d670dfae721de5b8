"""
Removal requests: the notice to a platform, the states a request goes through, the re-checks.

Each is for one image URL and one actor, raised for a match; a notice names those of one case to one
actor. Re-checks look at the page through the scanner.
"""

from hashsvc.removal.errors import (
    BadBundleError,
    BadNoticeError,
    DataFileError,
    NoConsentError,
    NotConfirmedError,
    NotPossibleError,
    RemovalError,
    SendingError,
    TemplateError,
    UnknownLawError,
    UnknownPlatformError,
    UnknownRequestError,
)
from hashsvc.removal.history import RequestView
from hashsvc.removal.law.legal import Language
from hashsvc.removal.platforms.entries import Basis, Platform, Registry, platform_of
from hashsvc.removal.recheck import Outcome
from hashsvc.removal.states import MOVES, State
from hashsvc.removal.workflow.letters import FORMATS
from hashsvc.removal.workflow.records import Records
from hashsvc.removal.workflow.service import Removal

__all__ = [
    "FORMATS",
    "MOVES",
    "BadBundleError",
    "BadNoticeError",
    "Basis",
    "DataFileError",
    "Language",
    "NoConsentError",
    "NotConfirmedError",
    "NotPossibleError",
    "Outcome",
    "Platform",
    "Records",
    "Registry",
    "Removal",
    "RemovalError",
    "RequestView",
    "SendingError",
    "State",
    "TemplateError",
    "UnknownLawError",
    "UnknownPlatformError",
    "UnknownRequestError",
    "platform_of",
]
