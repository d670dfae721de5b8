"""Puts the work in order: sign the photos, make the copies, judge the pairs."""

import contextlib
import math
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.alterations import INTERFACES, SINGLES, plain_pictures
from benchmarks.robustness.figures import Figures, Pairs, chains_of, rows_of
from benchmarks.robustness.work import (
    CopyTask,
    PairTask,
    Signed,
    SourcePhoto,
    chain_name,
    copy,
    judge,
    rng_of,
    sign,
    sign_plain,
)
from hashsvc.signals import Signature
from tests.helpers.photos import shipped_files

Task = TypeVar("Task")
Result = TypeVar("Result")

# As many as the grid with the most cells has beside the photo.
_OTHERS = 8
# Candidates in one task of judging; a few seconds' work.
_CANDIDATES_A_TASK = 40
# Some pairs drop out because one photo is seen beside the other.
_PAIRS_IN_RESERVE = 1.15


@dataclass(frozen=True, slots=True)
class RunPlan:
    """
    What to measure, and how much of it.

    Attributes:
        seed: Of everything random.

        only: Names of families, kinds, or `chain`; empty means everything.

        chains: Random chains for each photo.

        pairs: How many pairs of different photos to reach, where there are photos enough.

        screenshots: How many photos' screenshots are paired, in each interface.
    """

    seed: int = 1
    only: frozenset[str] = frozenset()
    chains: int = 6
    pairs: int = 1_000_000
    screenshots: int = 60

    @property
    def titles(self) -> tuple[str, ...]:
        """The single alterations to do."""
        return tuple(
            each.title for each in SINGLES if not self.only or {each.family, each.name} & self.only
        )

    @property
    def chains_a_photo(self) -> int:
        """The random chains to do for each photo."""
        return self.chains if not self.only or "chain" in self.only else 0

    @property
    def candidates(self) -> list[str]:
        """Names of the copies that stand for a photo in the pairs: those that count."""
        counted = {each.title for each in SINGLES if each.counted}
        chains = [chain_name(number) for number in range(self.chains_a_photo)]
        return [*(title for title in self.titles if title in counted), *chains]

    def drawn(self, photo: SourcePhoto, photos: int) -> list[str]:
        """Return which of them, drawn anew for each photo; enough to reach the pairs."""
        needed = math.ceil(_PAIRS_IN_RESERVE * self.pairs / max(photos * (photos - 1), 1))
        names = self.candidates
        if needed >= len(names):
            return names
        rng = rng_of(self.seed, photo.name, "pairs")
        return [str(name) for name in rng.choice(names, needed, replace=False)]


