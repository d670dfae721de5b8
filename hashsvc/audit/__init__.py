"""
The append-only record of who did what to which id, each entry chained to the one before.

An entry holds an actor (a key's id or a part of the service), an action and an opaque id;
never a signal, a URL or free text.
"""

from hashsvc.audit.log import AuditError, BrokenChainError, record, verify

__all__ = ["AuditError", "BrokenChainError", "record", "verify"]
