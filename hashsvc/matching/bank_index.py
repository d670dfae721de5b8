"""The bank's codes in memory: follows the change feed, finds the contents near a candidate."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashsvc.matching.batching import Batches
from hashsvc.matching.contents import signatures_of
from hashsvc.matching.evidence import Evidence, compare
from hashsvc.signals import PDQ, PHASH, POSSIBLE_REGIONS, REGION, Profile, Signal, Signature
from hashsvc.store import Database, cases, signatures
from hashsvc.store.ids import ContentId
from hashsvc.store.signatures import Codes
from index import Engine, LiveIndex, warm_up

_CHANGES_A_STEP = 2_000

# What is searched by; the other algorithms speak only once a content is found by one of these.
_SEARCHED = (PDQ, PHASH, REGION)


@dataclass(frozen=True, slots=True)
class Found:
    """A content that a candidate matches, and why."""

    content_id: ContentId
    evidence: Evidence

    def surer_than(self, other: "Found") -> bool:
        """Tell whether this is the stronger evidence of the two."""
        return _surest_first(self) < _surest_first(other)


class BankIndex:
    """
    The codes of all live contents, searchable; safe to share between threads.

    Nothing of it is written to disk: it is built from the database when the service starts.
    """

    def __init__(self, database: Database, *, engine: Engine = "auto") -> None:
        self._database = database
        self._following = threading.Lock()
        self._checkpoint = 0
        self._indices = {
            profile.name: LiveIndex(profile.bits, engine=engine) for profile in _SEARCHED
        }
        self._batches = {
            profile.name: Batches(self._indices[profile.name], threshold=profile.threshold)
            for profile in _SEARCHED
        }

    def __len__(self) -> int:
        """How many codes are searched."""
        return sum(len(each) for each in self._indices.values())

    def start(self) -> None:
        """Load all codes, and compile what a search needs, so that none has to wait."""
        warm_up()
        self.catch_up()

    def stop(self) -> None:
        """Begin no more work in the background."""
        for each in self._indices.values():
            each.close()

    def catch_up(self) -> int:
        """Follow the change feed to its end, and return how many changes that were."""
        followed = 0
        with self._following, self._database.read() as connection:
            while changes := cases.changes_after(connection, self._checkpoint, _CHANGES_A_STEP):
                added = [each.content_id for each in changes if each.kind == "add"]
                removed = [each.content_id for each in changes if each.kind == "remove"]
                # A content is added once, before it is removed, so within one step the order
                # of kinds does: what came and went in between has no signals left to add.
                self._add(signatures.codes_of(connection, added))
                self._remove(removed)
                self._checkpoint = changes[-1].seq
                followed += len(changes)
        return followed

    def find(self, candidate: Signature) -> list[Found]:
        """
        Return the contents that a candidate matches, surest first.

        A content whose withdrawal was committed before the call is never among them.
        """
        self.catch_up()
        if candidate.quality < PDQ.min_quality:
            return []
        near = sorted(self._near(candidate))
        with self._database.read() as connection:
            contents = signatures_of(connection, near)
        found = [
            Found(content_id, compare(content, candidate))
            for content_id, content in contents.items()
        ]
        return sorted((each for each in found if each.evidence.tier is not None), key=_surest_first)

    def _near(self, candidate: Signature) -> set[ContentId]:
        near: set[ContentId] = set()
        for profile in _SEARCHED:
            codes = _codes(
                viewed.signal for viewed in candidate.signals if viewed.signal.profile is profile
            )
            if len(codes) == 0:
                continue
            if profile.many_per_image:
                votes = self._indices[profile.name].vote(
                    codes, threshold=profile.threshold, min_votes=POSSIBLE_REGIONS
                )
                owners = votes.owners
            else:
                owners = np.unique(self._batches[profile.name].search(codes).owners)
            near.update(ContentId(owner) for owner in owners.tolist())
        return near

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


def _surest_first(found: Found) -> tuple[int, int, int]:
    tiers = ("certain", "likely", "possible")
    nearest = found.evidence.nearest
    assert found.evidence.tier is not None
    return (
        tiers.index(found.evidence.tier),
        nearest.distance if nearest else 0,
        found.content_id,
    )


def _codes(signals: Iterable[Signal]) -> NDArray[np.uint8]:
    listed = list(signals)
    if not listed:
        return np.empty((0, 0), dtype=np.uint8)
    return _packed([each.code for each in listed], listed[0].profile)


def _packed(codes: Sequence[bytes], profile: Profile) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, profile.bits // 8)
