"""
Errors of the matching room.

    MatchingError
    ├── UnknownMatchError      no such match
    └── AlreadyReviewedError   the match has the other verdict
"""


class MatchingError(Exception):
    """Base of every error raised by hashsvc.matching."""


class UnknownMatchError(MatchingError):
    """There is no such match."""


class AlreadyReviewedError(MatchingError):
    """The match was given the other verdict before."""
