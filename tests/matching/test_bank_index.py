"""A search finds the contents in the bank at that moment, as brute force would."""

import random
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection

from hashsvc.matching import BankIndex, Found, Tier, bank_index, compare, signature_of
from hashsvc.settings import Settings
from hashsvc.signals import (
    DHASH,
    PDQ,
    PHASH,
    PROFILES,
    Profile,
    View,
)
from hashsvc.store import Database, cases
from hashsvc.store.ids import ContentId, PublicContentId, random_id
from tests.helpers.cases import store_case, store_content
from tests.matching.signatures import flipped, from_codes


def stored_codes(database: Database, content_id: ContentId) -> dict[str, bytes]:
    with database.read() as connection:
        signature = signature_of(connection, content_id)
    return {each.signal.algorithm: each.signal.code for each in signature.signals}


def ids(found: list[Found]) -> list[ContentId]:
    return [each.content_id for each in found]


@pytest.mark.parametrize("away", [-1, 0, 1])
@pytest.mark.parametrize("profile", [PDQ, PHASH], ids=lambda each: each.name)
def test_the_threshold_is_inclusive(database: Database, profile: Profile, away: int) -> None:
    rng = random.Random(7)
    content_id = store_content(database, store_case(database))
    code = stored_codes(database, content_id)[profile.name]
    near = flipped(code, profile.threshold + away, rng)
    found = BankIndex(database).find(from_codes({profile.name: near}))
    assert ids(found) == [content_id] * (away <= 0)
    for each in found:
        assert each.evidence.nearest is not None
        assert each.evidence.nearest.distance == profile.threshold + away
        assert each.evidence.tier is (Tier.CERTAIN if profile is PDQ else Tier.POSSIBLE)


def test_dhash_alone_finds_nothing(database: Database) -> None:
    content_id = store_content(database, store_case(database))
    codes = stored_codes(database, content_id)
    index = BankIndex(database)
    assert index.find(from_codes({"dhash1": codes["dhash1"]})) == []
    (found,) = index.find(from_codes({"phash1": codes["phash1"], "dhash1": codes["dhash1"]}))
    assert found.evidence.tier is Tier.POSSIBLE
    assert len(index) == 2


@pytest.mark.parametrize("view", View)
def test_every_view_of_a_candidate_is_searched(database: Database, view: View) -> None:
    content_id = store_content(database, store_case(database))
    codes = stored_codes(database, content_id)
    (found,) = BankIndex(database).find(from_codes({"pdq1": codes["pdq1"]}, view=view))
    assert found.evidence.nearest is not None
    assert (found.content_id, found.evidence.nearest.view) == (content_id, view)


def test_a_plain_candidate_and_one_without_signals_find_nothing(database: Database) -> None:
    codes = stored_codes(database, store_content(database, store_case(database)))
    index = BankIndex(database)
    assert index.find(from_codes(codes, quality=49)) == []
    assert index.find(from_codes({}, quality=100)) == []
    assert len(index.find(from_codes(codes, quality=50))) == 1


@pytest.mark.parametrize("per_step", [1, 500])
def test_several_candidates_find_what_each_finds_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch, per_step: int
) -> None:
    monkeypatch.setattr(bank_index, "CONTENTS_PER_STEP", per_step)
    rng = random.Random(3)
    case_id = store_case(database)
    contents = [store_content(database, case_id) for _ in range(4)]
    codes = [stored_codes(database, each) for each in contents]
    index = BankIndex(database)
    candidates = [
        from_codes({"pdq1": codes[0]["pdq1"]}),
        from_codes(codes[1], quality=49),
        from_codes({"phash1": flipped(codes[2]["phash1"], 3, rng), "dhash1": codes[2]["dhash1"]}),
        from_codes({}, quality=100),
        from_codes({"pdq1": rng.randbytes(32)}),
        from_codes({"pdq1": codes[0]["pdq1"], "phash1": codes[3]["phash1"]}),
    ]
    together = index.find_all(candidates)
    assert together == [index.find(each) for each in candidates]
    assert [len(each) for each in together] == [1, 0, 1, 0, 0, 2]
    assert index.find_all([]) == []


