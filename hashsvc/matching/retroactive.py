"""Compares contents that have just come in with the candidates that scans have seen before."""

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
_IN_ANY_CASE_EVERY_S = 1.0
_AT_A_TIME = 100
_EXTENDED_EVERY_S = 10
# Codes of whole images take 1 kB a candidate, those of regions 30.
_WHOLES_A_PAGE = 2_000
_REGIONS_A_PAGE = 200
_POSES = ((View.WHOLE, View.PART), (View.MIRROR,))
_log = structlog.get_logger()

_Codes = NDArray[np.uint8]
_Page = list[tuple[CandidateId, bytes]]


@dataclass(slots=True)
class _Goal:
    """A content that is compared, its codes by algorithm, and the candidates it was shown."""

    of: Unmatched
    content: Signature
    codes: dict[str, _Codes]
    met: set[CandidateId] = field(default_factory=set)


class RetroactiveMatcher(Loop):
    """
    Compares what is unmatched with all kept candidates, exactly as a scan would.

    First go codes of whole images, which are few bytes and tell of most copies; then regions.
    Several processes may do so: each takes contents that no other has in hand.
    """

    LEASE = timedelta(seconds=60)
    """So long after somebody who had contents in hand was killed, the next one takes them."""

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        super().__init__("retroactive", every_s=_EVERY_S)
        self._settings = settings
        self._database = database
        self._clock = clock
        self._newest: int | None = None
        self._looked = -math.inf

    def run_once(self) -> None:
        """Compare all contents that are due, if the feed has news or a second has passed."""
        before, self._newest = self._newest, self._database.newest_change()
        # The feed tells only of contents that are let in. What a scan or an analyst puts back, and
        # what a killed process had in hand, waits up to a second longer.
        is_new = self._newest is None or self._newest != before
        if is_new or time.monotonic() - self._looked >= _IN_ANY_CASE_EVERY_S:
            self._looked = time.monotonic()
            while not self.is_stopping and self.work_once():
                continue

    def work_once(self) -> bool:
        """Compare the contents that are due; False when none is."""
        now = self._clock()
        with self._database.read() as connection:
            if not unmatched.is_any_due(connection, now):
                return False
        with self._database.write(alone=False) as connection:
            taken = unmatched.take(connection, now=now, until=now + self.LEASE, limit=_AT_A_TIME)
        if not taken:
            return False
        self._compare(taken)
        return True

    def _compare(self, taken: Sequence[Unmatched]) -> None:
        with self._database.read() as connection:
            contents = signatures_of(connection, sorted({each.content_id for each in taken}))
        goals = [
            _Goal(each, contents[each.content_id], _codes_of(contents[each.content_id]))
            for each in taken
            if each.content_id in contents
        ]
        lease = _Lease(self._database, self._clock, [each.seq for each in taken])
        found = 0
        for stage in (_Stage(candidates.wholes, _WHOLES_A_PAGE, _near_wholes),
                      _Stage(candidates.regions, _REGIONS_A_PAGE, _near_regions)):  # fmt: skip
            for page in self._pages(stage, goals):
                found += self._meet(goals, stage.near(goals, page))
                if self.is_stopping:
                    lease.give_back()
                    return
                lease.extend()
        lease.end()
        _log.info("match.retroactive_done", contents=len(goals), found=found)

    def _pages(self, stage: "_Stage", goals: Sequence[_Goal]) -> Iterator[_Page]:
        if not goals:
            return
        after = min(each.of.after_id for each in goals)
        while True:
            with self._database.read() as connection:
                page = stage.read(connection, after, stage.size)
            if not page:
                return
            yield page
            after = page[-1][0]

    def _meet(self, goals: Sequence[_Goal], near: Sequence[set[CandidateId]]) -> int:
        """Weigh each content against the candidates near it, and report what matches."""
        for goal, its in zip(goals, near, strict=True):
            its.difference_update(goal.met)
            goal.met.update(its)
        ids = sorted(set[CandidateId]().union(*near))
        if not ids:
            return 0
        with self._database.read() as connection:
            seen = candidates.by_ids(connection, ids)
        matched = [
            (candidate, best)
            for candidate in seen
            for goal, its in zip(goals, near, strict=True)
            if candidate.id in its and (best := _best(goal, candidate)) is not None
        ]
        reported = 0
        with self._database.write(alone=False) as connection:
            # In the order in which scans store theirs, so that nobody waits for one another.
            for candidate, best in sorted(matched, key=_order):
                match_id = record_match(
                    connection,
                    candidate.seen,
                    best,
                    scan_id=candidate.scan_id,
                    flood_matches=self._settings.flood_matches,
                    now=self._clock(),
                )
                reported += match_id is not None
        return reported


