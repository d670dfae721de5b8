"""
Errors of the removal room.

    RemovalError
    ├── UnknownRequestError  no such request
    ├── NotConfirmedError    the match was not confirmed by an analyst
    ├── NotPossibleError     the request's state does not allow the step
    ├── DataFileError        a data file (platforms, law) breaks a rule
    ├── UnknownLawError      no such reference or deadline in the data, on that day
    ├── BadNoticeError       what a notice is to say breaks a rule
    └── TemplateError        a template cannot be used
"""


class RemovalError(Exception):
    """Base of every error raised by hashsvc.removal."""


class UnknownRequestError(RemovalError):
    """There is no such removal request."""


class NotConfirmedError(RemovalError):
    """Only a match that an analyst confirmed leads to a removal request."""


class NotPossibleError(RemovalError):
    """The request's state does not allow the step; the message names what it allows."""


class DataFileError(RemovalError):
    """A data file cannot be used; the message is one line: file, entry, rule."""


class UnknownLawError(RemovalError):
    """The data has no such reference or deadline, or none that applies on the day."""


class BadNoticeError(RemovalError):
    """A fact may not stand in a notice; the message gives the rule."""


class TemplateError(RemovalError):
    """A template cannot be used; the message names it and the rule."""
