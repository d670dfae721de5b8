"""
Matching of candidates with contents: evidence, tiers, the index of the bank, verdicts.

`compare` compares one content with one candidate. `BankIndex` finds the contents that are worth
comparing: it is a copy of the bank's codes in memory that follows the change feed.
`RetroactiveMatcher` works the other way round: it compares new contents with kept candidates.
"""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
from hashsvc.matching.errors import (
    AlreadyReviewedError,
    MatchingError,
    NotQuarantinedError,
    UnknownMatchError,
    UnknownSuppressionError,
)

if TYPE_CHECKING:
    from hashsvc.matching.bank_index import BankIndex, Found
    from hashsvc.matching.candidates import sighted
    from hashsvc.matching.comparing import Comparison, explain, nearest_pair
    from hashsvc.matching.contents import signature_of
    from hashsvc.matching.evidence import Evidence, Finding, Tier, compare
    from hashsvc.matching.quarantine import Quarantines
    from hashsvc.matching.recording import LowestTiers, record_match
    from hashsvc.matching.retroactive import RetroactiveMatcher
    from hashsvc.matching.reviews import MatchState, Reason, Reviews
    from hashsvc.matching.screening import Screen
    from hashsvc.matching.suppressing import Suppressions
else:
    # Numba, FAISS and SQLAlchemy are imported only when one of these names is used.
    __getattr__ = lazy_names(
        __name__,
        {
            "bank_index": "BankIndex Found",
            "candidates": "sighted",
            "comparing": "Comparison explain nearest_pair",
            "contents": "signature_of",
            "evidence": "Evidence Finding Tier compare",
            "quarantine": "Quarantines",
            "recording": "LowestTiers record_match",
            "retroactive": "RetroactiveMatcher",
            "reviews": "MatchState Reason Reviews",
            "screening": "Screen",
            "suppressing": "Suppressions",
        },
    )

__all__ = [
    "AlreadyReviewedError",
    "BankIndex",
    "Comparison",
    "Evidence",
    "Finding",
    "Found",
    "LowestTiers",
    "MatchState",
    "MatchingError",
    "NotQuarantinedError",
    "Quarantines",
    "Reason",
    "RetroactiveMatcher",
    "Reviews",
    "Screen",
    "Suppressions",
    "Tier",
    "UnknownMatchError",
    "UnknownSuppressionError",
    "compare",
    "explain",
    "nearest_pair",
    "record_match",
    "sighted",
    "signature_of",
]