@dataclass(frozen=True, slots=True)
class _Stage:
    """One way of going through the candidates: how a page is read, and who is near on it."""

    read: Callable[[Connection, CandidateId, int], _Page]
    size: int
    near: Callable[[Sequence[_Goal], _Page], list[set[CandidateId]]]


class _Lease:
    """What is in hand, for as long as it takes; whoever is killed loses it after a minute."""

    def __init__(self, database: Database, clock: Clock, seqs: Sequence[int]) -> None:
        self._database = database
        self._clock = clock
        self._seqs = seqs
        self._extended = time.monotonic()

    def extend(self) -> None:
        """Keep it for longer, where some time has passed."""
        if time.monotonic() - self._extended > _EXTENDED_EVERY_S:
            self._until(RetroactiveMatcher.LEASE)
            self._extended = time.monotonic()

    def give_back(self) -> None:
        """Let the next one take it, from the beginning."""
        self._until(timedelta(0))

    def end(self) -> None:
        """Say that it is done."""
        with self._database.write(alone=False) as connection:
            unmatched.done(connection, self._seqs)

    def _until(self, length: timedelta) -> None:
        with self._database.write(alone=False) as connection:
            unmatched.extend(connection, self._seqs, until=self._clock() + length)


def _codes_of(content: Signature) -> dict[str, _Codes]:
    return {profile.name: content.codes(profile) for profile in (PDQ, PHASH, REGION)}


def _near_wholes(goals: Sequence[_Goal], page: _Page) -> list[set[CandidateId]]:
    found: list[set[CandidateId]] = [set() for _ in goals]
    ids = np.array([each for each, _ in page])
    shown = codes_in([each for _, each in page], (PDQ, PHASH))
    for profile in (PDQ, PHASH):
        owners, codes = shown[profile.name]
        if not len(codes):
            continue
        for goal, near in zip(goals, found, strict=True):
            mine = goal.codes[profile.name]
            if len(mine):
                within = nearest(codes, mine) <= profile.threshold
                near.update(_after(goal, ids[owners[within]]))
    return found


def _near_regions(goals: Sequence[_Goal], page: _Page) -> list[set[CandidateId]]:
    groups = [
        (candidate_id, shown)
        for candidate_id, packed in page
        for _, frame in frames_in(packed)
        for pose in _POSES
        if (shown := _shown(frame, pose))
    ]
    if not groups:
        return [set() for _ in goals]
    owners = np.array([each for each, _ in groups])
    codes = _packed([shown for _, shown in groups], REGION)
    ends = np.cumsum([len(shown) * 8 // REGION.bits for _, shown in groups])
    found = []
    for goal in goals:
        mine = goal.codes[REGION.name]
        counts = count_near(mine, codes, ends, threshold=REGION.threshold)
        found.append(set(_after(goal, owners[counts >= POSSIBLE_REGIONS])))
    return found


def _shown(frame: Sequence[CodeGroup], pose: Sequence[View]) -> bytes:
    """Return the codes of all regions that are seen in a pose."""
    return b"".join(
        each.packed for each in frame if each.algorithm == REGION.name and each.view in pose
    )


def _after(goal: _Goal, owners: NDArray[np.int64]) -> Iterator[CandidateId]:
    return (CandidateId(each) for each in owners.tolist() if each > goal.of.after_id)


def _best(goal: _Goal, candidate: Candidate) -> Found | None:
    """Return the strongest evidence of any frame; None when none matches."""
    best: Found | None = None
    for frame in frames_of(candidate.seen):
        found = Found(goal.of.content_id, compare(goal.content, frame))
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
