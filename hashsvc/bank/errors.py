"""
Errors of the bank room.

    BankError
    ├── MinorError            the person shown is or may be a minor
    ├── UnknownCaseError      no such case; also said of what is not the caller's
    ├── UnknownContentError   the case holds no such content
    ├── ContentExistsError    a content's id is taken
    ├── NotSubmittableError   the signals are not what a content has
    └── TooPlainError         the image is too plain to match on
"""


class BankError(Exception):
    """Base of every error raised by hashsvc.bank."""


class MinorError(BankError):
    """The person shown is or may be a minor; the message says who helps instead."""


class UnknownCaseError(BankError):
    """There is no such case."""


class UnknownContentError(BankError):
    """The case holds no such content."""


class ContentExistsError(BankError):
    """The id of a content is taken; ids are made at random on the submitter's machine."""


class NotSubmittableError(BankError):
    """The signals are not those of one image's whole view."""


class TooPlainError(BankError):
    """The image's quality is below what can be matched on."""
