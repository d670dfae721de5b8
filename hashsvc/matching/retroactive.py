"""Retroactive matching: compares new contents with the candidates that earlier scans kept."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection

from hashsvc.clock import Clock, utc_now
from hashsvc.loops import Loop
from hashsvc.matching.bank_index import Found
from hashsvc.matching.candidates import codes_in, frames_in, frames_of
from hashsvc.matching.contents import signatures_of
from hashsvc.matching.evidence import compare
from hashsvc.matching.recording import record_match
from hashsvc.settings import Settings
from hashsvc.signals import PDQ, PHASH, POSSIBLE_REGIONS, REGION, Profile, Signature, View
from hashsvc.store import Database, candidates, unmatched
from hashsvc.store.candidates import Candidate
from hashsvc.store.ids import CandidateId
from hashsvc.store.packing import CodeGroup
from hashsvc.store.unmatched import Unmatched
from index import count_near, nearest

_EVERY_S = 0.2
_LOOKED_EVERY_S = 1.0
_MOST_TAKEN = 100
_EXTENDED_EVERY_S = 10
# The whole-image codes of a candidate take 1 kB, and its region codes take 30 kB.
_WHOLES_PER_PAGE = 2_000
_REGIONS_PER_PAGE = 200
_POSES = ((View.WHOLE, View.PART), (View.MIRROR,))
_log = structlog.get_logger()

_Codes = NDArray[np.uint8]
_Page = list[tuple[CandidateId, bytes]]


@dataclass(slots=True)
class _Task:
    """A content to compare, its codes by algorithm, and the candidates compared so far."""

    unmatched: Unmatched
    content: Signature
    codes: dict[str, _Codes]
    compared: set[CandidateId] = field(default_factory=set)


class RetroactiveMatcher(Loop):
    """
    Compares the contents on the work list `unmatched` with all kept candidates, as a scan would.

    It first compares codes of whole images, which are small and find most copies, and then regions.
    Several processes can do this at the same time: each takes contents that no other has leased.
    """

    LEASE = timedelta(seconds=60)
    """How long a lease lasts. If a process is killed, another one then takes over its contents."""

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        super().__init__("retroactive", every_s=_EVERY_S)
        self._settings = settings
        self._database = database
        self._clock = clock
        self._newest: int | None = None
        self._looked = -math.inf

    def run_once(self) -> None:
        """Compare all contents that are due, if the feed has changes or a second has passed."""
        before, self._newest = self._newest, self._database.newest_change()
        # The change feed only shows contents that were added. Contents that a scan or an analyst
        # puts on the list again, and those of a killed process, wait up to a second longer.
        is_new = self._newest is None or self._newest != before
        if is_new or time.monotonic() - self._looked >= _LOOKED_EVERY_S:
            self._looked = time.monotonic()
            while not self.is_stopping and self.work_once():
                continue

    def work_once(self) -> bool:
        """Compare the contents that are due. Return False if none is."""
        now = self._clock()
        with self._database.read() as connection:
            if not unmatched.is_any_due(connection, now):
                return False
        with self._database.write(alone=False) as connection:
            taken = unmatched.take(connection, now=now, until=now + self.LEASE, limit=_MOST_TAKEN)
        if not taken:
            return False
        self._compare(taken)
        return True

    def _compare(self, taken: Sequence[Unmatched]) -> None:
        with self._database.read() as connection:
            contents = signatures_of(connection, sorted({each.content_id for each in taken}))
        tasks = [
            _Task(each, contents[each.content_id], _codes_of(contents[each.content_id]))
            for each in taken
            if each.content_id in contents
        ]
        lease = _Lease(self._database, self._clock, [each.seq for each in taken])
        found = 0
        for stage in (_Pass(candidates.wholes, _WHOLES_PER_PAGE, _near_wholes),
                      _Pass(candidates.regions, _REGIONS_PER_PAGE, _near_regions)):  # fmt: skip
            for page in self._pages(stage, tasks):
                found += self._record_matches(tasks, stage.near(tasks, page))
                if self.is_stopping:
                    lease.give_back()
                    return
                lease.extend()
        lease.end()
        _log.info("match.retroactive_done", contents=len(tasks), found=found)

    def _pages(self, stage: "_Pass", tasks: Sequence[_Task]) -> Iterator[_Page]:
        if not tasks:
            return
        after = min(each.unmatched.after_id for each in tasks)
        while True:
            with self._database.read() as connection:
                page = stage.read(connection, after, stage.size)
            if not page:
                return
            yield page
            after = page[-1][0]

    def _record_matches(self, tasks: Sequence[_Task], near: Sequence[set[CandidateId]]) -> int:
        """Compare each content with its near candidates, record the matches, and count them."""
        for task, candidate_ids in zip(tasks, near, strict=True):
            candidate_ids.difference_update(task.compared)
            task.compared.update(candidate_ids)
        ids = sorted(set[CandidateId]().union(*near))
        if not ids:
            return 0
        with self._database.read() as connection:
            seen = candidates.by_ids(connection, ids)
        matched = [
            (candidate, best)
            for candidate in seen
            for task, candidate_ids in zip(tasks, near, strict=True)
            if candidate.id in candidate_ids and (best := _best(task, candidate)) is not None
        ]
        recorded = 0
        with self._database.write(alone=False) as connection:
            # Use the order in which scans record matches, to avoid deadlocks with them.
            for candidate, best in sorted(matched, key=_order):
                match_id = record_match(
                    connection,
                    candidate.seen,
                    best,
                    scan_id=candidate.scan_id,
                    flood_matches=self._settings.flood_matches,
                    now=self._clock(),
                )
                recorded += match_id is not None
        return recorded


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over the candidates: how to read a page, and how to find near candidates on it."""

    read: Callable[[Connection, CandidateId, int], _Page]
    size: int
    near: Callable[[Sequence[_Task], _Page], list[set[CandidateId]]]


