"""The bank index: all codes in memory. It follows the change feed and finds near contents."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashsvc.matching.batching import Batches
from hashsvc.matching.contents import signatures_of
from hashsvc.matching.evidence import Evidence, compare
from hashsvc.signals import PDQ, PHASH, POSSIBLE_REGIONS, REGION, STEADIEST, Profile, Signature
from hashsvc.store import Database, feed, signatures
from hashsvc.store.ids import ContentId
from hashsvc.store.signatures import Codes
from index import Engine, LiveIndex, warm_up

CHANGES_PER_STEP = 2_000
"""Changes that the index reads from the feed at a time."""

CONTENTS_PER_STEP = 500
"""Contents whose signatures a search reads into memory at a time."""


# The index searches by these algorithms. All others only compare contents that these have found.
_SEARCHED = (PDQ, PHASH, REGION)
_TOO_PLAIN = Signature(0, ())

CodeArray = NDArray[np.uint8]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """A content that a candidate matches, with the evidence."""

    content_id: ContentId
    evidence: Evidence

    def surer_than(self, other: "Found") -> bool:
        """Return whether this evidence is stronger than the other."""
        return _surest_first(self) < _surest_first(other)


class BankIndex:
    """
    An index of the codes of all live contents. Threads can share it.

    The index is never written to disk: the service builds it from the database at each start.
    """

    def __init__(self, database: Database, *, engine: Engine = "auto") -> None:
        self._database = database
        self._following = threading.Lock()
        self._position = feed.START
        self._newest: int | None = None
        self._indices = {
            profile.name: LiveIndex(
                profile.bits, engine=engine, steadiest=STEADIEST if profile is REGION else ()
            )
            for profile in _SEARCHED
        }
        self._searches = {
            profile.name: Batches(self._indices[profile.name], threshold=profile.threshold)
            for profile in _SEARCHED
        }

    def __len__(self) -> int:
        """Return the number of codes in the index."""
        return sum(len(each) for each in self._indices.values())

    def start(self) -> None:
        """Load all codes and compile the search, so that the first search need not wait."""
        warm_up()
        self.catch_up()

    def stop(self) -> None:
        """Stop the index's work in the background."""
        for each in self._indices.values():
            each.close()

    def catch_up(self) -> int:
        """Follow the change feed to its end, and return the number of changes."""
        followed = 0
        newest = self._database.newest_change()
        if newest is not None and newest == self._newest:
            return 0
        with self._following, self._database.read() as connection:
            while True:
                changes, position = feed.after(connection, self._position, CHANGES_PER_STEP)
                added = [each.content_id for each in changes if each.kind == "add"]
                removed = [each.content_id for each in changes if each.kind == "remove"]
                # Each content is added once, so it is safe to do all additions before all removals.
                # If this transaction sees a content as removed, no signals of it are left to add.
                if added:
                    self._add(signatures.codes_of(connection, added))
                if removed:
                    self._remove(removed)
                self._position = position
                if not changes:
                    # `newest` was read before the transaction began, so all changes up to it are
                    # indexed.
                    self._newest = newest
                    return followed
                followed += len(changes)

    def find(self, candidate: Signature) -> list[Found]:
        """
        Return the contents that a candidate matches, the surest first.

        The result never includes a content whose withdrawal was committed before the call.
        """
        return self.find_all([candidate])[0]

    def find_all(self, candidates: Sequence[Signature]) -> list[list[Found]]:
        """Return what `find` returns for each candidate. This is faster than separate calls."""
        if not candidates:
            return []
        self.catch_up()
        near = self._near(
            [each if each.quality >= PDQ.min_quality else _TOO_PLAIN for each in candidates]
        )
        if not any(near):
            return [[] for _ in candidates]
        found: list[list[Found]] = [[] for _ in candidates]
        every = sorted(set().union(*near))
        with self._database.read() as connection:
            # A bank may hold very many copies of one image: read only some of them at a time.
            for start in range(0, len(every), CONTENTS_PER_STEP):
                contents = signatures_of(connection, every[start : start + CONTENTS_PER_STEP])
                for place, candidate in enumerate(candidates):
                    ids = contents.keys() & near[place]
                    found[place] += _matches(candidate, {each: contents[each] for each in ids})
        return [sorted(each, key=_surest_first) for each in found]

    def _near(self, candidates: Sequence[Signature]) -> list[set[ContentId]]:
        """Return, for each candidate, the contents with a code near one of its codes."""
        near: list[set[ContentId]] = [set() for _ in candidates]
        for profile in _SEARCHED:
            codes = [each.codes(profile) for each in candidates]
            search = self._vote if profile.many_per_image else self._search
            for place, owners in search(profile, codes):
                near[place].update(map(ContentId, owners.tolist()))
        return near

    def _vote(self, profile: Profile, codes: list[CodeArray]) -> Iterator[tuple[int, Ids]]:
        index, least = self._indices[profile.name], POSSIBLE_REGIONS
        for place, each in enumerate(codes):
            if len(each):
                yield place, index.vote(each, threshold=profile.threshold, min_votes=least).owners

    def _search(self, profile: Profile, codes: list[CodeArray]) -> Iterator[tuple[int, Ids]]:
        every = np.concatenate(codes)
        if len(every) == 0:
            return
        hits, start = self._searches[profile.name].search(every), 0
        for place, each in enumerate(codes):
            yield place, hits.for_queries(start, start + len(each)).owners
            start += len(each)

    def _add(self, codes: Sequence[Codes]) -> None:
        for profile in _SEARCHED:
            of_this = [each for each in codes if each.group.algorithm == profile.name]
            if of_this:
                counts = [len(each.group) for each in of_this]
                first_ids = np.array([each.first_id for each in of_this], dtype=np.int64)
                owners = np.array([each.content_id for each in of_this], dtype=np.int64)
                self._indices[profile.name].add(
                    np.repeat(first_ids, counts) + np.concatenate([np.arange(n) for n in counts]),
                    _packed([each.group.packed for each in of_this], profile),
                    np.repeat(owners, counts),
                )

    def _remove(self, contents: Sequence[ContentId]) -> None:
        owners = np.array(contents, dtype=np.int64)
        for each in self._indices.values():
            each.remove_owners(owners)


def _matches(candidate: Signature, contents: Mapping[ContentId, Signature]) -> list[Found]:
    """Return the contents, of those given, that a candidate matches."""
    found = [Found(each, compare(content, candidate)) for each, content in contents.items()]
    return [each for each in found if each.evidence.tier is not None]


def _surest_first(found: Found) -> tuple[tuple[int, int], int]:
    return found.evidence.rank, found.content_id


def _packed(codes: Sequence[bytes], profile: Profile) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, profile.bits // 8)
