"""
Cases and contents: opening, adding, withdrawing.

A case is a number and a PIN; a content is an opaque id, a quality and signals. Nothing else is
taken, and no image ever: they are hashed on the holder's machine.
"""

from hashsvc.bank.cases import MAX_CONTENTS, MAX_SIGNALS, Bank, CaseView, NewContent, OpenedCase
from hashsvc.bank.errors import (
    BankError,
    ContentExistsError,
    MinorError,
    NotSubmittableError,
    TooPlainError,
    UnknownCaseError,
    UnknownContentError,
)
from hashsvc.bank.numbers import is_case_number, new_case_number, new_pin

__all__ = [
    "MAX_CONTENTS",
    "MAX_SIGNALS",
    "Bank",
    "BankError",
    "CaseView",
    "ContentExistsError",
    "MinorError",
    "NewContent",
    "NotSubmittableError",
    "OpenedCase",
    "TooPlainError",
    "UnknownCaseError",
    "UnknownContentError",
    "is_case_number",
    "new_case_number",
    "new_pin",
]
