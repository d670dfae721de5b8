"""The benchmark's sums follow from its rows, and every false match is counted."""

import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.robustness import CopyOutcome, Figures, RunPlan, measure, measuring, work
from benchmarks.robustness.__main__ import main
from benchmarks.robustness.figures import chains_of, rows_of
from benchmarks.robustness.measuring import find_photos, working
from benchmarks.robustness.work import CopyTask, Signed, SourcePhoto, copy
from hashsvc.matching import Evidence, Tier
from hashsvc.signals import Signature
from tests.conftest import generated_photo, jpeg

ROOT = Path(__file__).parents[2]
FIELDS = {
    "machine", "versions", "command", "seed", "photos", "files_left_out", "chains_a_photo",
    "pairs_drawn", "seconds", "mean_recall", "chains_recall", "worst", "means",
    "false_positives", "false_positives_possible", "pairs",
    "screenshot_false_positives", "screenshot_false_positives_possible", "screenshot_pairs",
    "plain_false_positives", "plain_false_positives_possible", "plain_pairs",
    "rows", "separate", "chains", "chains_by_kind", "wrong_matches",
}  # fmt: skip
SHARES = ("pdq", "phash", "dhash", "certain", "certain_or_likely", "any_tier")
PLAIN = 2


@pytest.fixture(autouse=True)
def few_plain_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def blank_ones(_rng: np.random.Generator) -> dict[str, Image.Image]:
        return {name: Image.new("RGB", (64, 64), name) for name in ("white", "black")}

    monkeypatch.setattr(measuring, "plain_pictures", blank_ones)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        (folder / f"{seed}.jpg").write_bytes(jpeg(generated_photo(seed, (360, 270))))
    return folder


def measured(folder: Path, *only: str, pairs: int = 1000, chains: int = 0) -> Figures:
    photos = find_photos([folder], limit=None, seed=1)
    plan = RunPlan(only=frozenset(only), pairs=pairs, chains=chains)
    with working(1, Console(stderr=True, quiet=True)) as workers:
        return measure(photos, plan, workers)[1]


def run(folder: Path, *options: str) -> dict[str, Any]:
    out = folder.parent / "figures.json"
    given = ["--photos", str(folder), "--workers", "1", "--json", str(out), *options]
    assert main(given) == 0
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


@pytest.fixture
def with_duplicate(folder: Path, tmp_path: Path) -> Path:
    both = Path(shutil.copytree(folder, tmp_path / "both"))
    shutil.copy(both / "0.jpg", both / "zero-again.jpg")
    return both


def outcome(
    title: str = "mirrored",
    distances: tuple[int, int, int] = (0, 0, 0),
    tier: Tier | None = Tier.CERTAIN,
) -> CopyOutcome:
    return CopyOutcome(title, *distances, tier)


def test_the_sums_follow_from_the_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = folder.parent / "plot.png"
    options = [*only("crop", "story screenshot", "chain"), "--chains", "2", "--plot", str(plot)]
    figures = run(folder, *options, "--seed", "5")
    assert set(figures) == FIELDS
    rows = figures["rows"]
    assert {row["family"] for row in rows} == {"crop", "screenshot"}
    assert all(row["n"] == 3 for row in rows + figures["separate"])
    assert {row["strength"] for row in figures["separate"]} == {
        f"{share} % cut off" for share in (60, 70, 80)
    }
    recalls = [row["certain_or_likely"] for row in rows]
    assert figures["mean_recall"] == pytest.approx(statistics.mean(recalls))
    for column in SHARES:
        mean = statistics.mean(row[column] for row in rows)
        assert figures["means"][column] == pytest.approx(mean)
    worst = figures["worst"]
    assert worst["recall"] == min(recalls)
    assert (worst["name"], worst["strength"], worst["recall"]) in [
        (row["name"], row["strength"], row["certain_or_likely"]) for row in rows
    ]
    assert figures["chains"]["n"] == 3 * figures["chains_a_photo"] == 6
    assert figures["chains_recall"] == figures["chains"]["certain_or_likely"]
    assert 0 < figures["mean_recall"] <= 1
    assert (figures["photos"], figures["seed"]) == (3, 5)
    assert figures["command"].endswith(f"--plot {plot} --seed 5")
    written = capsys.readouterr().out
    assert f"mean recall     {figures['mean_recall']:.3f}" in written
    assert f"worst           {worst['recall']:.3f}, {worst['name']}" in written
    assert "one side cut off" in written
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert plot.stat().st_size < 150_000


