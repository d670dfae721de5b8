"""Answers lookups with no more than the caller's role needs, and refuses callers that probe."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hashsvc import audit
from hashsvc.access.callers import Caller, Role
from hashsvc.access.errors import ProbingError
from hashsvc.access.walk_guard import WalkGuard
from hashsvc.clock import Clock
from hashsvc.matching import BankIndex, Evidence, Found, Tier
from hashsvc.signals import Signature
from hashsvc.store import Database, organisations
from hashsvc.store.ids import ContentId, PublicContentId
from hashsvc.store.organisations import Owned

_SHOWN_TO_ALL = frozenset({Tier.CERTAIN, Tier.LIKELY})


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """
    One content that a signature matches, with what the caller may know.

    Attributes:
        pseudonym: A name for the content, different for each key. It does not reveal the content.

        evidence: Findings within their threshold, for analysts of the content's organisation; None
            for other callers.
    """

    pseudonym: str
    tier: Tier
    evidence: dict[str, Any] | None


class Lookups:
    """Looks up signatures in the bank for callers of this process."""

    def __init__(
        self, database: Database, bank_index: BankIndex, walk_guard: WalkGuard, clock: Clock
    ) -> None:
        self._database = database
        self._bank_index = bank_index
        self._walk_guard = walk_guard
        self._clock = clock

    def look_up(self, caller: Caller, signature: Signature) -> list[LookupAnswer]:
        """
        Return the contents that a signature matches and the caller may know of, surest first.

        Raises:
            ProbingError: If the caller's lookups approach a banked code. The caller has to wait.
        """
        wait = self._walk_guard.wait_of(caller.key_id)
        if wait is not None:
            raise _probing(wait.total_seconds())
        found = self._bank_index.find(signature)
        with self._database.read() as connection:
            owned = organisations.owned(connection, [each.content_id for each in found])
        shown = [each for each in found if _may_know(caller, each, owned)]
        approached = self._walk_guard.follow(
            caller.key_id,
            signature,
            near=[each.content_id for each in found],
            shown=[each.content_id for each in shown],
        )
        if approached is not None:
            self._record(caller, "lookup.walk", self._public_id(approached))
            wait = self._walk_guard.wait_of(caller.key_id)
            raise _probing(wait.total_seconds() if wait is not None else 1)
        self._record(caller, "lookup.make", str(len(shown)))
        return [_answer(caller, each, owned[each.content_id]) for each in shown]

    def _public_id(self, content_id: ContentId) -> str:
        with self._database.read() as connection:
            content = organisations.owned(connection, [content_id]).get(content_id)
        return content.public_id if content is not None else "withdrawn"

    def _record(self, caller: Caller, action: str, subject: str) -> None:
        with self._database.write() as connection:
            audit.record(
                connection,
                actor=caller.key_id,
                action=action,
                subject=subject,
                now=self._clock(),
            )


def shown_evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return evidence without its findings beyond the threshold.

    Their distances would help the caller to reconstruct banked codes.
    """
    return {
        **evidence,
        "findings": [each for each in evidence["findings"] if each["matches"]],
    }


def _may_know(caller: Caller, found: Found, owned: Mapping[ContentId, Owned]) -> bool:
    # A content that is missing here was withdrawn after the search found it.
    if found.content_id not in owned:
        return False
    return _owns(caller, owned[found.content_id]) or found.evidence.tier in _SHOWN_TO_ALL


def _owns(caller: Caller, content: Owned) -> bool:
    return caller.role is Role.ANALYST and caller.organisation_id == content.organisation_id


def _answer(caller: Caller, found: Found, content: Owned) -> LookupAnswer:
    assert found.evidence.tier is not None
    return LookupAnswer(
        pseudonym=_pseudonym(caller, content.public_id),
        tier=found.evidence.tier,
        evidence=_shown(found.evidence) if _owns(caller, content) else None,
    )


def _shown(evidence: Evidence) -> dict[str, Any]:
    return shown_evidence(evidence.as_json())


def _pseudonym(caller: Caller, content: PublicContentId) -> str:
    return hmac.digest(caller.match_secret, content.encode(), hashlib.sha256).hex()[:32]


def _probing(seconds: float) -> ProbingError:
    return ProbingError(
        "Too many lookups with this key were nearly alike. The audit log has an entry about them. "
        "Wait before the next lookup.",
        retry_after_s=seconds,
    )
