"""
Errors of the removal room.

    RemovalError
    ├── UnknownRequestError  no such request
    ├── NotConfirmedError    the match was not confirmed by an analyst
    └── NotPossibleError     the request's state does not allow the step
"""


class RemovalError(Exception):
    """Base of every error raised by hashsvc.removal."""


class UnknownRequestError(RemovalError):
    """There is no such removal request."""


class NotConfirmedError(RemovalError):
    """Only a match that an analyst confirmed leads to a removal request."""


class NotPossibleError(RemovalError):
    """The request's state does not allow the step; the message names what it allows."""