def test_the_order_of_the_photos_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = find_photos([folder], limit=None, seed=1)
    plan = RunPlan(only=frozenset({"half side by side", "chain"}), pairs=20, chains=1)
    tasks: dict[SourcePhoto, CopyTask] = {}

    def noted(task: CopyTask) -> tuple[list[CopyOutcome], dict[str, Signed]]:
        assert tasks.setdefault(task.photo, task) == task
        return copy(task)

    monkeypatch.setattr(measuring, "copy", noted)
    with working(1, Console(quiet=True)) as workers:
        assert measure(photos, plan, workers) == measure(photos[::-1], plan, workers)
    assert list(tasks) == photos


def test_processes_find_the_same_as_one(folder: Path) -> None:
    out = folder.parent / "by-two.json"
    command = [sys.executable, "-m", "benchmarks.robustness", "--photos", str(folder)]
    command += [*only("mirrored"), "--workers", "2", "--json", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=110)
    together = json.loads(out.read_text())
    alone = run(folder, *only("mirrored"))
    assert together["rows"] == alone["rows"]
    assert together["pairs"] == alone["pairs"]


def test_thresholds_are_inclusive_and_tiers_add_up() -> None:
    tiers = (Tier.CERTAIN, Tier.LIKELY, Tier.POSSIBLE, None)
    distances = ((31, 8, 8), (32, 8, 9), (0, 9, 9), (256, 64, 9))
    outcomes = [
        outcome(distances=each, tier=tier) for each, tier in zip(distances, tiers, strict=True)
    ]
    (row,) = rows_of(outcomes, counted=True)
    assert (row.n, row.pdq, row.phash, row.dhash) == (4, 0.5, 0.5, 0.25)
    assert (row.certain, row.certain_or_likely, row.any_tier) == (0.25, 0.5, 0.75)
    assert rows_of(outcomes, counted=False) == ()


def test_a_chain_counts_for_each_of_its_kinds() -> None:
    found = outcome("chain of 2, mirrored → cropped, 20 % cut off")
    lost = outcome("chain of 2, sepia → cropped, 30 % cut off", tier=None)
    row, by_kind = chains_of([found, lost, outcome()])
    assert row is not None
    assert (row.n, row.certain_or_likely) == (2, 0.5)
    assert by_kind == {"cropped": 0.5, "mirrored": 1.0, "sepia": 0.0}
    assert [each.name for each in rows_of([found, lost, outcome()], counted=True)] == ["mirrored"]


def test_a_photo_under_two_names_is_a_false_match(with_duplicate: Path) -> None:
    figures = measured(with_duplicate, "mirrored", "feed screenshot")
    pairs = {(hit.content, hit.candidate.partition(":")[0]) for hit in figures.different.hits}
    assert pairs == {
        ("both/0.jpg", "both/zero-again.jpg"),
        ("both/zero-again.jpg", "both/0.jpg"),
    }
    sums = figures.as_json()
    assert sums["false_positives"] == figures.different.sure > 0
    first = sums["wrong_matches"][0]
    assert (first["tier"], first["content"]) == (Tier.CERTAIN, "both/0.jpg")


def test_every_false_match_of_screenshots_and_plain_pictures_is_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiers = itertools.cycle([Tier.LIKELY, Tier.POSSIBLE])

    def always(_content: Signature, _candidate: Signature) -> Evidence:
        return Evidence(next(tiers), (), "all is alike")

    monkeypatch.setattr(work, "compare", always)
    figures = measured(folder, "story screenshot")
    # In each of two interfaces, each of three screenshots is judged against the two others. No
    # screenshot shows a second photo.
    assert figures.screenshots.pairs == len(figures.screenshots.hits) == 2 * 3 * 2
    assert figures.plain.pairs == len(figures.plain.hits) == PLAIN * (PLAIN - 1) + 2 * PLAIN * 3
    for pairs in (figures.screenshots, figures.plain, figures.different):
        assert pairs.sure == sum(hit.tier is Tier.LIKELY for hit in pairs.hits)
        assert 0 < pairs.sure < pairs.pairs
    sums = figures.as_json()
    for name, pairs in (("screenshot_", figures.screenshots), ("plain_", figures.plain)):
        assert sums[f"{name}false_positives"] == pairs.sure
        assert sums[f"{name}false_positives_possible"] == len(pairs.hits) - pairs.sure
        assert sums[f"{name}pairs"] == pairs.pairs
    assert figures.chains is None
    assert sums["chains_recall"] is None


