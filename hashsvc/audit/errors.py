"""
Errors of the audit room.

    AuditError
    ├── BrokenChainError     an entry was altered, removed or moved
    ├── BadSignatureError    a checkpoint was not signed by this key
    └── MalformedError       a file is no export, no anchor or no key
"""


class AuditError(Exception):
    """Base of every error raised by hashsvc.audit."""


class BrokenChainError(AuditError):
    """An entry was altered, removed or moved; the message names the first one that is wrong."""


class BadSignatureError(AuditError):
    """A checkpoint was not signed by this key, or was altered since."""


class MalformedError(AuditError):
    """A file is not what it should be; the message names the line."""
