"""
The append-only record of who did what to which id, each entry chained to the one before.

An entry holds an actor (a key's id or a part of the service), an action and an opaque id or a
count; never a signal, a URL or free text. Checkpoints are signed, and kept in a file of their own:
a witness outside who has a copy of it sees whether the log was written anew.
"""

from hashsvc.audit.checkpoints import Checkpoint, PublicKey, SigningKey
from hashsvc.audit.errors import (
    AuditError,
    BadProofError,
    BadSignatureError,
    BadTimestampError,
    BrokenChainError,
    MalformedError,
    NoTimestampsError,
)
from hashsvc.audit.log import record, record_all, verify
from hashsvc.audit.log_signer import LogSigner
from hashsvc.audit.proofs import Excerpt, ProvenEntry, prove
from hashsvc.audit.timestamps import Stamped, check_timestamp, stamp_by

__all__ = [
    "AuditError",
    "BadProofError",
    "BadSignatureError",
    "BadTimestampError",
    "BrokenChainError",
    "Checkpoint",
    "Excerpt",
    "LogSigner",
    "MalformedError",
    "NoTimestampsError",
    "ProvenEntry",
    "PublicKey",
    "SigningKey",
    "Stamped",
    "check_timestamp",
    "prove",
    "record",
    "record_all",
    "stamp_by",
    "verify",
]
