"""
Signatures against signatures: evidence, tiers, the search of the bank, analysts' verdicts.

`compare` weighs one content against one candidate. `BankIndex` finds, among all contents, those
worth comparing: it is a copy of the bank's codes in memory that follows the change feed. `Backward`
compares the other way round: contents that come in with candidates that were seen before them.
"""

from hashsvc.matching.bank_index import BankIndex, Found
from hashsvc.matching.candidates import sighted
from hashsvc.matching.comparing import Comparison, explain
from hashsvc.matching.contents import signature_of
from hashsvc.matching.errors import (
    AlreadyReviewedError,
    MatchingError,
    NotQuarantinedError,
    UnknownMatchError,
    UnknownSuppressionError,
)
from hashsvc.matching.evidence import Evidence, Finding, Tier, compare
from hashsvc.matching.quarantine import Quarantines
from hashsvc.matching.recording import LowestTiers, record_match
from hashsvc.matching.retroactive import RetroactiveMatcher
from hashsvc.matching.reviews import MatchState, Reason, Reviews
from hashsvc.matching.screening import Screen
from hashsvc.matching.suppressing import Suppressions

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
    "record_match",
    "sighted",
    "signature_of",
]
