"""Budgets: how much one key or address may do per minute or day, counted in memory only."""

import math
import threading
import time
from enum import StrEnum

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from hashsvc.access.addresses import subscriber_of
from hashsvc.access.errors import TooManyCallsError
from hashsvc.settings import Settings


class Budget(StrEnum):
    """Kinds of calls. Each has its own budget."""

    LOOKUPS = "lookups"
    SUBMISSIONS = "submissions"
    SCANS = "scans"
    READS = "reads"


class Budgets:
    """
    Counts what callers do in this process, and compares the counts with the callers' budgets.

    Args:
        address_storage: Where calls without a key are counted; a new storage if None.
    """

    def __init__(self, settings: Settings, *, address_storage: MemoryStorage | None = None) -> None:
        self._lock = threading.Lock()
        self._key_limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limits: dict[Budget, list[tuple[RateLimitItem, str]]] = {
            Budget.LOOKUPS: [
                _per_minute(settings.limit_lookups_per_minute, "lookups"),
                (
                    RateLimitItemPerDay(settings.limit_lookups_per_day, namespace="lookups"),
                    f"{settings.limit_lookups_per_day} lookups in a day",
                ),
            ],
            Budget.SUBMISSIONS: [
                _per_minute(settings.limit_submissions_per_minute, "cases and contents")
            ],
            Budget.SCANS: [_per_minute(settings.limit_scans_per_minute, "scans")],
            Budget.READS: [_per_minute(settings.limit_reads_per_minute, "other calls")],
        }
        # A fixed window forgets an address after its minute; a moving window would not.
        self._address_limiter = FixedWindowRateLimiter(address_storage or MemoryStorage())
        self._address_limit = _per_minute(
            settings.limit_holder_calls_per_minute, "calls with a PIN"
        )

    def spend(self, budget: Budget, key: str, *, cost: int = 1) -> None:
        """
        Count an action of a key against a budget.

        Args:
            cost: How much the action counts.

        Raises:
            TooManyCallsError: If less than `cost` is left of the budget. Nothing is counted then.
        """
        limits = self._limits[budget]
        with self._lock:
            for item, rule in limits:
                if not self._key_limiter.test(item, key, cost=cost):
                    reset = self._key_limiter.get_window_stats(item, key).reset_time
                    raise TooManyCallsError(
                        f"A key's budget is {rule}. Wait before trying again.",
                        retry_after_s=_seconds_until(reset),
                    )
            for item, _ in limits:
                self._key_limiter.hit(item, key, cost=cost)

    def spend_for_address(self, address: str) -> None:
        """
        Count a call without a key against its address.

        Raises:
            TooManyCallsError: If the address has made too many calls.
        """
        item, rule = self._address_limit
        subscriber = subscriber_of(address)
        if not self._address_limiter.hit(item, subscriber):
            reset = self._address_limiter.get_window_stats(item, subscriber).reset_time
            raise TooManyCallsError(
                f"An address's budget is {rule}. Wait before trying again.",
                retry_after_s=_seconds_until(reset),
            )


def _per_minute(amount: int, calls: str) -> tuple[RateLimitItem, str]:
    return RateLimitItemPerMinute(amount, namespace=calls), f"{amount} {calls} in a minute"


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))