def test_the_database_is_not_read_if_nothing_is_new_or_near(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(8)
    content_id = store_content(database, store_case(database))
    near = from_codes({"pdq1": stored_codes(database, content_id)["pdq1"]})
    far = from_codes({"pdq1": rng.randbytes(32)})
    index = BankIndex(database)
    assert index.find(far) == []
    with monkeypatch.context() as patched:
        patched.delattr(Database, "read")
        assert index.find(far) == []
        with pytest.raises(AttributeError):
            index.find(near)
    assert ids(index.find(near)) == [content_id]


def test_a_withdrawal_by_another_process_counts_once_it_is_committed(
    database: Database, settings: Settings
) -> None:
    content_id = store_content(database, store_case(database))
    near = from_codes({"pdq1": stored_codes(database, content_id)["pdq1"]})
    index = BankIndex(database)
    assert ids(index.find(near)) == [content_id]
    # Another service with the same settings has its own connections.
    other = Database.of(settings)
    try:
        with other.write() as connection:
            cases.delete_content(connection, content_id)
            assert len(index) == 2
        assert index.find(near) == []
        assert len(index) == 0
    finally:
        other.close()


@pytest.mark.parametrize("per_step", [1, 3, 500])
def test_the_surest_comes_first_whatever_the_step(
    database: Database, monkeypatch: pytest.MonkeyPatch, per_step: int
) -> None:
    monkeypatch.setattr(bank_index, "CONTENTS_PER_STEP", per_step)
    rng = random.Random(2)
    case_id = store_case(database)
    seen = {name: rng.randbytes(PROFILES[name].bits // 8) for name in ("pdq1", "phash1", "dhash1")}

    def content(**distances: int) -> ContentId:
        return store_content(
            database,
            case_id,
            [(name, "whole", flipped(seen[name], away, rng)) for name, away in distances.items()],
        )

    possible = content(pdq1=90, phash1=PHASH.threshold, dhash1=DHASH.threshold + 1)
    likely = content(pdq1=90, phash1=3, dhash1=DHASH.threshold)
    content(pdq1=PDQ.threshold + 1, phash1=PHASH.threshold + 1, dhash1=0)
    far = content(pdq1=PDQ.threshold, phash1=30, dhash1=30)
    near, as_near = content(pdq1=4, phash1=30, dhash1=30), content(pdq1=4, phash1=0, dhash1=0)
    found = BankIndex(database).find(from_codes(seen))
    assert ids(found) == [near, as_near, far, likely, possible]
    assert [each.surer_than(found[2]) for each in found] == [True, True, False, False, False]


@pytest.mark.both_databases
def test_new_contents_are_found_at_once_and_removed_ones_never_again(database: Database) -> None:
    case_id = store_case(database)
    index = BankIndex(database)
    for _ in range(5):
        content_id = store_content(database, case_id)
        seen = from_codes(stored_codes(database, content_id))
        assert ids(index.find(seen)) == [content_id]
        with database.write() as connection:
            cases.delete_content(connection, content_id)
            # The deletion is not committed yet, so others still find the content.
            assert ids(index.find(seen)) == [content_id]
        assert index.find(seen) == []
    assert len(index) == 0
    assert index.catch_up() == 0


def test_uncommitted_contents_are_not_found(database: Database) -> None:
    case_id = store_case(database)
    index = BankIndex(database)
    with database.write() as connection:
        cases.add_content(
            connection,
            case_id,
            public_id=PublicContentId("a"),
            quality=100,
            day="2026-01-05",
            signals=[("pdq1", "whole", bytes(32))],
        )
        assert index.find(from_codes({"pdq1": bytes(32)})) == []
    assert len(index.find(from_codes({"pdq1": bytes(32)}))) == 1


class AgainstTheDatabase(RuleBasedStateMachine):
    """After any changes, an index that follows the feed answers like a new one and brute force."""

    @initialize(seed=st.integers(0, 2**32 - 1), step=st.integers(1, 5))
    def begin(self, seed: int, step: int) -> None:
        self.rng = random.Random(seed)
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'hashsvc.db'}")
        self.database.migrate()
        self.case_id = store_case(self.database)
        self.live: list[ContentId] = []
        # Few changes per step, so that changes that belong together fall into different steps.
        self.changes_per_step, bank_index.CHANGES_PER_STEP = bank_index.CHANGES_PER_STEP, step
        self.follower = BankIndex(self.database)
        self.seen = {"pdq1": self.rng.randbytes(32), "phash1": self.rng.randbytes(8)}

    def signals(self) -> list[tuple[str, str, bytes]]:
        """Return codes just within the threshold, at it, just beyond it, or far away."""
        return [
            (name, "whole", flipped(code, away + self.rng.choice([-1, 0, 1, 20]), self.rng))
            for name, code, away in (
                ("pdq1", self.seen["pdq1"], PDQ.threshold),
                ("phash1", self.seen["phash1"], PHASH.threshold),
            )
        ]

    def add_one(self, connection: Connection) -> None:
        self.live.append(
            cases.add_content(
                connection,
                self.case_id,
                public_id=PublicContentId(random_id()),
                quality=self.rng.choice([50, 100]),
                day="2026-01-05",
                signals=self.signals(),
            )
        )

    def remove_one(self, connection: Connection) -> None:
        gone = self.live.pop(self.rng.randrange(len(self.live)))
        cases.delete_content(connection, gone)

    @rule(count=st.integers(1, 6))
    def add(self, count: int) -> None:
        with self.database.write() as connection:
            for _ in range(count):
                self.add_one(connection)

    @precondition(lambda self: self.live)
    @rule(count=st.integers(1, 4))
    def remove(self, count: int) -> None:
        with self.database.write() as connection:
            for _ in range(min(count, len(self.live))):
                self.remove_one(connection)

    @rule(count=st.integers(1, 3))
    def add_and_remove_at_once(self, count: int) -> None:
        with self.database.write() as connection:
            for _ in range(count):
                self.add_one(connection)
                self.remove_one(connection)

    @invariant()
    def answers_agree(self) -> None:
        seen = from_codes(self.seen)
        with self.database.read() as connection:
            compared = {each: compare(signature_of(connection, each), seen) for each in self.live}
        expected = {each: found for each, found in compared.items() if found.tier is not None}
        anew = BankIndex(self.database)
        following, built = self.follower.find(seen), anew.find(seen)
        assert following == built
        assert {each.content_id: each.evidence for each in built} == expected
        assert len(built) == len(expected)
        assert len(self.follower) == len(anew) == 2 * len(self.live)

    def teardown(self) -> None:
        bank_index.CHANGES_PER_STEP = self.changes_per_step
        self.database.close()
        self.folder.cleanup()


AgainstTheDatabase.TestCase.settings = hypothesis_settings(
    max_examples=12, stateful_step_count=6, deadline=None
)
TestAgainstTheDatabase = AgainstTheDatabase.TestCase


@pytest.mark.both_databases
def test_withdrawn_contents_are_never_found_while_others_come_and_go(database: Database) -> None:
    """Four threads search while two add and withdraw. The content that stays is always found."""
    case_id = store_case(database)
    code = bytes(32)
    signals = [("pdq1", "whole", code), ("phash1", "whole", bytes(8))]
    staying = store_content(database, case_id, signals)
    index = BankIndex(database)
    withdrawn: set[ContentId] = set()
    stop = threading.Event()

    def search() -> int:
        searches = 0
        while not stop.is_set():
            before = withdrawn.copy()
            found = ids(index.find(from_codes({"pdq1": code, "phash1": bytes(8)})))
            assert staying in found
            assert not before & set(found)
            assert len(set(found)) == len(found)
            searches += 1
        return searches

    def write() -> None:
        for _ in range(40):
            content_id = store_content(database, case_id, signals)
            with database.write() as connection:
                cases.delete_content(connection, content_id)
            withdrawn.add(content_id)

    with ThreadPoolExecutor(6) as pool:
        searching = [pool.submit(search) for _ in range(4)]
        writing = [pool.submit(write) for _ in range(2)]
        wait(writing)
        stop.set()
    for each in writing:
        each.result()
    assert min(each.result() for each in searching) > 0
    assert len(withdrawn) == 80
    assert ids(index.find(from_codes({"pdq1": code}))) == [staying]
    assert len(index) == 2
