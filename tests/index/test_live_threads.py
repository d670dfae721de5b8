"""Threads do not disturb each other: each result has every live code and no other."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index import DuplicateIdError, Engine, LiveIndex, part_set
from index.codes import Codes
from index.hits import Ids
from index.merging import merged
from index.part import Part, SealedPart
from index.part_set import PartSet
from index.segment import SegmentPlan
from tests.index.made import merge_threads, wait_for_merges

_ALWAYS = 10**18


@contextmanager
def restless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make tails small, and let threads take turns very often."""
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    before = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@dataclass
class CodeLife:
    """When the calls that added and removed one code began and ended, in nanoseconds."""

    added: tuple[int, int]
    removed: tuple[int, int] = (_ALWAYS, _ALWAYS)


@dataclass
class ThreadAnswer:
    """When one search began and ended, and the ids and distances it found."""

    began: int
    ended: int
    ids: Ids
    distances: NDArray[np.int32]


def timed(call: Callable[[], object]) -> tuple[int, int]:
    began = time.monotonic_ns()
    call()
    return began, time.monotonic_ns()


def code_of(id_: int) -> Codes:
    """Return a code whose distance from zero is the id modulo 9, so that a mix-up shows."""
    bits = np.zeros(64, dtype=np.uint8)
    bits[: id_ % 9] = 1
    return np.packbits(bits)


