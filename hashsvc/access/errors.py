"""
Errors of hashsvc.access: who may call, and how much.

    AccessError
    ├── UnauthorisedError      the key or token is missing, unknown, expired or revoked
    ├── ForbiddenError         the caller's role does not allow the call
    ├── NameTakenError         another organisation has this name
    ├── BadNameError           the organisation's name is empty or too long
    ├── SetupError             a setting is wrong; the service does not start
    └── TooManyCallsError      the budget of the key or address is spent
        └── ProbingError       the key's lookups move towards a banked code
"""


class AccessError(Exception):
    """Base of every error raised by hashsvc.access."""


class UnauthorisedError(AccessError):
    """There is no key, or none that is known."""


class ForbiddenError(AccessError):
    """The key's role may not do this."""


class NameTakenError(AccessError):
    """An organisation has this name."""


class BadNameError(AccessError):
    """An organisation's name is empty or too long."""


class SetupError(AccessError):
    """A setting is wrong, or a package for it is missing; the service does not start."""


class TooManyCallsError(AccessError):
    """A budget is spent; the answer says after how many seconds to try again."""

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProbingError(TooManyCallsError):
    """Too many lookups of a key were near one banked content."""
