"""
The log as a file that can be checked elsewhere: one JSON object a line, a signed checkpoint last.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hashsvc.audit.chain import Chain
from hashsvc.audit.checkpoints import Checkpoint, PublicKey, SigningKey, moment
from hashsvc.audit.errors import MalformedError
from hashsvc.audit.log import blind_of
from hashsvc.store import audit_entries
from hashsvc.store.audit_entries import AuditEntry

_PAGE = 1000


def lines(connection: Connection, key: SigningKey, now: datetime) -> Iterator[str]:
    """
    Yield the lines of an export, without their ends.

    Raises:
        BrokenChainError: At the first entry that does not follow: what is broken is not signed.
    """
    chain, blinder = Chain(), key.blinder()
    while entries := audit_entries.page(connection, after=chain.seq, limit=_PAGE):
        for entry in entries:
            blind = blind_of(entry, blinder)
            chain.follow(entry, blind)
            yield _dump(_as_json(entry) | {"blind": blind.hex()})
    assert chain.tree is not None
    signed = key.sign(chain.seq, chain.digest, now, chain.tree.peaks)
    yield _dump({"checkpoint": signed.as_json()})


def verify_lines(
    exported: Iterable[str], key: PublicKey, checkpoints: Iterable[Checkpoint] = ()
) -> int:
    """
    Return how many entries an export has, having checked all of them.

    Args:
        checkpoints: Further ones, of an anchor file; their signatures are taken for good.

    Raises:
        MalformedError: If a line is neither an entry nor, at the end, a checkpoint.

        BadSignatureError: If the checkpoint was signed by another key, or altered.

        BrokenChainError: At the first entry that does not follow, or is not what was signed.
    """
    chain = Chain(checkpoints)
    last: Any = None
    for number, line in enumerate(exported, start=1):
        # Whether a line is the last one shows when there is no other after it.
        if last is not None:
            chain.follow(*_entry(last, number - 1))
        try:
            last = json.loads(line)
        except ValueError as error:
            raise MalformedError(f"Line {number} of the export is no JSON.") from error
    if not isinstance(last, dict) or "checkpoint" not in last:
        raise MalformedError("The export does not end with a checkpoint: its end is missing.")
    checkpoint = Checkpoint.parse(last["checkpoint"])
    key.check(checkpoint)
    if checkpoint.peaks is not None and chain.tree is None:
        raise MalformedError("The export lacks the blinds of entries whose tree was signed.")
    chain.end(checkpoint)
    return chain.seq


def _entry(values: Any, number: int) -> tuple[AuditEntry, bytes | None]:
    """Return an entry and its blind; exports that are older than the tree have none."""
    try:
        entry = AuditEntry(
            seq=int(values["seq"]),
            at=datetime.fromisoformat(values["at"]),
            actor=str(values["actor"]),
            action=str(values["action"]),
            subject=str(values["subject"]),
            digest=bytes.fromhex(values["digest"]),
        )
        moment(entry.at)
        blind = bytes.fromhex(values["blind"]) if "blind" in values else None
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"Line {number} of the export is no entry.") from error
    return entry, blind


def _as_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": moment(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "digest": entry.digest.hex(),
    }


def _dump(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"))