def test_different_photos_give_no_false_match_and_every_pair_is_counted(folder: Path) -> None:
    figures = measured(folder, "mirrored")
    assert (figures.different.pairs, figures.different.hits) == (3 * 2, ())
    assert (figures.screenshots.pairs, figures.screenshots.hits) == (0, ())
    assert figures.plain.pairs == PLAIN * (PLAIN - 1) + 2 * PLAIN * 3
    assert figures.plain.hits == ()
    # A copy that shows two photos side by side differs only from the third photo.
    assert measured(folder, "half side by side").different.pairs == 2 * 3


def test_pairs_are_drawn_until_there_are_enough() -> None:
    photo = find_photos([ROOT / "tests" / "benchmarks"], limit=1, seed=1)[0]
    plan = RunPlan()
    drawn = plan.drawn(photo, 300)
    assert 1_000_000 <= 300 * 299 * len(drawn) < 1_300_000
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) < set(plan.candidates)
    assert drawn == RunPlan().drawn(photo, 300) != RunPlan(seed=2).drawn(photo, 300)
    assert plan.drawn(photo, 3) == plan.candidates
    assert "ninth, squares" not in plan.candidates


def test_files_that_are_no_photographs_are_left_out(folder: Path, tmp_path: Path) -> None:
    mixed = Path(shutil.copytree(folder, tmp_path / "mixed"))
    (mixed / "notes.txt").write_text("Nothing to see.")
    Image.new("RGB", (400, 300), "grey").save(mixed / "plain.png")
    generated_photo(7, (120, 90)).save(mixed / "tiny.png")
    figures = run(mixed, *only("mirrored"))
    assert (figures["photos"], figures["files_left_out"]) == (3, 3)
    assert [row["n"] for row in figures["rows"]] == [3]


def test_a_limit_takes_the_same_files_each_time(folder: Path) -> None:
    two = find_photos([folder], limit=2, seed=1)
    assert len(two) == 2
    assert two == find_photos([folder], limit=2, seed=1)
    assert {tuple(find_photos([folder], limit=2, seed=seed)) for seed in range(20)} > {tuple(two)}


def test_impossible_options_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--photos", str(folder), "--limit", "1", "--workers", "1"]) == 2
    assert "At least two photographs" in capsys.readouterr().err
    assert main(["--photos", str(folder), "--photos", str(folder)]) == 2
    assert "same name" in capsys.readouterr().err
    for wrong in (["--photos", str(tmp_path / "none")], ["--photos", str(folder), "--only", "x"]):
        with pytest.raises(SystemExit):
            main(wrong)


def test_ctrl_c_ends_every_process(folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.robustness", "--photos", str(folder)]
    running = subprocess.Popen(
        [*command, "--workers", "2"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    children = _wait_for_children(running.pid, 2)
    os.kill(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Interrupted; nothing was written." in errors
    _wait_until_gone(children)


def test_an_error_ends_working_processes_too(tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    with (
        pytest.raises(ZeroDivisionError),
        working(2, Console(quiet=True)) as workers,
    ):
        workers.do("", _sleep_or_fail, [(busy, True), (busy, False)])
    _wait_until_gone([busy.read_text()])


def _sleep_or_fail(task: tuple[Path, bool]) -> None:
    busy, sleeps = task
    if sleeps:
        busy.with_suffix(".new").write_text(str(os.getpid()))
        busy.with_suffix(".new").rename(busy)
        time.sleep(100)
        return
    while not busy.exists():
        time.sleep(0.02)
    raise ZeroDivisionError


def _wait_for_children(pid: int, count: int) -> list[str]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = listed.read_text().split()
        workers = [each for each in children if b"spawn_main" in _command_of(each)]
        if len(workers) == count:
            return children
        time.sleep(0.05)
    raise AssertionError("the workers did not start")


def _command_of(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _wait_until_gone(pids: Sequence[str]) -> None:
    deadline = time.monotonic() + 30
    while any(_command_of(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process is still there"
        time.sleep(0.05)
