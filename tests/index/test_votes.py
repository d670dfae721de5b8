"""All codes of a candidate vote together; every returned owner has exactly its votes."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index import CodeWidthError, LiveIndex, votes
from index.codes import distances
from index.mih import MihSegment
from index.votes import count_votes
from tests.index.made import near, skewed, uniform

THRESHOLD = 60
OWNED = 20


def votes_by_hand(
    codes: NDArray[np.uint8],
    owners: NDArray[np.int64],
    candidate: NDArray[np.uint8],
    weights: NDArray[np.float64] | None = None,
) -> dict[int, float]:
    votes: dict[int, float] = {}
    for code, owner in zip(codes, owners.tolist(), strict=True):
        within = distances(code, candidate) <= THRESHOLD
        if within.any():
            weight = 1.0 if weights is None else float(weights[within].max())
            votes[owner] = votes.get(owner, 0.0) + weight
    return votes


class VoteBank:
    """
    300 owners of 20 codes each, and a candidate that is like three of them.

    All codes except the last few are sealed.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.codes = skewed(300 * OWNED, 32, rng) if seed % 2 else uniform(300 * OWNED, 32, rng)
        self.owners = np.repeat(np.arange(1000, 1300), OWNED)
        self.ids = rng.permutation(len(self.codes)) + 5
        self.index = LiveIndex(256)
        # Large enough to be sealed at once and searched by multi-index hashing.
        filler = uniform(9_000, 32, rng)
        early = len(self.codes) - 7 * OWNED - 3
        self.index.add(
            np.concatenate((self.ids[:early], np.arange(10**6, 10**6 + len(filler)))),
            np.concatenate((self.codes[:early], filler)),
            np.concatenate((self.owners[:early], np.arange(10**6, 10**6 + len(filler)))),
        )
        self.index.add(self.ids[early:], self.codes[early:], self.owners[early:])
        shown = [0, 150, 292]
        copied = [
            near(self.codes[owner * OWNED + number], int(rng.integers(0, 90)), rng)
            for owner in shown
            for number in range(OWNED)
        ]
        self.candidate = np.concatenate((np.array(copied), uniform(40, 32, rng)))
        self.rng = rng

    def answer(
        self, min_votes: float = 1, weights: NDArray[np.float64] | None = None
    ) -> dict[int, float]:
        votes = self.index.vote(
            self.candidate, threshold=THRESHOLD, min_votes=min_votes, weights=weights
        )
        assert list(votes.votes) == sorted(votes.votes, reverse=True)
        return dict(zip(votes.owners.tolist(), votes.votes.tolist(), strict=True))


@pytest.fixture(scope="module", params=[1, 2])
def bank(request: pytest.FixtureRequest) -> VoteBank:
    return VoteBank(request.param)


def test_with_an_infinite_budget_it_equals_brute_force(bank: VoteBank) -> None:
    right = votes_by_hand(bank.codes, bank.owners, bank.candidate)
    found = count_votes(
        bank.index.parts,
        bank.candidate,
        threshold=THRESHOLD,
        min_votes=1,
        weights=None,
        budget_ns=float("inf"),
    )
    assert dict(zip(found.owners.tolist(), found.votes.tolist(), strict=True)) == right


@pytest.mark.parametrize("min_votes", [1, 2, 3, 5, 21])
def test_owners_with_enough_votes_are_found_with_all_their_votes(
    bank: VoteBank, min_votes: int
) -> None:
    right = votes_by_hand(bank.codes, bank.owners, bank.candidate)
    enough = {owner: votes for owner, votes in right.items() if votes >= min_votes}
    assert bank.answer(min_votes) == enough
    assert len(enough) >= (3 if min_votes <= 5 else 0)


def test_a_code_counts_with_the_heaviest_weight_near_it(bank: VoteBank) -> None:
    weights = bank.rng.choice([0.0, 0.25, 0.5, 1.0], len(bank.candidate))
    right = votes_by_hand(bank.codes, bank.owners, bank.candidate, weights)
    for min_votes in (0.25, 1.0, 4.5):
        enough = {owner: votes for owner, votes in right.items() if votes >= min_votes}
        assert bank.answer(min_votes, weights=weights) == pytest.approx(enough)


def test_a_repeated_code_of_the_candidate_votes_once() -> None:
    bank = VoteBank(3)
    before = bank.answer()
    bank.candidate = np.concatenate((bank.candidate, bank.candidate))
    assert bank.answer() == before


