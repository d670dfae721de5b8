"""The set of parts of one index: adding, removing and merging, all under one lock."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from index.codes import Codes
from index.errors import DuplicateIdError
from index.hits import Ids, Positions
from index.merging import due, merged, worth_a_rewrite
from index.part import Part, SealedPart, Tail, is_ascending
from index.segment import SegmentPlan

TAIL_CODES = 8192
"""
Number of codes after which a tail is sealed.

A scan of that many 256-bit codes takes about 14 µs, 6 of them for the call itself. That is little
beside the 50 µs of multi-index hashing over a million codes. Half the size would mean twice as
many merges.
"""

MERGE_THREAD = "index-merge"
"""Name of the thread that merges parts."""

# A longer removal releases the lock after this many ids or owners, so that others can write.
_REMOVED_PER_LOCK = 4096


class PartSet:
    """
    The full parts and the tail of one index; safe to share between threads.

    Long work, such as building a segment, is done without holding the lock. A thread merges parts;
    it runs only while a merge is due.

    Attributes:
        parts: All parts, the tail last; read without the lock. The tuple is replaced, never
            changed: a reader that holds it sees each code of that moment exactly once.

        live: Number of live codes.
    """

    def __init__(self, bits: int, plan: SegmentPlan) -> None:
        self._bits = bits
        self._plan = plan
        # A thread that needs both locks takes them in this order.
        self._merging = threading.Lock()
        self._lock = threading.Lock()
        self._full: tuple[Part, ...] = ()
        self._tail = Tail(bits, TAIL_CODES)
        self.parts: tuple[Part, ...] = ()
        self.live = 0
        # Ids removed since the running merge read which codes are alive.
        self._removed_in_merge: list[Ids] | None = None
        self._merge_thread: threading.Thread | None = None
        self._closed = False

    @property
    def nbytes(self) -> int:
        """Memory in bytes, including the tail's spare capacity; a running merge is not counted."""
        with self._lock:
            return sum(part.nbytes for part in self.parts) + self._tail.spare_bytes

    def adopt(self, parts: Sequence[SealedPart]) -> None:
        """Add ready-made parts whose ids occur in no other part."""
        with self._lock:
            self._full = (*self._full, *parts)
            self.live += sum(part.live for part in parts)
            self._publish()

    def append(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """
        Add codes with distinct ids to the tail; at most as many as a whole tail holds.

        Raises:
            DuplicateIdError: If an id is in the index already.
        """
        wanted = ids if len(ids) == 1 else np.sort(ids)
        with self._lock:
            self.refuse_known(wanted)
            if len(ids) > self._tail.free:
                self._full = (*self._full, self._tail.part)
                self._tail = Tail(self._bits, TAIL_CODES)
                self._start_merging()
            self._tail.append(ids, codes, owners)
            self.live += len(ids)
            self._publish()

    def add_sealed(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """
        Add any number of codes with distinct ids, as a sealed part of their own.

        Raises:
            DuplicateIdError: If an id is in the index already.
        """
        wanted = np.sort(ids)
        seen = self.refuse_known(wanted)
        # Copy the codes, because the caller may change its array later. If the ids are not in
        # order, sorting makes a copy anyway.
        kept = codes.copy() if is_ascending(ids) else codes
        part = SealedPart.of(ids, owners, kept, self._plan)
        while True:
            # Check the parts added during the build: sealed ones before taking the lock, because
            # that takes longer; tails under the lock.
            seen = self.refuse_known(wanted, seen=seen)
            with self._lock:
                if any(isinstance(each, SealedPart) for each in self.parts if each not in seen):
                    continue
                self.refuse_known(wanted, seen=seen)
                self._full = (*self._full, part)
                self.live += len(part)
                self._publish()
                self._start_merging()
                return

    def refuse_known(self, wanted: Ids, *, seen: tuple[Part, ...] = ()) -> tuple[Part, ...]:
        """
        Return the present parts, after checking that none of them holds a wanted id.

        Args:
            wanted: Ids, ascending and distinct.

            seen: Parts to skip, because they were checked before.

        Raises:
            DuplicateIdError: If a part that was not seen before holds one of the ids.
        """
        parts = self.parts
        for part in parts:
            if part not in seen and len(part.positions_of(wanted)):
                raise DuplicateIdError("An id can be added only once.")
        return parts

    def remove(self, wanted: Ids, find: Callable[[Part, Ids], Positions]) -> int:
        """
        Turn codes into tombstones, and return how many of them were live.

        Args:
            wanted: Ids or owners, ascending and distinct.

            find: `Part.positions_of` or `Part.positions_of_owners`.
        """
        removed = 0
        for start in range(0, len(wanted), _REMOVED_PER_LOCK):
            some = wanted[start : start + _REMOVED_PER_LOCK]
            with self._lock:
                removed += sum(self._bury(part, find(part, some)) for part in self.parts)
        return removed

    def merge_due(self) -> None:
        """Do all merges that are due, in the caller's thread."""
        while self._merge_next():
            pass

    def merged(self, parts: Sequence[Part]) -> SealedPart | None:
        """Return the live codes of several parts as one part; None if there are none."""
        return merged(parts, self._plan)

    def purge(self) -> None:
        """Rewrite every part that has tombstones, without them."""
        with self._merging:
            with self._lock:
                if self._tail.part.dead:
                    self._renew_tail()
                withdrawn = [part for part in self._full if part.dead]
            for part in withdrawn:
                self._merge([part])

    def close(self) -> None:
        """Wait for the running merge to end, and start no more merges in the background."""
        with self._lock:
            self._closed = True
            thread = self._merge_thread
        if thread is not None:
            thread.join()

    def _publish(self) -> None:
        self.parts = (*self._full, self._tail.part) if len(self._tail.part) else self._full

    def _bury(self, part: Part, positions: Positions) -> int:
        if len(positions):
            part.bury(positions)
            self.live -= len(positions)
            if self._removed_in_merge is not None:
                self._removed_in_merge.append(part.ids[positions])
            if worth_a_rewrite(part):
                self._start_merging()
        return len(positions)

    def _renew_tail(self) -> None:
        old, self._tail = self._tail.part, Tail(self._bits, TAIL_CODES)
        alive = old.alive
        if old.live:
            self._tail.append(old.ids[alive], old.segment.codes[alive], old.owners[alive])
        self._publish()

    def _start_merging(self) -> None:
        if self._merge_thread is None and not self._closed and due(self._full):
            self._merge_thread = threading.Thread(
                target=self._merge_in_thread, name=MERGE_THREAD, daemon=True
            )
            self._merge_thread.start()

    def _merge_in_thread(self) -> None:
        try:
            while self._merge_next(in_thread=True):
                pass
        finally:
            with self._lock:
                if self._merge_thread is threading.current_thread():
                    self._merge_thread = None

    def _merge_next(self, *, in_thread: bool = False) -> bool:
        """Do the next due merge, and return whether there was one."""
        with self._merging:
            with self._lock:
                group = [] if in_thread and self._closed else due(self._full)
                if not group:
                    if in_thread:
                        # The lock is still held, so a merge that becomes due later starts a new
                        # thread.
                        self._merge_thread = None
                    return False
            self._merge(group)
        return True

    def _merge(self, group: list[Part]) -> None:
        """
        Replace a group of full parts by one part of their live codes.

        The caller holds `_merging`.
        """
        with self._lock:
            self._removed_in_merge = []
        try:
            new = self.merged(group)
            with self._lock:
                if new is not None and self._removed_in_merge:
                    gone = np.unique(np.concatenate(self._removed_in_merge))
                    new.bury(new.positions_of(gone))
                rest = tuple(part for part in self._full if part not in group)
                self._full = rest if new is None else (*rest, new)
                self._publish()
        finally:
            with self._lock:
                self._removed_in_merge = None
