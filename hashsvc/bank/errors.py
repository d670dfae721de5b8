"""
Errors of the bank room.

    BankError
    ├── MinorError            the person shown is or may be a minor
    ├── UnknownCaseError      no such case, or it is another organisation's
    ├── UnknownContentError   the case has no such content
    ├── ContentExistsError    a content's id is taken
    ├── NotSubmittableError   a content or a listed image may not have these signals
    ├── TooPlainError         the image is too plain to match on
    ├── CommonImageError      the image is a common one, such as a logo
    ├── UnknownLabelError     no image on a list has this label
    ├── UnknownPendingError   no pending content has this id
    ├── WrongPinError         no case has this number and this PIN
    ├── TooManyGuessesError   there were too many wrong PINs; the next guess must wait
    ├── UnknownExportError    no such request for an export, or it has expired
    ├── NotApprovedError      a second person has not approved yet
    ├── UnknownResetError     no such request for a new PIN, or it has expired
    └── SameKeyError          an action needs two people; one person's keys were used
"""


class BankError(Exception):
    """Base of every error raised by hashsvc.bank."""


class MinorError(BankError):
    """The person shown is or may be a minor; the message says who helps instead."""


class UnknownCaseError(BankError):
    """There is no such case, or it belongs to another organisation."""


class UnknownContentError(BankError):
    """The case has no such content."""


class ContentExistsError(BankError):
    """A content's id is taken; the submitter's machine must choose random ids."""


class NotSubmittableError(BankError):
    """A content or a listed image may not have these signals, or a consent is needed."""


class TooPlainError(BankError):
    """The image is too plain to match on."""


class WrongPinError(BankError):
    """No case has this number and this PIN; the error does not say which of them is wrong."""


class TooManyGuessesError(BankError):
    """There were too many wrong PINs; the next one is checked after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnknownResetError(BankError):
    """There is no such request for a new PIN, or it has expired, or was approved before."""


class SameKeyError(BankError):
    """An action needs two people, and one person's keys were used for both."""


class CommonImageError(BankError):
    """The image is a common one, such as a logo."""


class UnknownLabelError(BankError):
    """No image on the list has this label."""


class UnknownPendingError(BankError):
    """No pending content has this id."""


class UnknownExportError(BankError):
    """There is no such request for an export, or it has expired, or was taken."""


class NotApprovedError(BankError):
    """A second person must approve this first."""
