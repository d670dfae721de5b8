"""
Errors of hashsvc.access.

    AccessError
    ├── UnauthorisedError      the key or token is missing, unknown, expired or revoked
    ├── ForbiddenError         the caller's role does not allow the action
    ├── NameTakenError         another organisation has this name
    ├── BadNameError           the organisation's name is empty or too long
    ├── SetupError             a setting is wrong, or a package is missing
    └── TooManyCallsError      the budget of the key or address is spent
        └── ProbingError       the key's lookups approach a banked code
"""


class AccessError(Exception):
    """Base of every error raised by hashsvc.access."""


class UnauthorisedError(AccessError):
    """The key or token is missing, unknown, expired or revoked."""


class ForbiddenError(AccessError):
    """The caller's role does not allow this."""


class NameTakenError(AccessError):
    """Another organisation has this name."""


class BadNameError(AccessError):
    """The organisation's name is empty, too long, or has several lines."""


class SetupError(AccessError):
    """A setting is wrong, or a package that it needs is missing. The service does not start."""


class TooManyCallsError(AccessError):
    """
    A budget is spent.

    Attributes:
        retry_after_s: Seconds after which the caller may try again.
    """

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProbingError(TooManyCallsError):
    """Too many of a key's lookups were near one banked content: the key may be probing its code."""
