"""
Errors of hashsvc.removal.

    RemovalError
    ├── UnknownRequestError  no such request
    ├── NotConfirmedError    the match was not confirmed by an analyst
    ├── NotPossibleError     the step is not possible, often because of the request's state
    ├── NoConsentError       the person shown has not agreed to the step
    ├── UnknownPlatformError the registry of platforms has no such entry
    ├── SendingError         a mail was not sent
    │   └── UnsureSendingError   nobody knows whether a mail was sent
    ├── DataFileError        a data file (platforms, law) breaks a rule
    ├── UnknownLawError      the law data has no such reference or deadline for that day
    ├── BadNoticeError       a notice must not contain this fact
    ├── BadBundleError       an evidence bundle breaks a rule
    ├── TypesettingError     the typesetter failed
    └── TemplateError        a template cannot be used
"""


class RemovalError(Exception):
    """Base of every error raised by hashsvc.removal."""


class UnknownRequestError(RemovalError):
    """There is no such removal request."""


class NotConfirmedError(RemovalError):
    """Only a match that an analyst confirmed leads to a removal request."""


class NotPossibleError(RemovalError):
    """The step is not possible, often because of the request's state. The message says why."""


class NoConsentError(RemovalError):
    """The case has no consent to the step; the message names the consent that is needed."""


class UnknownPlatformError(RemovalError):
    """The registry of platforms has no such entry."""


class SendingError(RemovalError):
    """A mail was not sent: `smtp_url` is wrong, or the mail server did not take the mail."""


class UnsureSendingError(SendingError):
    """The service handed a mail to the mail server, which did not say whether it accepted it."""


class DataFileError(RemovalError):
    """A data file cannot be used. The message is one line that names file, entry and rule."""


class UnknownLawError(RemovalError):
    """The law data has no such reference or deadline, or none that applies on that day."""


class BadNoticeError(RemovalError):
    """A notice must not contain this fact; the message gives the rule."""


class BadBundleError(RemovalError):
    """
    An evidence bundle breaks a rule.

    Attributes:
        file: The file that breaks the rule; "the archive" if no single file does.

        rule: The rule, or what is wrong.
    """

    def __init__(self, file: str, rule: str) -> None:
        super().__init__(f"{file}: {rule}.")
        self.file = file
        self.rule = rule


class TypesettingError(RemovalError):
    """The typesetter failed, because it has a fault that a text has met."""


class TemplateError(RemovalError):
    """A template cannot be used; the message names it and the rule."""
