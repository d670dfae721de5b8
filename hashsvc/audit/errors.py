"""
Errors of the audit room.

    AuditError
    ├── BrokenChainError     an entry was altered, removed or moved
    ├── BadSignatureError    a checkpoint or a bundle was signed by another key, or altered
    ├── BadProofError        an entry of an excerpt was not in the signed log
    ├── BadTimestampError    a time stamp is invalid, or no trusted authority signed it
    ├── NoTimestampsError    the extra for time stamps is not installed
    └── MalformedError       a file is not an export, an anchor file or a key
"""


class AuditError(Exception):
    """Base of every error raised by hashsvc.audit."""


class BrokenChainError(AuditError):
    """An entry was altered, removed or moved; the message names the first wrong entry."""


class BadSignatureError(AuditError):
    """Something was signed by another key, or was altered after it was signed."""


class BadProofError(AuditError):
    """The proof of an excerpt's entry is wrong; the message names the entry."""


class BadTimestampError(AuditError):
    """A time stamp is unreadable, is for other bytes, or was not signed by a trusted authority."""


class NoTimestampsError(AuditError):
    """The extra that reads time stamps is not installed."""


class MalformedError(AuditError):
    """A file or a value has the wrong format; the message says which one, and in which line."""
