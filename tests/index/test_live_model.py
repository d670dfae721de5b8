"""After any operations in any order, a LiveIndex answers like a dict of its expected content."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from index import DuplicateIdError, Engine, Hits, LiveIndex, part_set
from index.codes import Codes
from index.hits import Ids
from tests.index.made import Aes

_WIDTH = 8
_CIPHER = Aes(bytes(32))


class AgainstADict(RuleBasedStateMachine):
    """Here a tail has 24 codes, so that a few additions cause several parts and merges."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(part_set, "TAIL_CODES", 24)
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        self.index.close()
        self.patch.undo()
        self.folder.cleanup()

    @initialize(seed=st.integers(0, 2**32 - 1), engine=st.sampled_from(["auto", "faiss"]))
    def begin(self, seed: int, engine: Engine) -> None:
        self.rng = np.random.default_rng(seed)
        self.index = LiveIndex(_WIDTH * 8, engine=engine)
        self.content: dict[int, tuple[int, bytes]] = {}
        self.next_id = 0

    def codes(self, count: int) -> Codes:
        """Return codes, many of which are equal or near one another."""
        return self.rng.integers(0, 4, (count, _WIDTH), dtype=np.uint8)

    def put(self, ids: Ids, owners: Ids | None) -> None:
        codes = self.codes(len(ids))
        self.index.add(ids, codes, owners)
        known_owners = ids if owners is None else owners
        self.content |= {
            int(each): (int(owner), code.tobytes())
            for each, owner, code in zip(ids, known_owners, codes, strict=True)
        }

    @rule(count=st.one_of(st.integers(0, 30), st.integers(0, 300)), own=st.booleans())
    def add(self, count: int, own: bool) -> None:
        ids = self.rng.permutation(np.arange(self.next_id, self.next_id + 2 * count))[:count]
        self.next_id += 2 * count
        self.put(ids, None if own else self.rng.integers(0, 9, count))

    @rule(count=st.integers(1, 9))
    def add_ids_that_were_removed_or_skipped(self, count: int) -> None:
        ids = np.setdiff1d(np.arange(self.next_id), np.array([*self.content], dtype=np.int64))
        self.put(self.rng.permutation(ids)[:count], None)

    @rule(count=st.integers(0, 40))
    def add_a_known_id(self, count: int) -> None:
        if self.content:
            known = self.rng.choice([*self.content])
            ids = np.append(np.arange(self.next_id, self.next_id + count), known)
            with pytest.raises(DuplicateIdError):
                self.index.add(self.rng.permutation(ids), self.codes(count + 1))

    @rule(share=st.floats(0, 1))
    def remove(self, share: float) -> None:
        gone = [each for each in self.content if self.rng.random() < share]
        assert self.index.remove([*gone, -1, self.next_id]) == len(gone)
        for each in gone:
            del self.content[each]

    @rule()
    def remove_one(self) -> None:
        if self.content:
            gone = int(self.rng.choice([*self.content]))
            assert self.index.remove([gone]) == 1
            del self.content[gone]

    @rule(owners=st.sets(st.integers(0, 12), max_size=3))
    def remove_owners(self, owners: set[int]) -> None:
        gone = [each for each, (owner, _) in self.content.items() if owner in owners]
        assert self.index.remove_owners(owners) == len(gone)
        for each in gone:
            del self.content[each]

    @rule()
    def merge(self) -> None:
        self.index.settle()

    @rule()
    def purge(self) -> None:
        self.index.purge()
        assert sum(len(part) for part in self.index.parts) == len(self.content)

    @rule(sealed=st.booleans())
    def save(self, sealed: bool) -> None:
        self.index.save(Path(self.folder.name) / str(sealed), cipher=_CIPHER if sealed else None)

    @rule(sealed=st.booleans(), engine=st.sampled_from(["auto", "faiss"]))
    def save_and_load(self, sealed: bool, engine: Engine) -> None:
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
        assert len(self.index) == len(self.content)
        query = self.codes(1)
        for threshold in (0, 4, 64):
            found = self.index.search(query, threshold=threshold)
            assert self.listed(found) == self.expected(query[0], threshold)

    def expected(self, query: Codes, threshold: int) -> list[tuple[int, int, int]]:
        query_bits = int.from_bytes(query.tobytes())
        every = (
            ((int.from_bytes(code) ^ query_bits).bit_count(), each, owner)
            for each, (owner, code) in self.content.items()
        )
        return sorted(each for each in every if each[0] <= threshold)

    @staticmethod
    def listed(found: Hits) -> list[tuple[int, int, int]]:
        """Return distance, id and owner of each hit."""
        lists = (found.distances.tolist(), found.ids.tolist(), found.owners.tolist())
        return list(zip(*lists, strict=True))


AgainstADict.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAgainstADict = AgainstADict.TestCase
