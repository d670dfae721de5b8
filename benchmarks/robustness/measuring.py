"""Plans the work and hands it to workers: sign photos, make copies, judge pairs."""

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

# The largest grid shows this many other photos.
_OTHERS = 8
# Candidates in one judging task, which takes a few seconds.
_CANDIDATES_A_TASK = 40
# Draw this many times the pairs that are wanted: pairs in which an image shows both photos are
# dropped.
_PAIRS_IN_RESERVE = 1.15


@dataclass(frozen=True, slots=True)
class RunPlan:
    """
    What to measure, and how much of it.

    Attributes:
        seed: Seed of everything random.

        only: Names of families or kinds, or `chain`; empty means everything.

        chains: Number of random chains for each photo.

        pairs: Number of pairs of different photos to judge, if there are enough photos.

        screenshots: Number of photos whose screenshots are paired, in each interface.
    """

    seed: int = 1
    only: frozenset[str] = frozenset()
    chains: int = 6
    pairs: int = 1_000_000
    screenshots: int = 60

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of the single alterations to make."""
        return tuple(
            each.title for each in SINGLES if not self.only or {each.family, each.name} & self.only
        )

    @property
    def chains_a_photo(self) -> int:
        """Number of random chains to make for each photo."""
        return self.chains if not self.only or "chain" in self.only else 0

    @property
    def candidates(self) -> list[str]:
        """Names of the copies that represent a photo in the pairs."""
        counted = {each.title for each in SINGLES if each.counted}
        chains = [chain_name(number) for number in range(self.chains_a_photo)]
        return [*(title for title in self.titles if title in counted), *chains]

    def drawn(self, photo: SourcePhoto, photos: int) -> list[str]:
        """Return a random choice of the candidates, drawn anew for each photo."""
        needed = math.ceil(_PAIRS_IN_RESERVE * self.pairs / max(photos * (photos - 1), 1))
        names = self.candidates
        if needed >= len(names):
            return names
        rng = rng_of(self.seed, photo.name, "pairs")
        return [str(name) for name in rng.choice(names, needed, replace=False)]


class Workers:
    """Worker processes; with only one worker, this process does the work itself."""

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
        """Return the results of tasks, in the order of the tasks."""
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
                future.result()  # End the run at the first error, not when the task's turn comes.
                progress.advance(bar)
            return [future.result() for future in futures]

    def stop(self) -> None:
        """End all processes, even those that are working."""
        if self._pool is not None:
            processes = multiprocessing.active_children()
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()


@contextlib.contextmanager
def working(count: int, console: Console) -> Iterator[Workers]:
    """Yield workers, and end them afterwards in any case."""
    workers = Workers(count, console)
    try:
        yield workers
    finally:
        workers.stop()


def find_photos(folders: Sequence[Path], *, limit: int | None, seed: int) -> list[SourcePhoto]:
    """
    Return the files in folders in order of name, or a random choice of `limit` files.

    Without folders, return the photographs in the scikit-image wheel.

    Raises:
        ValueError: If two folders have the same name, because it is part of a photo's name.
    """
    if len({folder.resolve().name for folder in folders}) < len(folders):
        raise ValueError("Two folders of photos must not have the same name.")
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
    Return the number of files that are photographs with enough detail, and the figures.

    Raises:
        ValueError: If there are fewer than two such photographs.
    """
    # Which photos appear beside others must not depend on the order of the files.
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
    """Return the other photos that appear in a photo's copies."""
    rest = [each for each in photos if each != photo]
    chosen = rng_of(seed, photo.name, "others").permutation(len(rest))[:_OTHERS]
    return tuple(rest[at] for at in chosen)


def _different(
    used: dict[SourcePhoto, Signature], kept: Sequence[dict[str, Signed]], plan: RunPlan
) -> list[PairTask]:
    """Judge every content against copies of the other photos."""
    contents = tuple(each.content() for each in _originals(used))
    candidates = [
        copies[name]
        for photo, copies in zip(used, kept, strict=True)
        for name in plan.drawn(photo, len(used))
    ]
    return _tasks(contents, candidates)


def _screenshots(kept: Sequence[dict[str, Signed]]) -> list[PairTask]:
    """Judge every screenshot, as a content, against all others of the same interface."""
    tasks = []
    for interface in INTERFACES:
        shots = [copies[interface.title] for copies in kept if interface.title in copies]
        tasks += _tasks(tuple(shot.content() for shot in shots), shots)
    return tasks


def _plain(used: dict[SourcePhoto, Signature], plan: RunPlan, workers: Workers) -> list[PairTask]:
    """Judge plain pictures against each other and photos, and photos against plain pictures."""
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
    """Ignore Ctrl-C in a worker: the main process gets it, and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
