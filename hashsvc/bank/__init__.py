"""
Cases and contents: opening and renewing a case, adding and withdrawing contents, and expiry.

A case is a number and a PIN; a content is an opaque id, a quality and signals. The bank takes
nothing else, and never an image: images are hashed on the holder's machine.
"""

from typing import TYPE_CHECKING

from hashsvc.bank.errors import (
    BankError,
    CommonImageError,
    ContentExistsError,
    MinorError,
    NotApprovedError,
    NotSubmittableError,
    SameKeyError,
    TooManyGuessesError,
    TooPlainError,
    UnknownCaseError,
    UnknownContentError,
    UnknownExportError,
    UnknownLabelError,
    UnknownPendingError,
    UnknownResetError,
    WrongPinError,
)
from hashsvc.bank.numbers import is_case_number, new_case_number, new_pin, read_case_number
from hashsvc.lazy import lazy_names

if TYPE_CHECKING:
    from hashsvc.bank.cases import LIFETIME_DAYS, WARNED_DAYS, Bank, CaseView, OpenedCase
    from hashsvc.bank.common import CommonImage, common_images
    from hashsvc.bank.consents import (
        CONSENT_VERSION,
        FIRST_CONSENTS,
        ConsentKind,
        Consents,
        has_consent,
    )
    from hashsvc.bank.erasing import erase_again
    from hashsvc.bank.exports import Exports, RequestedExport
    from hashsvc.bank.finding import find_case
    from hashsvc.bank.holders import Holders, HolderView
    from hashsvc.bank.housekeeping import Housekeeping
    from hashsvc.bank.lists import ImageList, Listed, Lists
    from hashsvc.bank.pending import PendingContents
    from hashsvc.bank.proof import Proof, prove_withdrawn
    from hashsvc.bank.resets import RequestedReset, Resets
    from hashsvc.bank.submissions import MAX_CONTENTS, MAX_SIGNALS, NewContent
else:
    # SQLAlchemy and NumPy are imported only when one of these names is used.
    __getattr__ = lazy_names(
        __name__,
        {
            "cases": "LIFETIME_DAYS WARNED_DAYS Bank CaseView OpenedCase",
            "common": "CommonImage common_images",
            "consents": "CONSENT_VERSION FIRST_CONSENTS ConsentKind Consents has_consent",
            "erasing": "erase_again",
            "exports": "Exports RequestedExport",
            "finding": "find_case",
            "holders": "Holders HolderView",
            "housekeeping": "Housekeeping",
            "lists": "ImageList Listed Lists",
            "pending": "PendingContents",
            "proof": "Proof prove_withdrawn",
            "resets": "RequestedReset Resets",
            "submissions": "MAX_CONTENTS MAX_SIGNALS NewContent",
        },
    )

__all__ = [
    "CONSENT_VERSION",
    "FIRST_CONSENTS",
    "LIFETIME_DAYS",
    "MAX_CONTENTS",
    "MAX_SIGNALS",
    "WARNED_DAYS",
    "Bank",
    "BankError",
    "CaseView",
    "CommonImage",
    "CommonImageError",
    "ConsentKind",
    "Consents",
    "ContentExistsError",
    "Exports",
    "HolderView",
    "Holders",
    "Housekeeping",
    "ImageList",
    "Listed",
    "Lists",
    "MinorError",
    "NewContent",
    "NotApprovedError",
    "NotSubmittableError",
    "OpenedCase",
    "PendingContents",
    "Proof",
    "RequestedExport",
    "RequestedReset",
    "Resets",
    "SameKeyError",
    "TooManyGuessesError",
    "TooPlainError",
    "UnknownCaseError",
    "UnknownContentError",
    "UnknownExportError",
    "UnknownLabelError",
    "UnknownPendingError",
    "UnknownResetError",
    "WrongPinError",
    "common_images",
    "erase_again",
    "find_case",
    "has_consent",
    "is_case_number",
    "new_case_number",
    "new_pin",
    "prove_withdrawn",
    "read_case_number",
]
