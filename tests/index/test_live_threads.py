"""Threads do not disturb each other: each answer has what must be there and nothing else."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import pytest

from index import DuplicateIdError, LiveIndex
from index import part as part_module
from index import part_set as parts_module
from index.segment import SegmentPlan
from tests.index.made import settled

_ALWAYS = 10**18


@contextmanager
def restless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small tails, and threads that take turns all the time."""
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    before = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@dataclass
class CodeLife:
    """When the calls that added and removed one code began and ended."""

    added: tuple[int, int]
    removed: tuple[int, int] = (_ALWAYS, _ALWAYS)


@dataclass
class ThreadAnswer:
    """When one search began and ended, and the ids and distances it found."""

    began: int
    ended: int
    ids: np.ndarray
    distances: np.ndarray


def timed(call: Callable[[], object]) -> tuple[int, int]:
    began = time.monotonic_ns()
    call()
    return began, time.monotonic_ns()


def code_of(each: int) -> np.ndarray:
    """Return a code that is as far from zero as the id says, so that a mix-up shows."""
    bits = np.zeros(64, dtype=np.uint8)
    bits[: each % 9] = 1
    return np.packbits(bits)


def write(index: LiveIndex, until: float, first: int) -> list[CodeLife]:
    """Add one code after the other, in batches of all sizes, and remove most of them later."""
    rng = np.random.default_rng(first)
    lives: list[CodeLife] = []
    removed = 0
    while time.monotonic() < until and len(lives) < 12_000:
        count = int(rng.choice([1, 1, 1, 5, 31, 40]))
        ids = np.arange(first + len(lives), first + len(lives) + count)
        codes = np.stack([code_of(int(each)) for each in ids])
        added = timed(lambda ids=ids, codes=codes: index.add(ids, codes, ids // 2))
        lives += [CodeLife(added) for _ in ids]
        while removed < len(lives) - 150:
            gone = first + removed
            if rng.random() < 0.5:
                when = timed(lambda gone=gone: index.remove([gone, gone + 1]))
            else:
                when = timed(lambda gone=gone: index.remove_owners([gone // 2]))
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


def run(calls: list[Callable[[], object]]) -> list[object]:
    """Call all at the same time; return what they return, or raise what they raise."""
    results: list[object] = [None] * len(calls)
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
    return results


def check(answers: list[ThreadAnswer], first: int, lives: list[CodeLife]) -> None:
    added = np.array([each.added for each in lives])
    removed = np.array([each.removed for each in lives])
    for answer in answers:
        must = (added[:, 1] < answer.began) & (removed[:, 0] > answer.ended)
        may = (added[:, 0] < answer.ended) & (removed[:, 1] > answer.began)
        ours = answer.ids[(answer.ids >= first) & (answer.ids < first + len(lives))]
        found = np.zeros(len(lives), dtype=bool)
        found[ours - first] = True
        assert not np.any(must & ~found), "a code that was there is missing"
        assert not np.any(found & ~may), "a code that was removed, or not there yet, is found"


@pytest.mark.parametrize("engine", ["auto", "faiss"])
def test_each_answer_fits_its_time(
    engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    until = time.monotonic() + 2

    def tidy() -> None:
        while time.monotonic() < until:
            index.purge()
            index.save(tmp_path)
            index.settle()

    firsts = (0, 10**6)
    with restless(monkeypatch):
        index = LiveIndex(64, engine=engine)
        results = run(
            [
                *(lambda first=first: write(index, until, first) for first in firsts),
                lambda: read(index, until),
                lambda: read(index, until),
                tidy,
            ]
        )
    lives, answers = results[:2], [*results[2], *results[3]]
    assert len(answers) > 20
    assert min(len(each) for each in lives) > 20
    for answer in answers:
        assert len(np.unique(answer.ids)) == len(answer.ids)
        # The ids of both writers are as far from zero as code_of says.
        assert np.array_equal(answer.distances, answer.ids % 9)
    for first, written in zip(firsts, lives, strict=True):
        check(answers, first, written)
    left = sum(each.removed[0] == _ALWAYS for written in lives for each in written)
    assert len(index) == left
    index.close()


def test_of_two_that_add_one_id_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when both have a large batch, and find out only once it is built."""
    with restless(monkeypatch):
        for turn in range(30):
            index = LiveIndex(64)
            count = 200 if turn % 2 else 3
            codes = np.zeros((count, 8), dtype=np.uint8)
            start = threading.Barrier(3)

            def add(index=index, count=count, codes=codes, start=start) -> bool:
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
def test_an_id_that_comes_while_a_large_batch_is_built_is_refused(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    index = LiveIndex(64)
    true_seal, built = part_module.seal, []

    def seal(codes, plan):
        built.append(len(codes))
        if len(built) == 1:
            index.add(np.arange(50, 50 + count), np.zeros((count, 8), np.uint8))
        return true_seal(codes, plan)

    monkeypatch.setattr(part_module, "seal", seal)
    with pytest.raises(DuplicateIdError):
        index.add(np.arange(90), np.zeros((90, 8), np.uint8))
    assert built[0] == 90
    assert len(index) == count


@pytest.mark.parametrize("count", [1, 100])
def test_an_id_that_comes_at_the_last_moment_is_refused(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large batch is looked through before the lock is taken; what comes then is found too."""
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    index = LiveIndex(64)
    true_refuse, looked = index._part_set.refuse_known, []

    def refuse(wanted, *, seen=()):
        view = true_refuse(wanted, seen=seen)
        looked.append(seen)
        if len(looked) == 2:
            # After the batch was built and looked through once more.
            index.add(np.arange(50, 50 + count), np.zeros((count, 8), np.uint8))
        return view

    monkeypatch.setattr(index._part_set, "refuse_known", refuse)
    with pytest.raises(DuplicateIdError):
        index.add(np.arange(90), np.zeros((90, 8), np.uint8))
    assert len(index) == count
    assert index.search(np.zeros((1, 8), np.uint8), threshold=0).ids.tolist() == list(
        range(50, 50 + count)
    )


def test_a_code_removed_during_a_merge_stays_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that knows which codes live is held while some are removed and one comes again."""
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    index = LiveIndex(64)
    index.add(np.arange(100), np.zeros((100, 8), dtype=np.uint8), np.arange(100) // 10)
    index.remove([0])
    looked, go_on = threading.Event(), threading.Event()
    true_merged = parts_module.merged

    def slow(parts, plan):
        new = true_merged(parts, plan)
        looked.set()
        assert go_on.wait(30)
        return new

    monkeypatch.setattr(parts_module, "merged", slow)
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


def test_a_merge_takes_each_code_as_it_is_while_others_are_removed() -> None:
    """Codes may go while it looks which ones live; each that it takes over is a true one."""
    count = 100_000
    ids = np.arange(count)
    codes = ids.view(np.uint8).reshape(count, 8).copy()
    until = time.monotonic() + 1
    part = part_module.SealedPart.of(ids, ids, codes, SegmentPlan("faiss"))

    def bury() -> None:
        while time.monotonic() < until:
            part.alive[:] = True
            for each in range(count - 1, 0, -997):
                part.alive[each] = False

    def merge() -> int:
        merges = 0
        while time.monotonic() < until:
            new = parts_module.merged([part], SegmentPlan("faiss"))
            assert np.all(new.ids[1:] > new.ids[:-1])
            assert np.array_equal(new.segment.codes.view(np.int64).reshape(-1), new.ids)
            merges += 1
        return merges

    _, merges = run([bury, merge])
    assert merges > 5


def test_closing_waits_for_the_merge_under_way_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    index = LiveIndex(64)
    merging, go_on, merges = threading.Event(), threading.Event(), []
    true_merged = parts_module.merged

    def slow(parts, plan):
        merges.append(len(parts))
        merging.set()
        assert go_on.wait(30)
        return true_merged(parts, plan)

    monkeypatch.setattr(parts_module, "merged", slow)
    for first in range(0, 300, 30):
        index.add(np.arange(first, first + 30), np.zeros((30, 8), dtype=np.uint8))
        # The first full tail is being sealed, the others are full by then and due next.
        assert first == 0 or merging.wait(30)
    worker = index._part_set._merge_thread
    closing = threading.Thread(target=index.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    go_on.set()
    closing.join(30)
    assert not worker.is_alive()
    assert len(merges) == 1
    assert len(index.search(np.zeros((1, 8), np.uint8), threshold=0).ids) == 300


def test_a_merge_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the next full tail; until then the index answers from what it has."""
    monkeypatch.setattr(parts_module, "TAIL_CODES", 32)
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    index = LiveIndex(64)
    true_merged = parts_module.merged

    def fail(parts, plan):
        raise MemoryError

    monkeypatch.setattr(parts_module, "merged", fail)
    index.add(np.arange(30), np.zeros((30, 8), dtype=np.uint8))
    index.add(np.arange(30, 60), np.zeros((30, 8), dtype=np.uint8))
    settled(index)
    assert len(failures) == 1
    assert len(index.search(np.zeros((1, 8), np.uint8), threshold=0).ids) == 60
    monkeypatch.setattr(parts_module, "merged", true_merged)
    index.remove([5])
    index.add(np.arange(60, 90), np.zeros((30, 8), dtype=np.uint8))
    settled(index)
    assert [len(part) for part in index.parts] == [59, 30]
    assert len(failures) == 1


def test_a_search_reads_no_row_that_is_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tail grows in place while it is searched, and no answer has a code twice or half."""
    index = LiveIndex(256)
    until = time.monotonic() + 0.5
    query = np.full((300, 32), 255, dtype=np.uint8)

    def add() -> int:
        each = 0
        while time.monotonic() < until and each < 8000:
            index.add(np.array([each]), query[:1])
            each += 1
        return each

    def search() -> list[int]:
        found = []
        while time.monotonic() < until:
            hits = index.search(query, threshold=0)
            counts = np.diff(hits.offsets)
            assert np.all(counts == counts[0])
            assert hits[0][0].tolist() == list(range(counts[0]))
            found.append(int(counts[0]))
            if counts[0] > 3000:
                break
        return found

    added, found, _ = run([add, search, search])
    assert found == sorted(found)
    assert len(index) == added


def test_a_search_starts_no_threads_of_its_own() -> None:
    """OpenMP counts for each calling thread; what the importing thread set is not known there."""
    index = LiveIndex(64)
    index.add(np.array([1]), np.zeros((1, 8), dtype=np.uint8))

    def search() -> int:
        faiss.omp_set_num_threads(4)
        index.search(np.zeros((9, 8), np.uint8), threshold=3)
        return faiss.omp_get_max_threads()

    assert run([search, search]) == [1, 1]
