"""
The audit log: an append-only record of who did what to which id, as a hash chain.

An entry holds an actor (a key's id or a part of the service), an action, and an opaque id or a
count; never a signal, a URL or free text. The log signer signs checkpoints of the log and appends
them to the anchor file. A witness who has a copy of that file can tell whether the log was
rewritten.
"""

from typing import TYPE_CHECKING

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
from hashsvc.lazy import lazy_names

if TYPE_CHECKING:
    from hashsvc.audit.log import record, record_all, verify
    from hashsvc.audit.log_signer import LogSigner
    from hashsvc.audit.proofs import Excerpt, ProvenEntry, prove
    from hashsvc.audit.timestamps import Stamped, check_timestamp, stamp_by
else:
    # SQLAlchemy and the code for certificates are imported only when one of these names is used.
    __getattr__ = lazy_names(
        __name__,
        {
            "log": "record record_all verify",
            "log_signer": "LogSigner",
            "proofs": "Excerpt ProvenEntry prove",
            "timestamps": "Stamped check_timestamp stamp_by",
        },
    )

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