def write(index: LiveIndex, until: float, first: int) -> list[CodeLife]:
    """Add codes in batches of many sizes, and remove most of them later."""
    rng = np.random.default_rng(first)
    lives: list[CodeLife] = []
    removed = 0
    while time.monotonic() < until and len(lives) < 12_000:
        count = int(rng.choice([1, 1, 1, 5, 31, 40]))
        ids = np.arange(first + len(lives), first + len(lives) + count)
        codes = np.stack([code_of(int(each)) for each in ids])
        added = timed(partial(index.add, ids, codes, ids // 2))
        lives += [CodeLife(added) for _ in ids]
        while removed < len(lives) - 150:
            gone = first + removed
            if rng.random() < 0.5:
                when = timed(partial(index.remove, [gone, gone + 1]))
            else:
                when = timed(partial(index.remove_owners, [gone // 2]))
            for each in lives[removed : removed + 2]:
                each.removed = when
            # Every third pair stays.
            removed += 2 if (removed // 2) % 3 else 4
    return lives


def read(index: LiveIndex, until: float) -> list[ThreadAnswer]:
    answers = []
    while time.monotonic() < until:
        began = time.monotonic_ns()
        hits = index.search(np.zeros((1, 8), np.uint8), threshold=9)
        answers.append(ThreadAnswer(began, time.monotonic_ns(), hits.ids, hits.distances))
    return answers


T = TypeVar("T")


def run(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run all calls at the same time; return their results, or raise what one of them raises."""
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            results[number] = calls[number]()
        except BaseException as error:  # noqa: BLE001 (raised below)
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(calls))]


def check(answers: list[ThreadAnswer], first: int, lives: list[CodeLife]) -> None:
    added = np.array([each.added for each in lives])
    removed = np.array([each.removed for each in lives])
    for answer in answers:
        must = (added[:, 1] < answer.began) & (removed[:, 0] > answer.ended)
        may = (added[:, 0] < answer.ended) & (removed[:, 1] > answer.began)
        ours = answer.ids[(answer.ids >= first) & (answer.ids < first + len(lives))]
        found = np.zeros(len(lives), dtype=bool)
        found[ours - first] = True
        assert not np.any(must & ~found), "a live code is missing"
        assert not np.any(found & ~may), "a code is found before its addition or after its removal"


@pytest.mark.parametrize("engine", ["auto", "faiss"])
def test_each_result_fits_the_time_of_its_search(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    until = time.monotonic() + 2

    def tidy() -> None:
        while time.monotonic() < until:
            index.purge()
            index.save(tmp_path)
            index.settle()

    lives: dict[int, list[CodeLife]] = {}
    answers: list[ThreadAnswer] = []

    def writer(first: int) -> None:
        lives[first] = write(index, until, first)

    def reader() -> None:
        answers.extend(read(index, until))

    firsts = (0, 10**6)
    with restless(monkeypatch):
        index = LiveIndex(64, engine=engine)
        writers = [partial(writer, first) for first in firsts]
        run([*writers, partial(reader), partial(reader), partial(tidy)])
    assert len(answers) > 20
    assert min(map(len, lives.values())) > 20
    for answer in answers:
        assert len(np.unique(answer.ids)) == len(answer.ids)
        # The distances of both writers' codes are those of code_of.
        assert np.array_equal(answer.distances, answer.ids % 9)
    for first in firsts:
        check(answers, first, lives[first])
    left = sum(each.removed[0] == _ALWAYS for written in lives.values() for each in written)
    assert len(index) == left
    index.close()


def test_only_one_of_several_threads_can_add_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """This also holds for large batches, whose known ids are found only after they were built."""
    with restless(monkeypatch):
        for turn in range(30):
            index = LiveIndex(64)
            count = 200 if turn % 2 else 3
            codes = np.zeros((count, 8), dtype=np.uint8)
            start = threading.Barrier(3)

            def add(
                index: LiveIndex = index,
                count: int = count,
                codes: Codes = codes,
                start: threading.Barrier = start,
            ) -> bool:
                start.wait(30)
                try:
                    index.add(np.arange(count), codes)
                except DuplicateIdError:
                    return False
                return True

            assert sorted(run([add, add, add])) == [False, False, True]
            assert len(index) == count
            assert len(index.search(codes[:1], threshold=0).ids) == count
            index.close()


@pytest.mark.parametrize("count", [1, 100])
def test_an_id_added_while_a_large_batch_is_built_is_refused(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    index = LiveIndex(64)
    build = SealedPart.of
    built: list[int] = []

    def of(ids: Ids, owners: Ids, codes: Codes, plan: SegmentPlan) -> SealedPart:
        built.append(len(codes))
        if len(built) == 1:
            index.add(np.arange(50, 50 + count), np.zeros((count, 8), np.uint8))
        return build(ids, owners, codes, plan)

    monkeypatch.setattr(SealedPart, "of", of)
    with pytest.raises(DuplicateIdError):
        index.add(np.arange(90), np.zeros((90, 8), np.uint8))
    assert built[0] == 90
    assert len(index) == count


@pytest.mark.parametrize("count", [1, 100])
def test_an_id_added_at_the_last_moment_is_refused(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large batch is checked before the lock is taken; an id added after that is found too."""
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    index = LiveIndex(64)
    refuse_known = PartSet.refuse_known
    checks: list[tuple[Part, ...]] = []

    def refuse(self: PartSet, wanted: Ids, *, seen: tuple[Part, ...] = ()) -> tuple[Part, ...]:
        parts = refuse_known(self, wanted, seen=seen)
        checks.append(seen)
        if len(checks) == 2:
            # The batch has been built and checked once more by now.
            index.add(np.arange(50, 50 + count), np.zeros((count, 8), np.uint8))
        return parts

    monkeypatch.setattr(PartSet, "refuse_known", refuse)
    with pytest.raises(DuplicateIdError):
        index.add(np.arange(90), np.zeros((90, 8), np.uint8))
    assert len(index) == count
    assert index.search(np.zeros((1, 8), np.uint8), threshold=0).ids.tolist() == list(
        range(50, 50 + count)
    )


def test_a_code_removed_during_a_merge_stays_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge reads which codes live, and waits. Some are removed, and one is added again."""
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    index = LiveIndex(64)
    index.add(np.arange(100), np.zeros((100, 8), dtype=np.uint8), np.arange(100) // 10)
    index.remove([0])
    looked, go_on = threading.Event(), threading.Event()
    merge = PartSet.merged

    def slow(self: PartSet, parts: Sequence[Part]) -> SealedPart | None:
        new = merge(self, parts)
        looked.set()
        assert go_on.wait(30)
        return new

    monkeypatch.setattr(PartSet, "merged", slow)
    purge = threading.Thread(target=index.purge)
    purge.start()
    assert looked.wait(30)
    assert index.remove([5, 6]) == 2
    assert index.remove_owners([9]) == 10
    index.add(np.array([6]), np.full((1, 8), 255, dtype=np.uint8))
    during = index.search(np.zeros((1, 8), np.uint8), threshold=0)
    go_on.set()
    purge.join()
    after = index.search(np.zeros((1, 8), np.uint8), threshold=0)
    assert during.ids.tolist() == after.ids.tolist() == [*range(1, 5), *range(7, 90)]
    assert index.search(np.full((1, 8), 255, np.uint8), threshold=0).ids.tolist() == [6]
    assert len(index) == 88


def test_a_merge_copies_codes_correctly_while_others_are_removed() -> None:
    """Codes may be removed while a merge reads which ones live; each copied code is right."""
    count = 100_000
    ids = np.arange(count)
    codes = ids.view(np.uint8).reshape(count, 8).copy()
    until = time.monotonic() + 1
    part = SealedPart.of(ids, ids, codes, SegmentPlan("faiss"))

    def bury() -> None:
        while time.monotonic() < until:
            part.alive[:] = True
            for each in range(count - 1, 0, -997):
                part.alive[each] = False

    merges = 0

    def merge() -> None:
        nonlocal merges
        while time.monotonic() < until:
            new = merged([part], SegmentPlan("faiss"))
            assert new is not None
            assert np.all(new.ids[1:] > new.ids[:-1])
            assert np.array_equal(new.segment.codes.view(np.int64).reshape(-1), new.ids)
            merges += 1

    run([bury, merge])
    assert merges > 5


def test_closing_waits_for_the_running_merge_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    index = LiveIndex(64)
    merging, go_on = threading.Event(), threading.Event()
    merges: list[int] = []
    merge = PartSet.merged

    def slow(self: PartSet, parts: Sequence[Part]) -> SealedPart | None:
        merges.append(len(parts))
        merging.set()
        assert go_on.wait(30)
        return merge(self, parts)

    monkeypatch.setattr(PartSet, "merged", slow)
    for first in range(0, 300, 30):
        index.add(np.arange(first, first + 30), np.zeros((30, 8), dtype=np.uint8))
        # The first full tail is being sealed. The others become full meanwhile, and are due next.
        assert first == 0 or merging.wait(30)
    (worker,) = merge_threads()
    closing = threading.Thread(target=index.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    go_on.set()
    closing.join(30)
    assert not worker.is_alive()
    assert len(merges) == 1
    assert len(index.search(np.zeros((1, 8), np.uint8), threshold=0).ids) == 300


def test_a_failed_merge_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next full tail starts the merge. Until then, the index answers from the parts it has."""
    monkeypatch.setattr(part_set, "TAIL_CODES", 32)
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    index = LiveIndex(64)
    merge = PartSet.merged

    def fail(self: PartSet, parts: Sequence[Part]) -> SealedPart | None:
        raise MemoryError

    monkeypatch.setattr(PartSet, "merged", fail)
    index.add(np.arange(30), np.zeros((30, 8), dtype=np.uint8))
    index.add(np.arange(30, 60), np.zeros((30, 8), dtype=np.uint8))
    wait_for_merges()
    assert len(failures) == 1
    assert len(index.search(np.zeros((1, 8), np.uint8), threshold=0).ids) == 60
    monkeypatch.setattr(PartSet, "merged", merge)
    index.remove([5])
    index.add(np.arange(60, 90), np.zeros((30, 8), dtype=np.uint8))
    wait_for_merges()
    assert [len(part) for part in index.parts] == [59, 30]
    assert len(failures) == 1


def test_a_search_reads_no_row_that_is_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tail grows in place while it is searched; no result has a code twice or half written."""
    index = LiveIndex(256)
    until = time.monotonic() + 0.5
    query = np.full((300, 32), 255, dtype=np.uint8)

    added = 0
    counts_found: list[list[int]] = []

    def add() -> None:
        nonlocal added
        while time.monotonic() < until and added < 8000:
            index.add(np.array([added]), query[:1])
            added += 1

    def search() -> None:
        found: list[int] = []
        counts_found.append(found)
        while time.monotonic() < until:
            hits = index.search(query, threshold=0)
            counts = np.diff(hits.offsets)
            assert np.all(counts == counts[0])
            assert hits[0][0].tolist() == list(range(counts[0]))
            found.append(int(counts[0]))
            if counts[0] > 3000:
                break

    run([add, search, search])
    assert len(counts_found) == 2
    for found in counts_found:
        assert found == sorted(found)
    assert len(index) == added


def test_a_search_starts_no_threads_of_its_own() -> None:
    """OpenMP keeps a setting per calling thread, so the importing thread's does not count."""
    index = LiveIndex(64)
    index.add(np.array([1]), np.zeros((1, 8), dtype=np.uint8))

    def search() -> int:
        faiss.omp_set_num_threads(4)
        index.search(np.zeros((9, 8), np.uint8), threshold=3)
        return faiss.omp_get_max_threads()

    assert run([search, search]) == [1, 1]
