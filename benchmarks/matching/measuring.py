"""Fills every engine with the same codes, and asks all engines the same queries in turns."""

import functools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np

from benchmarks.matching.engines import (
    ENGINES,
    Engine,
    Hashsvc,
    available_bytes,
    resident_bytes,
)
from benchmarks.matching.figures import MatchingRow, Times, compare
from benchmarks.matching.queries import OWNED, QUERIES, VoteQuery
from benchmarks.matching.timing import TimedQueries, one_by_one, run_in_turns, undisturbed
from benchmarks.matching.truth import Neighbours, Verdict
from benchmarks.matching.workload import (
    FULL_EFFORT,
    RADII,
    RADIUS,
    Data,
    Effort,
    Log,
    Workload,
    make_workload,
)
from hashsvc.signals import POSSIBLE_REGIONS, REGION
from index.codes import Codes


@dataclass(slots=True)
class _Runner:
    """An engine with its codes, its figures and the verdicts on its answers."""

    engine: Engine
    row: MatchingRow
    effort: Effort
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def judge(self, what: str, answers: Sequence[Neighbours], truths: Sequence[Neighbours]) -> None:
        self.verdicts.setdefault(what, Verdict()).add(answers, truths)


def measure(
    load: Callable[[], Data],
    *,
    seed: int,
    engines: Sequence[type[Engine]] = ENGINES,
    effort: Effort = FULL_EFFORT,
    log: Log = print,
) -> list[MatchingRow]:
    """
    Return a row for each engine that could be measured; `log` gets the reasons for the others.

    Args:
        load: Makes the codes, which are dropped as soon as every engine has them.

        seed: Seed of everything random.

        engines: The engines to measure.

        effort: How much to measure.

        log: Prints a line of progress.
    """
    faiss.omp_set_num_threads(1)
    data = load()
    count, bits = len(data.stored), 8 * data.stored.shape[1]
    workload = make_workload(data, effort, seed=seed, votes=_measures_votes(engines, bits), log=log)
    runners = [
        _build(kind, data, workload, effort, log)
        for kind in engines
        if _can(kind, bits, count, log)
    ]
    del data
    for radius in RADII[bits]:
        _time_singles(runners, workload, radius)
        _judge_edges(runners, workload, radius)
    _time_batches(runners, workload)
    _time_votes(runners, workload)
    rows = [each.row for each in runners]
    # Reload one engine at a time, and drop it before the next one: loading takes as much memory
    # again.
    while runners:
        _change_and_reload(runners.pop(), workload)
    compare(rows)
    return rows


def _can(kind: type[Engine], bits: int, count: int, log: Log) -> bool:
    """Return whether an engine can be measured, and log the reason if not."""
    if bits not in kind.widths:
        return False
    if count > kind.most:
        reason = f"more than {kind.most:,} codes take too long, or too much memory"
    elif available_bytes() < kind.bytes_a_code * count:
        reason = f"it takes about {kind.bytes_a_code} bytes a code, and less memory is free"
    else:
        try:
            kind(bits)
        except ImportError:
            reason = f"the package {kind.package} is not installed (extra `oracle`)"
        else:
            return True
    log(f"NOT MEASURED: {kind.name} at {count:,} codes: {reason}.")
    return False


def _measures_votes(engines: Sequence[type[Engine]], bits: int) -> bool:
    return bits == REGION.bits and any(issubclass(each, Hashsvc) for each in engines)


def _build(kind: type[Engine], data: Data, workload: Workload, effort: Effort, log: Log) -> _Runner:
    codes = data.stored
    bits = 8 * codes.shape[1]
    _compile(kind, codes[: effort.warm_up_codes])
    engine = kind(bits)
    row = MatchingRow(
        len(codes), data.kind, bits, kind.name, RADIUS[bits], stream_ms=workload.stream_ms
    )
    if isinstance(engine, Hashsvc) and workload.candidates:
        engine.owners = np.arange(len(codes)) // OWNED
    before = resident_bytes()
    start = time.perf_counter()
    engine.build(codes)
    row.build_s = time.perf_counter() - start
    row.rss_bytes_per_code = (resident_bytes() - before) / len(codes)
    reported = engine.nbytes()
    row.bytes_per_code = row.rss_bytes_per_code if reported is None else reported / len(codes)
    row.bytes_from = "resident memory" if reported is None else "its own count"
    log(f"built    {kind.name} in {row.build_s:.1f} s")
    return _Runner(engine, row, effort)


def _compile(kind: type[Engine], codes: Codes) -> None:
    """Use an engine once on a few codes, so that later calls compile nothing."""
    engine = kind(8 * codes.shape[1])
    engine.build(codes)
    engine.search(engine.prepare(codes[:1]), 0 if engine.radius is None else engine.radius)


