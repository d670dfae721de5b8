"""
Signatures against signatures: evidence, tiers, the search of the bank, analysts' verdicts.

`compare` weighs one content against one candidate. `BankIndex` finds, among all contents, those
worth comparing: it is a copy of the bank's codes in memory that follows the change feed.
"""

from hashsvc.matching.bank_index import BankIndex, Found
from hashsvc.matching.contents import signature_of
from hashsvc.matching.errors import AlreadyReviewedError, MatchingError, UnknownMatchError
from hashsvc.matching.evidence import Evidence, Finding, Tier, compare
from hashsvc.matching.reviews import MatchState, Reviews
from hashsvc.matching.screening import Screen

__all__ = [
    "AlreadyReviewedError",
    "BankIndex",
    "Evidence",
    "Finding",
    "Found",
    "MatchState",
    "MatchingError",
    "Reviews",
    "Screen",
    "Tier",
    "UnknownMatchError",
    "compare",
    "signature_of",
]
