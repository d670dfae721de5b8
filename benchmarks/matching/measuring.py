"""Fills every engine with the same codes, and asks them all the same, in turns."""

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
from benchmarks.matching.queries import (
    OWNED,
    QUERIES,
    VoteQuery,
    flipped,
    make_candidates,
    make_queries,
)
from benchmarks.matching.timing import Asking, ask_in_turns, one_by_one, undisturbed
from benchmarks.matching.truth import Neighbours, Verdict, scan, stream_ms
from hashsvc.signals import POSSIBLE_REGIONS, REGION
from index.codes import Codes

RADII = {256: (0, 16, 31, 46, 64), 64: (0, 8, 16)}
RADIUS = {256: 31, 64: 8}

_OTHER_RADII = 200
"""Single queries at a radius that is not the main one, which gets all."""

_MAIN_S, _OTHER_S = 120.0, 30.0
"""What an engine may take of single queries at one radius; a slow one gets fewer."""

_FEW = 20_000
_BATCHES = 3
_CHECKED = 50
"""Queries asked once more after a change, and after loading."""

_CHANGES = 1000
_VOTES_UP_TO = 20_000_000
_VOTE_PAIRS = 5e10
_FEWEST_CANDIDATES, _MOST_CANDIDATES = 10, 100

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Data:
    """
    Codes to fill an index with.

    Attributes:
        kind: In the figures.

        stored: Shape (n, bits // 8).

        fresh: More than a thousand others, or some hundreds at least.
    """

    kind: str
    stored: Codes
    fresh: Codes


@dataclass(frozen=True, slots=True)
class _Asked:
    """
    What every engine is asked, and the truth about it.

    Attributes:
        truths: Of each query, within the widest radius.

        added: Codes that are added one by one; their ids follow those of the stored ones.

        removed: Ids that are removed one by one, of stored and of added codes.

        edges: By radius, codes that have a stored one about so far away, and the truth about them.

        later: What is asked once more after a change, and after loading.

        later_truths: Of these, with all that is added and nothing removed.
    """

    count: int
    queries: Codes
    truths: list[Neighbours]
    added: Codes
    removed: list[int]
    edges: dict[int, tuple[Codes, list[Neighbours]]]
    later: Codes
    later_truths: list[Neighbours]
    candidates: list[VoteQuery]
    stream_ms: float


@dataclass(slots=True)
class _Runner:
    """An engine with its codes, and what became of it so far."""

    engine: Engine
    row: MatchingRow
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def judge(self, what: str, answers: Sequence[Neighbours], truths: Sequence[Neighbours]) -> None:
        self.verdicts.setdefault(what, Verdict()).add(answers, truths)


def measure(
    load: Callable[[], Data],
    *,
    seed: int,
    engines: Sequence[type[Engine]] = ENGINES,
    tell: Tell = print,
) -> list[MatchingRow]:
    """
    Return a row for each engine that could be measured; `tell` says why others could not.

    Args:
        load: Makes the codes; they are dropped as soon as every engine has them.
    """
    faiss.omp_set_num_threads(1)
    data = load()
    count, bits = len(data.stored), 8 * data.stored.shape[1]
    asked = _ask_for(data, seed=seed, votes=_vote(engines, bits), tell=tell)
    runners = [_built(kind, data, asked, tell) for kind in engines if _can(kind, bits, count, tell)]
    del data
    for radius in RADII[bits]:
        _time_singles(runners, asked, radius)
        _judge_edges(runners, asked, radius)
    _time_batches(runners, asked)
    _time_votes(runners, asked)
    rows = [each.row for each in runners]
    # One after the other, each gone before the next: reading back takes as much memory again.
    while runners:
        _change_and_reload(runners.pop(), asked)
    compare(rows)
    return rows


def _can(kind: type[Engine], bits: int, count: int, tell: Tell) -> bool:
    """Tell whether an engine can be measured, and say why not."""
    if bits not in kind.widths:
        return False
    if count > kind.most:
        reason = f"more than {kind.most:,} codes take it too long, or too much memory"
    elif available_bytes() < kind.bytes_a_code * count:
        reason = f"it takes about {kind.bytes_a_code} bytes a code, and there is less"
    else:
        try:
            kind(bits)
        except ImportError:
            reason = f"the package {kind.package} is not installed (extra `oracle`)"
        else:
            return True
    tell(f"NOT MEASURED: {kind.name} at {count:,} codes: {reason}.")
    return False