def _time_singles(runners: Sequence[_Runner], workload: Workload, radius: int) -> None:
    able = [each for each in runners if each.engine.radius in {None, radius}]
    timed = []
    for each in able:
        is_main, effort = each.row.radius == radius, each.effort
        queries = workload.queries[: QUERIES if is_main else effort.other_queries]
        longest_s = effort.main_s if is_main else effort.other_s
        timed.append(TimedQueries(each.engine, queries, radius, longest_s))
    run_in_turns(timed)
    for each, single in zip(able, timed, strict=True):
        read = [each.engine.read(answer, radius)[0] for answer in single.answers]
        truths = [truth.within(radius) for truth in workload.truths[: len(read)]]
        each.judge(f"single {radius}", read, truths)
        recall = each.verdicts[f"single {radius}"].recall
        worked, cold = Times.of(single.worked).p50, Times.of(single.cold).p50
        each.row.set_times(radius, Times.of(single.spent), worked, cold, recall)
        if radius == each.row.radius:
            each.row.recall = recall


def _time_batches(runners: Sequence[_Runner], workload: Workload) -> None:
    spent: list[list[float]] = [[] for _ in runners]
    for _ in range(max((each.effort.batches for each in runners), default=0)):
        for each, times in zip(runners, spent, strict=True):
            if sum(times) > each.effort.other_s * 1e3:
                continue
            radius = each.row.radius
            prepared = each.engine.prepare(workload.queries)
            with undisturbed():
                began = time.perf_counter()
                answer = each.engine.search(prepared, radius)
                times.append((time.perf_counter() - began) * 1e3)
            truths = [truth.within(radius) for truth in workload.truths]
            each.judge("batch", each.engine.read(answer, radius), truths)
    for each, times in zip(runners, spent, strict=True):
        each.row.batch_ms = float(np.median(times))


def _judge_edges(runners: Sequence[_Runner], workload: Workload, radius: int) -> None:
    """Check the answers for codes just within the radius and just beyond it."""
    queries, truths = workload.edges[radius]
    for each in runners:
        if each.engine.radius in {None, radius}:
            answer = each.engine.search(each.engine.prepare(queries), radius)
            each.judge(f"edges {radius}", each.engine.read(answer, radius), truths)


def _time_votes(runners: Sequence[_Runner], workload: Workload) -> None:
    for runner in runners:
        if workload.candidates and isinstance(runner.engine, Hashsvc):
            _time_votes_of(runner.engine, runner.row, workload.candidates)


def _time_votes_of(engine: Hashsvc, row: MatchingRow, candidates: Sequence[VoteQuery]) -> None:
    vote = functools.partial(engine.vote, threshold=REGION.threshold, min_votes=POSSIBLE_REGIONS)
    vote(candidates[0].codes)
    spent = []
    found = expected = wrong = 0
    with undisturbed():
        for candidate in candidates:
            began = time.perf_counter()
            votes = vote(candidate.codes)
            spent.append((time.perf_counter() - began) * 1e3)
            right = len(votes.items() & candidate.votes.items())
            found, wrong = found + right, wrong + len(votes) - right
            expected += len(candidate.votes)
    times = Times.of(spent)
    row.vote_ms, row.vote_ms_p99 = times.p50, times.p99
    row.vote_recall = found / expected if expected else None
    row.vote_wrong, row.vote_candidates, row.vote_images = wrong, len(candidates), expected


def _change_and_reload(runner: _Runner, workload: Workload) -> None:
    """Add, remove, save and load codes, and check the answers after each."""
    engine, row = runner.engine, runner.row
    codes = [
        engine.prepare(workload.added[place : place + 1]) for place in range(len(workload.added))
    ]
    times = one_by_one(
        [(engine.add, (workload.count + place, code)) for place, code in enumerate(codes)]
    )
    row.add_us, row.add_us_p99, row.adds = times.p50, times.p99, times.count
    gone: list[int] = []
    if engine.removes and not engine.renumbers:
        gone = _remove(engine, row, workload)
    _check(runner, workload, "changed", gone)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        engine.save(Path(folder))
        row.save_s = time.perf_counter() - began
        del engine
        runner.engine = type(runner.engine)(row.bits)
        began = time.perf_counter()
        runner.engine.load(Path(folder))
        row.load_s = time.perf_counter() - began
    _check(runner, workload, "loaded", gone)
    if runner.engine.renumbers:
        _remove(runner.engine, row, workload)
    row.wrong = sum(each.wrong for each in runner.verdicts.values())
    row.exact = all(each.exact for each in runner.verdicts.values())


def _remove(engine: Engine, row: MatchingRow, workload: Workload) -> list[int]:
    """Remove codes one by one, and return the ids of those removed."""
    order = [each for each in workload.removed if each < workload.count + row.adds]
    times = one_by_one([(engine.remove, (each,)) for each in order])
    row.remove_us, row.remove_us_p99, row.removes = times.p50, times.p99, times.count
    return order[: times.count]


def _check(runner: _Runner, workload: Workload, what: str, gone: Sequence[int]) -> None:
    engine, row = runner.engine, runner.row
    there = workload.count + row.adds
    absent = np.array([*gone, *range(there, workload.count + len(workload.added))], dtype=np.int64)
    answer = engine.search(engine.prepare(workload.later), row.radius)
    truths = [each.without(absent) for each in workload.later_truths]
    runner.judge(what, engine.read(answer, row.radius), truths)
