"""Limits how many event streams each key has open. Each process counts its own in memory."""

import threading
from collections import Counter

from hashsvc.access.errors import TooManyCallsError
from hashsvc.store.ids import KeyId

MOST_STREAMS = 4
"""Most streams that one key may have open at once."""


class Streams:
    """Counts the event streams that each key has open in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[KeyId] = Counter()

    def enter(self, key_id: KeyId) -> None:
        """
        Count a new stream of a key.

        Raises:
            TooManyCallsError: If the key has MOST_STREAMS open already.
        """
        with self._lock:
            if self._open[key_id] >= MOST_STREAMS:
                raise TooManyCallsError(
                    f"A key can have {MOST_STREAMS} event streams open at once. Close one first."
                )
            self._open[key_id] += 1

    def leave(self, key_id: KeyId) -> None:
        """Stop counting a stream that has ended."""
        with self._lock:
            self._open[key_id] -= 1
            self._open += Counter()
