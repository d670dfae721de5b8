"""
The append-only record of who did what to which id, each entry chained to the one before.

An entry holds an actor (a key's id or a part of the service), an action and an opaque id or a
count; never a signal, a URL or free text. Checkpoints are signed, and kept in a file of their own:
a witness outside who has a copy of it sees whether the log was written anew.
"""

from hashsvc.audit.checkpoints import Checkpoint, PublicKey, SigningKey
from hashsvc.audit.errors import AuditError, BadSignatureError, BrokenChainError, MalformedError
from hashsvc.audit.log import record, record_all, verify
from hashsvc.audit.witness import Witness

__all__ = [
    "AuditError",
    "BadSignatureError",
    "BrokenChainError",
    "Checkpoint",
    "MalformedError",
    "PublicKey",
    "SigningKey",
    "Witness",
    "record",
    "record_all",
    "verify",
]