class Workers:
    """Processes that share the work; with one worker, it is done in this process."""

    def __init__(self, count: int, console: Console) -> None:
        self._console = console
        self._pool: Executor | None = None
        if count > 1:
            self._pool = ProcessPoolExecutor(
                count, multiprocessing.get_context("spawn"), initializer=_leave_interrupts
            )

    def do(
        self, what: str, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> list[Result]:
        """Return the results, in the order of the tasks."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            bar = progress.add_task(what, total=len(tasks))
            if self._pool is None:
                results = []
                for task in tasks:
                    results.append(function(task))
                    progress.advance(bar)
                return results
            futures = [self._pool.submit(function, task) for task in tasks]
            for future in as_completed(futures):
                future.result()  # An error ends the run now, not when its turn comes.
                progress.advance(bar)
            return [future.result() for future in futures]

    def stop(self) -> None:
        """End the processes, also those that are at work."""
        if self._pool is not None:
            processes = multiprocessing.active_children()
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()


@contextlib.contextmanager
def working(count: int, console: Console) -> Iterator[Workers]:
    """Give workers, and end them afterwards whatever happens."""
    workers = Workers(count, console)
    try:
        yield workers
    finally:
        workers.stop()


def find_photos(folders: Sequence[Path], *, limit: int | None, seed: int) -> list[SourcePhoto]:
    """
    Return the files in folders, in order of name; of more than the limit, a random choice.

    Without a folder they are the photographs in the scikit-image wheel.

    Raises:
        ValueError: If two folders have the same name, since photos are told apart by theirs.
    """
    if len({folder.resolve().name for folder in folders}) < len(folders):
        raise ValueError("No two folders of photos may have the same name.")
    photos = [
        SourcePhoto(f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}", path)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    if not folders:
        photos = [SourcePhoto(path.name, path) for path in shipped_files()]
    if limit is not None and limit < len(photos):
        chosen = rng_of(seed, "limit").choice(len(photos), limit, replace=False)
        photos = [photos[at] for at in sorted(chosen)]
    return photos


def measure(photos: Sequence[SourcePhoto], plan: RunPlan, workers: Workers) -> tuple[int, Figures]:
    """
    Return how many of the files were photographs with enough detail, and the figures.

    Raises:
        ValueError: If there are fewer than two.
    """
    # Which photos stand beside which must not depend on the order in which they were given.
    ordered = sorted(photos, key=lambda photo: photo.name)
    signatures = workers.do("signing photos ", sign, ordered)
    used = {
        photo: signature
        for photo, signature in zip(ordered, signatures, strict=True)
        if signature is not None
    }
    if len(used) < 2:
        raise ValueError("At least two photographs with enough detail are needed.")
    results = workers.do("making copies  ", copy, _copy_tasks(used, plan))
    outcomes = [outcome for of_one, _ in results for outcome in of_one]
    kept = [copies for _, copies in results]
    chains, chains_by_kind = chains_of(outcomes)
    figures = Figures(
        rows=rows_of(outcomes, counted=True),
        separate=rows_of(outcomes, counted=False),
        chains=chains,
        chains_by_kind=chains_by_kind,
        different=_judge(workers, "judging pairs  ", _different(used, kept, plan)),
        screenshots=_judge(workers, "judging screens", _screenshots(kept)),
        plain=_judge(workers, "judging plain  ", _plain(used, plan, workers)),
    )
    return len(used), figures


def _copy_tasks(used: dict[SourcePhoto, Signature], plan: RunPlan) -> list[CopyTask]:
    photos = list(used)
    rng = rng_of(plan.seed, "screenshots")
    shot = {int(at) for at in rng.permutation(len(photos))[: plan.screenshots]}
    interfaces = [each.title for each in INTERFACES]
    return [
        CopyTask(
            photo=photo,
            content=signature.whole(),
            others=_others(photo, photos, plan.seed),
            titles=plan.titles,
            chains=plan.chains_a_photo,
            kept=frozenset(plan.drawn(photo, len(photos)) + (interfaces if at in shot else [])),
            seed=plan.seed,
        )
        for at, (photo, signature) in enumerate(used.items())
    ]


def _others(
    photo: SourcePhoto, photos: Sequence[SourcePhoto], seed: int
) -> tuple[SourcePhoto, ...]:
    """Return the photos that are set beside a photo in its copies."""
    rest = [each for each in photos if each != photo]
    chosen = rng_of(seed, photo.name, "others").permutation(len(rest))[:_OTHERS]
    return tuple(rest[at] for at in chosen)


def _different(
    used: dict[SourcePhoto, Signature], kept: Sequence[dict[str, Signed]], plan: RunPlan
) -> list[PairTask]:
    """Every content against copies of the other photos."""
    contents = tuple(each.content() for each in _originals(used))
    candidates = [
        copies[name]
        for photo, copies in zip(used, kept, strict=True)
        for name in plan.drawn(photo, len(used))
    ]
    return _tasks(contents, candidates)


def _screenshots(kept: Sequence[dict[str, Signed]]) -> list[PairTask]:
    """Within each interface, every screenshot as the content against all others."""
    tasks = []
    for interface in INTERFACES:
        shots = [copies[interface.title] for copies in kept if interface.title in copies]
        tasks += _tasks(tuple(shot.content() for shot in shots), shots)
    return tasks


def _plain(used: dict[SourcePhoto, Signature], plan: RunPlan, workers: Workers) -> list[PairTask]:
    """Plain pictures against one another, against photos, and photos against them."""
    pictures = list(plain_pictures(rng_of(plan.seed, "plain")).items())
    plain = workers.do("drawing plain  ", sign_plain, pictures)
    contents = tuple(each.content() for each in plain)
    photos = _originals(used)
    photo_contents = tuple(each.content() for each in photos)
    return [*_tasks(contents, [*plain, *photos]), *_tasks(photo_contents, plain)]


def _originals(used: dict[SourcePhoto, Signature]) -> list[Signed]:
    return [
        Signed(photo.name, frozenset({photo.name}), signature) for photo, signature in used.items()
    ]


def _tasks(contents: tuple[Signed, ...], candidates: Sequence[Signed]) -> list[PairTask]:
    return [
        PairTask(contents, tuple(candidates[start : start + _CANDIDATES_A_TASK]))
        for start in range(0, len(candidates), _CANDIDATES_A_TASK)
    ]


def _judge(workers: Workers, what: str, tasks: Sequence[PairTask]) -> Pairs:
    return Pairs.total(workers.do(what, judge, tasks))


def _leave_interrupts() -> None:
    """Let Ctrl-C reach the first process alone, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
