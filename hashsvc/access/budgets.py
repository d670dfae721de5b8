"""How much one key, or one address, may do in a minute or a day; counted in memory only."""

import math
import threading
import time
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from hashsvc.access.errors import TooManyCallsError
from hashsvc.settings import Settings


class Budget(StrEnum):
    """Kinds of calls that are counted apart."""

    LOOKUPS = "lookups"
    SUBMISSIONS = "submissions"
    SCANS = "scans"
    READS = "reads"


class Budgets:
    """The budgets of all callers of one process."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._of_keys = MovingWindowRateLimiter(MemoryStorage())
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
        # Forgets an address when its minute is over, as a moving window does not.
        self._of_addresses = FixedWindowRateLimiter(MemoryStorage())
        self._tries = _per_minute(settings.limit_holder_calls_per_minute, "calls with a PIN")

    def spend(self, budget: Budget, key: str, *, cost: int = 1) -> None:
        """
        Count something that a key does.

        Raises:
            TooManyCallsError: If it is more than the budget has left; nothing is counted then.
        """
        limits = self._limits[budget]
        with self._lock:
            for item, rule in limits:
                if not self._of_keys.test(item, key, cost=cost):
                    reset = self._of_keys.get_window_stats(item, key).reset_time
                    raise TooManyCallsError(
                        f"A key has at most {rule}.", retry_after_s=_seconds_until(reset)
                    )
            for item, _ in limits:
                self._of_keys.hit(item, key, cost=cost)

    def spend_at(self, address: str) -> None:
        """
        Count a call that came without a key.

        Raises:
            TooManyCallsError: If too many came from the same address.
        """
        item, rule = self._tries
        network = _network_of(address)
        if not self._of_addresses.hit(item, network):
            reset = self._of_addresses.get_window_stats(item, network).reset_time
            raise TooManyCallsError(
                f"From one address there are at most {rule}.", retry_after_s=_seconds_until(reset)
            )


def _per_minute(amount: int, what: str) -> tuple[RateLimitItem, str]:
    return RateLimitItemPerMinute(amount, namespace=what), f"{amount} {what} in a minute"


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))


def _network_of(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the first half of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
