"""How many streams of events each key has open; counted in memory only."""

import threading
from collections import Counter

from hashsvc.access.errors import TooManyCallsError
from hashsvc.store.ids import KeyId

MOST_STREAMS = 4
"""Of one key at a time."""


class Streams:
    """How many streams each key has open in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[KeyId] = Counter()

    def enter(self, key_id: KeyId) -> None:
        """
        Count one more.

        Raises:
            TooManyCallsError: If there are as many as may be.
        """
        with self._lock:
            if self._open[key_id] >= MOST_STREAMS:
                raise TooManyCallsError(f"A key has at most {MOST_STREAMS} streams of events.")
            self._open[key_id] += 1

    def leave(self, key_id: KeyId) -> None:
        """Count one less."""
        with self._lock:
            self._open[key_id] -= 1
            self._open += Counter()