def _vote(engines: Sequence[type[Engine]], bits: int) -> bool:
    return bits == REGION.bits and any(issubclass(each, Hashsvc) for each in engines)


def _ask_for(data: Data, *, seed: int, votes: bool, tell: Tell) -> _Asked:
    stored, fresh, count = data.stored, data.fresh, len(data.stored)
    bits = 8 * stored.shape[1]
    rng = np.random.default_rng([seed, count, 3])
    queries = make_queries(stored, fresh, seed=seed)
    truths = scan(stored, queries, radius=max(RADII[bits]))
    added = fresh[rng.integers(0, len(fresh), _CHANGES)]
    later = np.concatenate((queries[:_CHECKED], added[:_CHECKED]))
    later_truths = scan(stored, later, radius=RADIUS[bits])
    hit = np.concatenate([each.ids for each in later_truths])
    others = rng.choice(count, min(count // 2, _CHANGES // 2), replace=False)
    old = np.concatenate((hit[::2], others))[: _CHANGES // 2]
    new = np.arange(count, count + _CHANGES, 2)
    return _Asked(
        count=count,
        queries=queries,
        truths=truths,
        added=added,
        edges={radius: _edge(stored, radius, rng) for radius in RADII[bits]},
        removed=rng.permutation(np.unique(np.concatenate((old, new)))).tolist(),
        later=later,
        later_truths=[
            old_ones.plus(new_ones)
            for old_ones, new_ones in zip(
                later_truths,
                scan(added, later, radius=RADIUS[bits], first_id=count),
                strict=True,
            )
        ],
        candidates=_candidates(data, seed, tell) if votes else [],
        stream_ms=stream_ms(stored),
    )


def _edge(stored: Codes, radius: int, rng: np.random.Generator) -> tuple[Codes, list[Neighbours]]:
    chosen = stored[rng.integers(0, len(stored), _CHECKED)]
    flips = np.maximum(radius + np.arange(_CHECKED) % 5 - 2, 0)
    queries = flipped(chosen, flips, rng)
    return queries, scan(stored, queries, radius=radius)


def _candidates(data: Data, seed: int, tell: Tell) -> list[VoteQuery]:
    count = len(data.stored)
    if count > _VOTES_UP_TO:
        tell(f"NOT MEASURED: votes at {count:,} codes: the full scan would take too long.")
        return []
    return make_candidates(
        data.stored,
        data.fresh,
        int(np.clip(_VOTE_PAIRS / count / 200, _FEWEST_CANDIDATES, _MOST_CANDIDATES)),
        threshold=REGION.threshold,
        min_votes=POSSIBLE_REGIONS,
        seed=seed,
    )


def _built(kind: type[Engine], data: Data, asked: _Asked, tell: Tell) -> _Runner:
    codes = data.stored
    bits = 8 * codes.shape[1]
    _compile(kind, codes)
    engine = kind(bits)
    row = MatchingRow(
        len(codes), data.kind, bits, kind.name, RADIUS[bits], stream_ms=asked.stream_ms
    )
    if isinstance(engine, Hashsvc) and asked.candidates:
        engine.owners = np.arange(len(codes)) // OWNED
    before = resident_bytes()
    start = time.perf_counter()
    engine.build(codes)
    row.build_s = time.perf_counter() - start
    row.rss_bytes_per_code = (resident_bytes() - before) / len(codes)
    told = engine.nbytes()
    row.bytes_per_code = row.rss_bytes_per_code if told is None else told / len(codes)
    row.bytes_from = "resident memory" if told is None else "its own count"
    tell(f"built    {kind.name} in {row.build_s:.1f} s")
    return _Runner(engine, row)


def _compile(kind: type[Engine], codes: Codes) -> None:
    """Use an engine on a few codes, so that building and asking compile nothing."""
    engine = kind(8 * codes.shape[1])
    engine.build(codes[:_FEW])
    engine.ask(engine.prepare(codes[:1]), 0 if engine.radius is None else engine.radius)


def _time_singles(runners: Sequence[_Runner], asked: _Asked, radius: int) -> None:
    able = [each for each in runners if each.engine.radius in {None, radius}]
    askings = []
    for each in able:
        main = each.row.radius == radius
        queries = asked.queries[: QUERIES if main else _OTHER_RADII]
        askings.append(Asking(each.engine, queries, radius, _MAIN_S if main else _OTHER_S))
    ask_in_turns(askings)
    for each, asking in zip(able, askings, strict=True):
        read = [each.engine.read(answer, radius)[0] for answer in asking.answers]
        truths = [truth.within(radius) for truth in asked.truths[: len(read)]]
        each.judge(f"single {radius}", read, truths)
        recall = each.verdicts[f"single {radius}"].recall
        worked, cold = Times.of(asking.worked).p50, Times.of(asking.cold).p50
        each.row.set_times(radius, Times.of(asking.spent), worked, cold, recall)
        if radius == each.row.radius:
            each.row.recall = recall


def _time_batches(runners: Sequence[_Runner], asked: _Asked) -> None:
    spent: list[list[float]] = [[] for _ in runners]
    for _ in range(_BATCHES):
        for each, times in zip(runners, spent, strict=True):
            if sum(times) > _OTHER_S * 1e3:
                continue
            radius = each.row.radius
            prepared = each.engine.prepare(asked.queries)
            with undisturbed():
                began = time.perf_counter()
                answer = each.engine.ask(prepared, radius)
                times.append((time.perf_counter() - began) * 1e3)
            truths = [truth.within(radius) for truth in asked.truths]
            each.judge("batch", each.engine.read(answer, radius), truths)
    for each, times in zip(runners, spent, strict=True):
        each.row.batch_ms = float(np.median(times))


def _judge_edges(runners: Sequence[_Runner], asked: _Asked, radius: int) -> None:
    """Ask for codes that are just within the radius, and just beyond."""
    queries, truths = asked.edges[radius]
    for each in runners:
        if each.engine.radius in {None, radius}:
            answer = each.engine.ask(each.engine.prepare(queries), radius)
            each.judge(f"edges {radius}", each.engine.read(answer, radius), truths)


def _time_votes(runners: Sequence[_Runner], asked: _Asked) -> None:
    for runner in runners:
        if asked.candidates and isinstance(runner.engine, Hashsvc):
            _time_votes_of(runner.engine, runner.row, asked.candidates)


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


def _change_and_reload(runner: _Runner, asked: _Asked) -> None:
    """Add, remove, save and load, and see that the answers follow."""
    engine, row = runner.engine, runner.row
    codes = [engine.prepare(asked.added[place : place + 1]) for place in range(_CHANGES)]
    times = one_by_one(
        [(engine.add, (asked.count + place, code)) for place, code in enumerate(codes)]
    )
    row.add_us, row.add_us_p99, row.adds = times.p50, times.p99, times.count
    gone: list[int] = []
    if engine.removes and not engine.renumbers:
        gone = _remove(engine, row, asked)
    _check(runner, asked, "changed", gone)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        engine.save(Path(folder))
        row.save_s = time.perf_counter() - began
        del engine
        runner.engine = type(runner.engine)(row.bits)
        began = time.perf_counter()
        runner.engine.load(Path(folder))
        row.load_s = time.perf_counter() - began
    _check(runner, asked, "loaded", gone)
    if runner.engine.renumbers:
        _remove(runner.engine, row, asked)
    row.wrong = sum(each.wrong for each in runner.verdicts.values())
    row.exact = all(each.exact for each in runner.verdicts.values())


def _remove(engine: Engine, row: MatchingRow, asked: _Asked) -> list[int]:
    """Remove one by one, and return the ids that went."""
    order = [each for each in asked.removed if each < asked.count + row.adds]
    times = one_by_one([(engine.remove, (each,)) for each in order])
    row.remove_us, row.remove_us_p99, row.removes = times.p50, times.p99, times.count
    return order[: times.count]


def _check(runner: _Runner, asked: _Asked, what: str, gone: Sequence[int]) -> None:
    engine, row = runner.engine, runner.row
    there = asked.count + row.adds
    absent = np.array([*gone, *range(there, asked.count + _CHANGES)], dtype=np.int64)
    answer = engine.ask(engine.prepare(asked.later), row.radius)
    truths = [each.without(absent) for each in asked.later_truths]
    runner.judge(what, engine.read(answer, row.radius), truths)
