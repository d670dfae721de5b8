"""
Errors of the audit room.

    AuditError
    ├── BrokenChainError     an entry was altered, removed or moved
    ├── BadSignatureError    a checkpoint or a bundle was not signed by this key
    ├── BadProofError        an entry of an excerpt was not in the signed log
    ├── BadTimestampError    a time stamp is of something else, or signed by nobody who is trusted
    ├── NoTimestampsError    the extra for time stamps is not installed
    └── MalformedError       a file is no export, no anchor or no key
"""


class AuditError(Exception):
    """Base of every error raised by hashsvc.audit."""


class BrokenChainError(AuditError):
    """An entry was altered, removed or moved; the message names the first one that is wrong."""


class BadSignatureError(AuditError):
    """What is said to be signed by this key was not, or was altered since."""


class BadProofError(AuditError):
    """An entry of an excerpt does not lead to what was signed; the message names it."""


class BadTimestampError(AuditError):
    """A time stamp is none, is of something else, or was signed by nobody who is trusted."""


class NoTimestampsError(AuditError):
    """What reads time stamps is an extra that is not installed."""


class MalformedError(AuditError):
    """A file is not what it should be; the message names the line."""
