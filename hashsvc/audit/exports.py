"""
Exports of the log, which anybody can check.

Each line is one JSON object; the last line is a signed checkpoint.
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

PAGE = 1000
"""How many entries are read from the database at a time."""


def lines(connection: Connection, key: SigningKey, now: datetime) -> Iterator[str]:
    """
    Yield the lines of an export, without newlines.

    Raises:
        BrokenChainError: At the first entry that breaks the chain; a broken log is not signed.
    """
    chain, blinder = Chain(), key.blinder()
    while entries := audit_entries.page(connection, after=chain.seq, limit=PAGE):
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
    Return how many entries an export has, after checking all of them.

    Args:
        checkpoints: Checkpoints from an anchor file, which the export must agree with too. Their
            signatures are not checked here.

    Raises:
        MalformedError: If a line is not an entry, or the last line is not a checkpoint.

        BadSignatureError: If the checkpoint was signed by another key, or altered.

        BrokenChainError: At the first entry that breaks the chain, or is not what was signed.
    """
    chain = Chain(checkpoints)
    last: Any = None
    for number, line in enumerate(exported, start=1):
        # Follow an entry only when another line comes after it: the last line is not an entry but
        # the checkpoint.
        if last is not None:
            chain.follow(*_entry(last, number - 1))
        try:
            last = json.loads(line)
        except ValueError as error:
            raise MalformedError(f"Line {number} of the export is not JSON.") from error
    if not isinstance(last, dict) or "checkpoint" not in last:
        raise MalformedError("The export does not end with a checkpoint: its end is missing.")
    checkpoint = Checkpoint.parse(last["checkpoint"])
    key.check(checkpoint)
    if checkpoint.peaks is not None and chain.tree is None:
        raise MalformedError("The export lacks the blinds from which the signed tree was made.")
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
        raise MalformedError(f"Line {number} of the export is not an entry.") from error
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