class _Lease:
    """The lease on the contents that this process compares. It ends if the process is killed."""

    def __init__(self, database: Database, clock: Clock, seqs: Sequence[int]) -> None:
        self._database = database
        self._clock = clock
        self._seqs = seqs
        self._extended = time.monotonic()

    def extend(self) -> None:
        """Extend the lease, but at most once in _EXTENDED_EVERY_S seconds."""
        if time.monotonic() - self._extended > _EXTENDED_EVERY_S:
            self._until(RetroactiveMatcher.LEASE)
            self._extended = time.monotonic()

    def give_back(self) -> None:
        """Give up the lease, so that another process compares these contents from the beginning."""
        self._until(timedelta(0))

    def end(self) -> None:
        """Mark the contents as compared with all candidates."""
        with self._database.write(alone=False) as connection:
            unmatched.done(connection, self._seqs)

    def _until(self, length: timedelta) -> None:
        with self._database.write(alone=False) as connection:
            unmatched.extend(connection, self._seqs, until=self._clock() + length)


def _codes_of(content: Signature) -> dict[str, _Codes]:
    return {profile.name: content.codes(profile) for profile in (PDQ, PHASH, REGION)}


def _near_wholes(tasks: Sequence[_Task], page: _Page) -> list[set[CandidateId]]:
    found: list[set[CandidateId]] = [set() for _ in tasks]
    ids = np.array([each for each, _ in page])
    shown = codes_in([each for _, each in page], (PDQ, PHASH))
    for profile in (PDQ, PHASH):
        owners, codes = shown[profile.name]
        if not len(codes):
            continue
        for task, near in zip(tasks, found, strict=True):
            mine = task.codes[profile.name]
            if len(mine):
                within = nearest(codes, mine) <= profile.threshold
                near.update(_after(task, ids[owners[within]]))
    return found


def _near_regions(tasks: Sequence[_Task], page: _Page) -> list[set[CandidateId]]:
    groups = [
        (candidate_id, shown)
        for candidate_id, packed in page
        for _, frame in frames_in(packed)
        for pose in _POSES
        if (shown := _shown(frame, pose))
    ]
    if not groups:
        return [set() for _ in tasks]
    owners = np.array([each for each, _ in groups])
    codes = _packed([shown for _, shown in groups], REGION)
    ends = np.cumsum([len(shown) * 8 // REGION.bits for _, shown in groups])
    found = []
    for task in tasks:
        mine = task.codes[REGION.name]
        counts = count_near(mine, codes, ends, threshold=REGION.threshold)
        found.append(set(_after(task, owners[counts >= POSSIBLE_REGIONS])))
    return found


def _shown(frame: Sequence[CodeGroup], pose: Sequence[View]) -> bytes:
    """Return the codes of all regions of a frame in one pose."""
    return b"".join(
        each.packed for each in frame if each.algorithm == REGION.name and each.view in pose
    )


def _after(task: _Task, owners: NDArray[np.int64]) -> Iterator[CandidateId]:
    return (CandidateId(each) for each in owners.tolist() if each > task.unmatched.after_id)


def _best(task: _Task, candidate: Candidate) -> Found | None:
    """Return the strongest evidence of any frame; None if no frame matches."""
    best: Found | None = None
    for frame in frames_of(candidate.seen):
        found = Found(task.unmatched.content_id, compare(task.content, frame))
        if found.evidence.tier is None:
            continue
        if best is None or found.surer_than(best):
            best = found
    return best


def _order(matched: tuple[Candidate, Found]) -> tuple[int, str]:
    candidate, found = matched
    return found.content_id, candidate.seen.image_url


def _packed(codes: Sequence[bytes], profile: Profile) -> _Codes:
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, profile.bits // 8)
