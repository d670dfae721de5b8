"""Whatever is done to a LiveIndex, in any order, it answers like a dict of what it should hold."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index import DuplicateIdError, LiveIndex
from index import part_set as parts_module
from tests.index.made import Aes

_WIDTH = 8
_CIPHER = Aes(bytes(32))


class AgainstADict(RuleBasedStateMachine):
    """Tails hold 24 codes here, so that a few additions are a few parts and merges."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(parts_module, "TAIL_CODES", 24)
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        self.index.close()
        self.patch.undo()
        self.folder.cleanup()

    @initialize(seed=st.integers(0, 2**32 - 1), engine=st.sampled_from(["auto", "faiss"]))
    def begin(self, seed: int, engine: str) -> None:
        self.rng = np.random.default_rng(seed)
        self.index = LiveIndex(_WIDTH * 8, engine=engine)
        self.held: dict[int, tuple[int, bytes]] = {}
        self.next_id = 0

    def codes(self, count: int) -> np.ndarray:
        """Return codes among which many are equal or near one another."""
        return self.rng.integers(0, 4, (count, _WIDTH), dtype=np.uint8)

    def put(self, ids: np.ndarray, owners: np.ndarray | None) -> None:
        codes = self.codes(len(ids))
        self.index.add(ids, codes, owners)
        of = ids if owners is None else owners
        self.held |= {
            int(each): (int(owner), code.tobytes())
            for each, owner, code in zip(ids, of, codes, strict=True)
        }

    @rule(count=st.one_of(st.integers(0, 30), st.integers(0, 300)), own=st.booleans())
    def add(self, count: int, own: bool) -> None:
        ids = self.rng.permutation(np.arange(self.next_id, self.next_id + 2 * count))[:count]
        self.next_id += 2 * count
        self.put(ids, None if own else self.rng.integers(0, 9, count))

    @rule(count=st.integers(1, 9))
    def add_what_was_removed_or_left_out(self, count: int) -> None:
        ids = np.setdiff1d(np.arange(self.next_id), np.array([*self.held], dtype=np.int64))
        self.put(self.rng.permutation(ids)[:count], None)

    @rule(count=st.integers(0, 40))
    def add_one_that_is_there(self, count: int) -> None:
        if self.held:
            known = self.rng.choice([*self.held])
            ids = np.append(np.arange(self.next_id, self.next_id + count), known)
            with pytest.raises(DuplicateIdError):
                self.index.add(self.rng.permutation(ids), self.codes(count + 1))

    @rule(part=st.floats(0, 1))
    def remove(self, part: float) -> None:
        gone = [each for each in self.held if self.rng.random() < part]
        assert self.index.remove([*gone, -1, self.next_id]) == len(gone)
        for each in gone:
            del self.held[each]

    @rule()
    def remove_one(self) -> None:
        if self.held:
            gone = int(self.rng.choice([*self.held]))
            assert self.index.remove([gone]) == 1
            del self.held[gone]

    @rule(owners=st.sets(st.integers(0, 12), max_size=3))
    def remove_owners(self, owners: set[int]) -> None:
        gone = [each for each, (of, _) in self.held.items() if of in owners]
        assert self.index.remove_owners(owners) == len(gone)
        for each in gone:
            del self.held[each]

    @rule()
    def merge(self) -> None:
        self.index.settle()

    @rule()
    def purge(self) -> None:
        self.index.purge()
        assert sum(len(part) for part in self.index.parts) == len(self.held)

    @rule(sealed=st.booleans())
    def save(self, sealed: bool) -> None:
        self.index.save(Path(self.folder.name) / str(sealed), cipher=_CIPHER if sealed else None)

    @rule(sealed=st.booleans(), engine=st.sampled_from(["auto", "faiss"]))
    def save_and_load(self, sealed: bool, engine: str) -> None:
        self.index.feed_position = self.next_id
        self.save(sealed)
        self.index.close()
        self.index = LiveIndex.load(
            Path(self.folder.name) / str(sealed), engine=engine, cipher=_CIPHER if sealed else None
        )
        assert self.index.feed_position == self.next_id

    @rule(threshold=st.integers(0, 64), k=st.integers(1, 20))
    def find_the_nearest(self, threshold: int, k: int) -> None:
        query = self.codes(1)
        every = self.expected(query[0], threshold)
        last = every[min(k, len(every)) - 1][0] if every else 0
        found = self.index.nearest(query, k, threshold=threshold)
        assert self.listed(found) == [each for each in every if each[0] <= last]

    @invariant()
    def answers_like_the_dict(self) -> None:
        if not hasattr(self, "pending"):
            return
        assert len(self.index) == len(self.held)
        query = self.codes(1)
        for threshold in (0, 4, 64):
            found = self.index.search(query, threshold=threshold)
            assert self.listed(found) == self.expected(query[0], threshold)

    def expected(self, query: np.ndarray, threshold: int) -> list[tuple[int, int, int]]:
        asked = int.from_bytes(query.tobytes())
        every = (
            ((int.from_bytes(code) ^ asked).bit_count(), each, owner)
            for each, (owner, code) in self.held.items()
        )
        return sorted(each for each in every if each[0] <= threshold)

    @staticmethod
    def listed(found) -> list[tuple[int, int, int]]:
        entries = zip(found.distances, found.ids, found.owners, strict=True)
        return [tuple(map(int, each)) for each in entries]


AgainstADict.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAgainstADict = AgainstADict.TestCase
