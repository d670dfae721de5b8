"""
Removal requests: notices to platforms, the states of a request, deadlines, and re-checks.

A request is raised for a match and asks one actor to remove the image at one URL. A notice names
the requests of one case to one actor. Re-checks use the scanner to see whether the image is gone.
"""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
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
    TypesettingError,
    UnknownLawError,
    UnknownPlatformError,
    UnknownRequestError,
    UnsureSendingError,
)
from hashsvc.removal.notices.formats import FORMATS
from hashsvc.removal.states import MOVES, Outcome, State

if TYPE_CHECKING:
    from hashsvc.removal.history import RequestView
    from hashsvc.removal.law.legal import Language
    from hashsvc.removal.platforms.entries import Basis, Platform, Registry, platform_of
    from hashsvc.removal.workflow.records import Records
    from hashsvc.removal.workflow.service import Removal
else:
    # Law data, templates and the scanner are loaded only when a name that uses them is imported.
    __getattr__ = lazy_names(
        __name__,
        {
            "history": "RequestView",
            "law.legal": "Language",
            "platforms.entries": "Basis Platform Registry platform_of",
            "workflow.records": "Records",
            "workflow.service": "Removal",
        },
    )

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
    "TypesettingError",
    "UnknownLawError",
    "UnknownPlatformError",
    "UnknownRequestError",
    "UnsureSendingError",
    "platform_of",
]