def test_a_removed_code_has_no_vote() -> None:
    bank = VoteBank(4)
    before = bank.answer()
    near_it = [
        number
        for number in range(OWNED)
        if (distances(bank.codes[number], bank.candidate) <= THRESHOLD).any()
    ]
    bank.index.remove(bank.ids[near_it[:2]])
    assert bank.answer()[1000] == before[1000] - 2
    bank.index.remove_owners([1150])
    assert 1150 not in bank.answer()


def test_an_owner_in_two_parts_has_the_votes_of_both() -> None:
    bank = VoteBank(5)
    # Some codes of this owner are sealed; its other codes are the first in the tail.
    owner = int(bank.owners[len(bank.codes) - 7 * OWNED - 3])
    bank.candidate = bank.codes[bank.owners == owner]
    assert len(bank.index.parts) == 2
    assert bank.answer(OWNED)[owner] == OWNED


def test_brute_force_gives_the_same_votes(bank: VoteBank) -> None:
    flat = LiveIndex(256, engine="faiss")
    flat.add(bank.ids, bank.codes, bank.owners)
    votes = flat.vote(bank.candidate, threshold=THRESHOLD, min_votes=1)
    assert dict(zip(votes.owners.tolist(), votes.votes.tolist(), strict=True)) == bank.answer()


def test_without_codes_there_are_no_votes(bank: VoteBank) -> None:
    nothing = bank.index.vote(np.empty((0, 32), np.uint8), threshold=THRESHOLD, min_votes=1)
    assert len(nothing.owners) == len(nothing.votes) == 0
    empty = LiveIndex(256).vote(bank.candidate, threshold=THRESHOLD, min_votes=1)
    assert len(empty.owners) == 0


def test_codes_of_another_width_are_refused(bank: VoteBank) -> None:
    with pytest.raises(CodeWidthError):
        bank.index.vote(np.zeros((1, 8), np.uint8), threshold=THRESHOLD, min_votes=1)


def test_owners_are_found_by_the_steadiest_bits() -> None:
    rng = np.random.default_rng(6)
    codes = uniform(30_000, 32, rng)
    index = LiveIndex(256, steadiest=range(256))
    owners = np.arange(len(codes)) // OWNED
    index.add(np.arange(len(codes)), codes, owners)
    # Flip 58 bits in the second half of each code, none in the first half.
    flips = rng.random((50 * OWNED, 128)).argsort(axis=1) < 58
    candidate = codes[: len(flips)] ^ np.packbits(np.hstack((np.zeros_like(flips), flips)), axis=1)
    votes = index.vote(candidate, threshold=THRESHOLD, min_votes=1)
    assert dict(zip(votes.owners.tolist(), votes.votes.tolist(), strict=True)) == dict.fromkeys(
        range(50), OWNED
    )


def test_the_result_may_exceed_the_first_capacity() -> None:
    rng = np.random.default_rng(8)
    one = uniform(1, 32, rng)[0]
    crowd = np.array([near(one, 3, rng) for _ in range(3000)])
    segment = MihSegment(np.concatenate((crowd, uniform(30_000, 32, rng))))
    queries = np.array([near(one, 3, rng) for _ in range(8)])
    budget = segment.scan_ns() * 0.99
    found = segment.search_within_budget(queries, threshold=6, budget_ns=budget, steady_ns=budget)
    away = np.array([distances(query, crowd) for query in queries])
    assert len(found.positions) > 3 * len(crowd)
    assert set(found.positions.tolist()) == set(range(len(crowd)))
    # A code is found at most once for each chunk and each query at that distance.
    chunks = len(segment.arrays()["bits_at"]) - 1
    pairs = zip(found.positions.tolist(), found.distances.tolist(), strict=True)
    for (position, distance), times in Counter(pairs).items():
        assert times <= chunks * np.count_nonzero(away[:, position] == distance)


def test_of_many_owners_with_one_near_code_the_nearest_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(9)
    candidate = uniform(1, 32, rng)
    # The codes are 5, 10, … bits away. The codes at 45 and 50 bits have one owner.
    codes = np.array([near(candidate[0], bits, rng) for bits in range(5, 55, 5)])
    owners = np.array([*range(8), 100, 100])
    index = LiveIndex(256)
    index.add(np.arange(10), codes, owners)
    monkeypatch.setattr(votes, "MAX_SINGLES", 3)
    found = index.vote(candidate, threshold=THRESHOLD, min_votes=1)
    assert found.owners.tolist() == [100, 0, 1, 2]


@pytest.mark.parametrize("steadiest", [range(255), [*range(255), 0], range(1, 257)])
def test_the_steadiest_bits_must_be_all_bits(steadiest: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="exactly once"):
        LiveIndex(256, steadiest=steadiest)
