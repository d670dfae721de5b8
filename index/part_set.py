"""The parts of an index, which come, lose codes, and are merged; all under one lock."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from index.codes import Codes
from index.errors import DuplicateIdError
from index.hits import Ids, Positions
from index.members import Member, SealedPart, Tail, ascends
from index.merging import due, merged, worth_a_rewrite
from index.segment import SegmentPlan

TAIL_CODES = 8192
"""
How many codes come before a tail is sealed. A scan of so many 256-bit codes takes about 14 µs, of
which 6 are the call's: little beside the 50 µs of multi-index hashing at a million. Half as many
would bring twice as many merges.
"""

# Whoever removes more lets others write in between.
_REMOVED_AT_ONCE = 4096


class Parts:
    """
    Full parts and a tail; safe to share between threads.

    Whatever is long, building above all, is done without the lock. A thread merges, and runs only
    while there is something to merge.

    Attributes:
        view: All parts, the tail last; read without the lock. It is replaced, never changed, so
            whoever has it has every code that was there then, once.

        live: Number of live codes.
    """

    def __init__(self, bits: int, plan: SegmentPlan) -> None:
        self._bits = bits
        self._plan = plan
        # Whoever needs both takes them in this order.
        self._merging = threading.Lock()
        self._lock = threading.Lock()
        self._full: tuple[Member, ...] = ()
        self._tail = Tail(bits, TAIL_CODES)
        self.view: tuple[Member, ...] = ()
        self.live = 0
        # The ids removed since the merge under way looked which codes were alive.
        self._removed_meanwhile: list[Ids] | None = None
        self._worker: threading.Thread | None = None
        self._closed = False

    @property
    def nbytes(self) -> int:
        """Memory taken, the room in the tail too; a merge under way not counted."""
        with self._lock:
            return sum(part.nbytes for part in self.view) + self._tail.spare_bytes

    def put(self, parts: Sequence[SealedPart]) -> None:
        """Take over parts that have no id in common with any that are here."""
        with self._lock:
            self._full = (*self._full, *parts)
            self.live += sum(part.live for part in parts)
            self._publish()

    def append(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """
        Put distinct codes, no more than a tail holds, into the tail.

        Raises:
            DuplicateIdError: If an id is here already.
        """
        wanted = ids if len(ids) == 1 else np.sort(ids)
        with self._lock:
            self._refuse(wanted)
            if len(ids) > self._tail.room:
                self._full = (*self._full, self._tail.part)
                self._tail = Tail(self._bits, TAIL_CODES)
                self._start_worker()
            self._tail.append(ids, codes, owners)
            self.live += len(ids)
            self._publish()

    def add_sealed(self, ids: Ids, codes: Codes, owners: Ids) -> None:
        """
        Put distinct codes, any number of them, into a part of their own.

        Raises:
            DuplicateIdError: If an id is here already.
        """
        wanted = np.sort(ids)
        seen = self._refuse(wanted)
        # The caller may write to the array; putting codes in order copies them anyway.
        ours = codes.copy() if ascends(ids) else codes
        part = SealedPart.of(ids, owners, ours, self._plan)
        while True:
            # What came while it was built; large parts before the lock is taken, tails under it.
            seen = self._refuse(wanted, seen=seen)
            with self._lock:
                if any(isinstance(each, SealedPart) for each in self.view if each not in seen):
                    continue
                self._refuse(wanted, seen=seen)
                self._full = (*self._full, part)
                self.live += len(part)
                self._publish()
                self._start_worker()
                return

    def remove(self, wanted: Ids, find: Callable[[Member, Ids], Positions]) -> int:
        """
        Make tombstones of codes, and return how many there were.

        Args:
            wanted: Ids or owners, ascending and distinct.

            find: `Part.positions_of` or `Part.positions_of_owners`.
        """
        removed = 0
        for start in range(0, len(wanted), _REMOVED_AT_ONCE):
            some = wanted[start : start + _REMOVED_AT_ONCE]
            with self._lock:
                removed += sum(self._bury(part, find(part, some)) for part in self.view)
        return removed

    def merge_due(self) -> None:
        """Do all merges that are due, in the caller's time."""
        while self._merge_next():
            pass

    def purge(self) -> None:
        """Drop all codes that are tombstones now."""
        with self._merging:
            with self._lock:
                if self._tail.part.dead:
                    self._renew_tail()
                withdrawn = [part for part in self._full if part.dead]
            for part in withdrawn:
                self._merge([part])

    def close(self) -> None:
        """Let the merge under way end, and have none begin unasked."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker is not None:
            worker.join()

    def _publish(self) -> None:
        self.view = (*self._full, self._tail.part) if len(self._tail.part) else self._full

    def _refuse(self, wanted: Ids, *, seen: tuple[Member, ...] = ()) -> tuple[Member, ...]:
        """Raise DuplicateIdError if an id is in any part but those seen; return the parts."""
        view = self.view
        for part in view:
            if part not in seen and len(part.positions_of(wanted)):
                raise DuplicateIdError("Each id is added once.")
        return view

    def _bury(self, part: Member, positions: Positions) -> int:
        if len(positions):
            part.bury(positions)
            self.live -= len(positions)
            if self._removed_meanwhile is not None:
                self._removed_meanwhile.append(part.ids[positions])
            if worth_a_rewrite(part):
                self._start_worker()
        return len(positions)

    def _renew_tail(self) -> None:
        old, self._tail = self._tail.part, Tail(self._bits, TAIL_CODES)
        alive = old.alive
        if old.live:
            self._tail.append(old.ids[alive], old.segment.codes[alive], old.owners[alive])
        self._publish()

    def _start_worker(self) -> None:
        if self._worker is None and not self._closed and due(self._full):
            self._worker = threading.Thread(target=self._work, name="index-merge", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        try:
            while self._merge_next(of_worker=True):
                pass
        finally:
            with self._lock:
                if self._worker is threading.current_thread():
                    self._worker = None

    def _merge_next(self, *, of_worker: bool = False) -> bool:
        """Do the merge that is due; tell whether there was one."""
        with self._merging:
            with self._lock:
                group = [] if of_worker and self._closed else due(self._full)
                if not group:
                    if of_worker:
                        # Under the same lock: what becomes due from here on starts another.
                        self._worker = None
                    return False
            self._merge(group)
        return True

    def _merge(self, group: list[Member]) -> None:
        """Replace some full parts by one of their live codes; whoever calls holds `_merging`."""
        with self._lock:
            self._removed_meanwhile = []
        try:
            new = merged(group, self._plan)
            with self._lock:
                if new is not None and self._removed_meanwhile:
                    gone = np.unique(np.concatenate(self._removed_meanwhile))
                    new.bury(new.positions_of(gone))
                rest = tuple(part for part in self._full if part not in group)
                self._full = rest if new is None else (*rest, new)
                self._publish()
        finally:
            with self._lock:
                self._removed_meanwhile = None
