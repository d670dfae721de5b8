"""
Errors of the matching room.

    MatchingError
    ├── UnknownMatchError         no such match
    ├── AlreadyReviewedError      the match has the other verdict
    ├── NotQuarantinedError       no such content is in quarantine
    └── UnknownSuppressionError   no such dismissed image
"""


class MatchingError(Exception):
    """Base of every error raised by hashsvc.matching."""


class UnknownMatchError(MatchingError):
    """There is no such match."""


class AlreadyReviewedError(MatchingError):
    """The match was given the other verdict before."""


class NotQuarantinedError(MatchingError):
    """No such content is in quarantine."""


class UnknownSuppressionError(MatchingError):
    """There is no such dismissed image."""
