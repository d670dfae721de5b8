"""
Errors of hashsvc.matching.

    MatchingError
    ├── UnknownMatchError         there is no such match
    ├── AlreadyReviewedError      the match already has the other verdict
    ├── NotQuarantinedError       the content is not in quarantine
    └── UnknownSuppressionError   there is no such suppression
"""


class MatchingError(Exception):
    """Base of every error raised by hashsvc.matching."""


class UnknownMatchError(MatchingError):
    """There is no such match."""


class AlreadyReviewedError(MatchingError):
    """The match already has the other verdict."""


class NotQuarantinedError(MatchingError):
    """The content does not exist, or is not in quarantine."""


class UnknownSuppressionError(MatchingError):
    """There is no such suppression."""
