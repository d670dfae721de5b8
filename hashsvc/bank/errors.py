"""
Errors of the bank room.

    BankError
    ├── MinorError            the person shown is or may be a minor
    ├── UnknownCaseError      no such case; also said of what is not the caller's
    ├── UnknownContentError   the case holds no such content
    ├── ContentExistsError    a content's id is taken
    ├── NotSubmittableError   the signals are not what a content has
    ├── TooPlainError         the image is too plain to match on
    ├── CommonImageError      the image is one that many have
    ├── UnknownLabelError     no image on a list has this label
    ├── UnknownHeldError      no content that waits has this id
    ├── WrongPinError         no case has this number and this PIN
    ├── TooManyGuessesError   wrong PINs: there is a wait before the next
    ├── UnknownExportError    no such request for an export, or it is over
    ├── NotApprovedError      what another person has to approve was not approved
    ├── UnknownResetError     no such request for a new PIN, or it is over
    └── SameKeyError          what takes two people was tried by one
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


class WrongPinError(BankError):
    """No case has this number and this PIN; which of the two is wrong is not told."""


class TooManyGuessesError(BankError):
    """Wrong PINs came before; the next one is looked at after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnknownResetError(BankError):
    """There is no such request for a new PIN, or it is over, or was used."""


class SameKeyError(BankError):
    """Two people are needed, and the same key came twice."""


class CommonImageError(BankError):
    """The image is one that many have, such as a logo."""


class UnknownLabelError(BankError):
    """No image on the list has this label."""


class UnknownPendingError(BankError):
    """No content that waits for an analyst has this id."""


class UnknownExportError(BankError):
    """There is no such request for an export, or it is over, or was used."""


class NotApprovedError(BankError):
    """Another person has to approve it first."""
