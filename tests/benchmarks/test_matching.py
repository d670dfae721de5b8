"""The benchmark checks every answer: a searcher that misses or adds a hit is not exact."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.matching import Data, Effort, MatchingRow, engines, measure
from benchmarks.matching.__main__ import main
from benchmarks.matching.engines import (
    FLAT,
    OURS,
    THREATEXCHANGE,
    Engine,
    FaissFlat,
    Hashsvc,
    ThreatExchange,
    Usearch,
)
from benchmarks.matching.figures import compare
from benchmarks.matching.generated import skewed_codes
from benchmarks.matching.queries import make_candidates
from benchmarks.matching.truth import Neighbours, Verdict, scan
from index import ExactSearch, distances
from index.codes import Codes

COUNT = 2000
LITTLE = Effort(other_queries=40, batches=1, changes=40, warm_up_codes=1000, most_candidates=12)
FIELDS = {
    "n", "data", "bits", "engine", "radius", "queries", "p50_ms", "p95_ms", "p99_ms", "cpu_ms",
    "cold_ms", "batch_ms", "build_s", "add_us", "add_us_p99", "adds", "remove_us", "remove_us_p99",
    "removes", "bytes_per_code", "bytes_from", "rss_bytes_per_code", "save_s", "load_s", "recall",
    "wrong", "exact", "by_radius", "stream_ms", "ratio_vs_flat", "cpu_ratio_vs_flat",
    "batch_ratio_vs_flat", "lowest_ratio_vs_flat", "ratio_vs_threatexchange", "vote_ms",
    "vote_ms_p99", "vote_recall", "vote_wrong", "vote_candidates", "vote_images",
}  # fmt: skip


class Plain(Engine):
    """Scans every code; the broken engines below are derived from it."""

    name = "plain"
    package = "numpy"
    most = COUNT
    bytes_a_code = 1

    def build(self, codes: Codes) -> None:
        self.ids, self.codes = np.arange(len(codes)), codes

    def search(self, queries: Any, radius: int) -> Any:
        found = scan(self.codes, queries, radius=radius)
        return [Neighbours(self.ids[each.ids], each.distances) for each in found]

    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return list(answer)

    def add(self, number: int, code: Any) -> None:
        self.ids, self.codes = np.append(self.ids, number), np.concatenate((self.codes, code))

    def remove(self, number: int) -> None:
        kept = self.ids != number
        self.ids, self.codes = self.ids[kept], self.codes[kept]

    def save(self, folder: Path) -> None:
        np.savez(folder / "saved.npz", ids=self.ids, codes=self.codes)

    def load(self, folder: Path) -> None:
        with np.load(folder / "saved.npz") as saved:
            self.ids, self.codes = saved["ids"], saved["codes"]


class Misses(Plain):
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return [Neighbours(each.ids[1:], each.distances[1:]) for each in answer]


class MissesAtTheEdge(Plain):
    def search(self, queries: Any, radius: int) -> Any:
        return super().search(queries, radius - 1 if radius == 46 else radius)


class Adds(Plain):
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        extra = Neighbours(np.array([COUNT - 1]), np.array([radius]))
        return [each.plus(extra) for each in answer]


class SaysTwice(Plain):
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return [each.plus(each) for each in answer]


class Miscounts(Plain):
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return [Neighbours(each.ids, np.maximum(each.distances - 1, 0)) for each in answer]


class MissesInBatches(Plain):
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return answer if len(answer) < 1000 else [each.within(-1) for each in answer]


class ForgetsToAdd(Plain):
    def add(self, number: int, code: Any) -> None:
        pass


class ForgetsToRemove(Plain):
    def remove(self, number: int) -> None:
        pass


class RemovesWhenLoaded(Plain):
    def build(self, codes: Codes) -> None:
        super().build(codes)
        self.later: list[int] = []

    def remove(self, number: int) -> None:
        self.later.append(number)

    def save(self, folder: Path) -> None:
        for number in self.later:
            super().remove(number)
        super().save(folder)


class LosesOnTheDisk(Plain):
    def load(self, folder: Path) -> None:
        super().load(folder)
        self.ids, self.codes = self.ids[::2], self.codes[::2]


def skewed(bits: int = 256) -> Data:
    stored = skewed_codes(COUNT, bits, seed=1)
    return Data("skewed", stored, skewed_codes(1000, bits, seed=1, stream="fresh"))


def measured(
    *kinds: type[Engine], effort: Effort = LITTLE, log: Callable[[str], None] = print
) -> list[MatchingRow]:
    """Return the figures of some engines with skewed codes."""
    return measure(skewed, seed=1, engines=kinds, effort=effort, log=log)


def run(*options: str, out: Path) -> dict[str, Any]:
    """Return the figures that the command writes."""
    assert main([*options, "--n", str(COUNT), "--json", str(out)], LITTLE) == 0
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures


def test_every_engine_gives_all_figures_and_right_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "plot.png"
    figures = run("--seed", "5", "--plot", str(plot), out=tmp_path / "out.json")
    printed = capsys.readouterr().out
    rows = {row["engine"]: row for row in figures["results"]}
    assert len(rows) == len(figures["results"])
    for engine in engines.ENGINES:
        assert engine.name in rows or f"NOT MEASURED: {engine.name}" in printed
    for row in [*figures["results"], *figures["results_64"]]:
        assert set(row) == FIELDS
        assert (row["n"], row["data"]) == (COUNT, "skewed")
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        for name in (
            "cpu_ms",
            "cold_ms",
            "batch_ms",
            "build_s",
            "add_us",
            "bytes_per_code",
            "load_s",
            "stream_ms",
        ):
            assert row[name] > 0
        # The graph index takes no radius and may miss codes.
        assert row["exact"] or row["engine"] == Usearch.name
        assert row["recall"] == 1 or row["engine"] == Usearch.name
    ours, flat = rows[OURS], rows[FLAT]
    assert ours["ratio_vs_flat"] == pytest.approx(flat["p50_ms"] / ours["p50_ms"])
    assert ours["by_radius"].keys() == {"0", "16", "31", "46", "64"}
    assert ours["removes"] == flat["removes"] > 30
    assert ours["bytes_from"] == "its own count"
    assert ours["vote_ms"] > 0
    assert ours["vote_recall"] >= 0.9
    assert ours["vote_wrong"] == 0
    assert ours["vote_images"] >= ours["vote_candidates"] == 12
    assert {row["engine"] for row in figures["results_64"]} == {
        each.name for each in engines.ENGINES if 64 in each.widths
    }
    assert figures["command"].startswith("python -m benchmarks.matching --seed 5")
    assert figures["seed"] == 5
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("data", ["uniform", "photos"])
def test_other_codes_are_measured_alike(
    data: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = ["--photos", str(folder), "--seconds", "1", "--engines", OURS, FLAT]
    figures = run("--data", data, *photos, out=tmp_path / "out.json")
    assert [row["engine"] for row in figures["results"]] == [OURS, FLAT]
    assert all(row["exact"] and row["data"] == data for row in figures["results"])
    assert {each["data"] for each in figures["skew"]} == {data}
    narrow = "NOT MEASURED: photos, 64 bits" not in capsys.readouterr().out
    assert narrow is (data == "uniform")
    assert len(figures["results_64"]) == 2 * narrow


def test_a_searcher_that_looks_at_every_code_is_exact() -> None:
    (row,) = measured(Plain)
    assert row.exact
    assert (row.recall, row.wrong) == (1, 0)
    assert row.adds == 40
    assert 30 < row.removes <= 40
    assert (row.ratio_vs_flat, row.vote_ms) == (None, None)


@pytest.mark.parametrize(
    ("broken", "misses_singles", "says_wrong"),
    [
        (Misses, True, False),
        (MissesAtTheEdge, False, False),
        (Adds, False, True),
        (SaysTwice, False, True),
        (Miscounts, True, True),
        (MissesInBatches, False, False),
        (ForgetsToAdd, False, False),
        (ForgetsToRemove, False, True),
        (RemovesWhenLoaded, False, True),
        (LosesOnTheDisk, False, False),
    ],
)
def test_a_wrong_answer_anywhere_is_not_exact(
    broken: type[Plain], misses_singles: bool, says_wrong: bool
) -> None:
    (row,) = measured(broken)
    assert not row.exact
    assert row.recall is not None
    assert (row.recall < 1, row.wrong > 0) == (misses_singles, says_wrong)


class VotesForFewer(Hashsvc):
    def vote(self, queries: Codes, *, threshold: int, min_votes: int) -> dict[int, float]:
        votes = super().vote(queries, threshold=threshold, min_votes=min_votes)
        return dict(list(votes.items())[1:])


class VotesForMore(Hashsvc):
    def vote(self, queries: Codes, *, threshold: int, min_votes: int) -> dict[int, float]:
        votes = super().vote(queries, threshold=threshold, min_votes=min_votes)
        return {owner: count + 1 for owner, count in votes.items()}


def test_a_lost_image_lowers_the_recall_of_votes() -> None:
    (row,) = measured(VotesForFewer)
    assert row.vote_recall is not None
    assert row.vote_recall == pytest.approx(1 - row.vote_candidates / row.vote_images)
    assert row.exact


def test_votes_that_a_full_scan_does_not_count_are_wrong() -> None:
    (row,) = measured(VotesForMore)
    assert (row.vote_recall, row.vote_wrong) == (0, row.vote_images)


@pytest.mark.parametrize("bits", [64, 256])
def test_the_scan_finds_what_a_plain_search_finds(bits: int) -> None:
    stored = skewed_codes(9000, bits, seed=2)
    queries = np.concatenate((stored[:5], skewed_codes(5, bits, seed=3)))
    # Nearly all codes are within the last radius: more hits than the scan's first buffer can hold.
    for radius in (0, bits // 8, bits // 2 + 12):
        found = scan(stored, queries, radius=radius, first_id=7)
        hits = ExactSearch(bits, np.arange(9000) + 7, stored).search(queries, threshold=radius)
        for query, each in enumerate(found):
            ids, away = hits[query]
            order = np.lexsort((each.ids, each.distances))
            assert np.array_equal(each.ids[order], ids)
            assert np.array_equal(each.distances[order], away)
            inner = each.within(radius - 1)
            assert np.array_equal(inner.ids, each.ids[each.distances < radius])


def test_a_verdict_on_no_answers_is_not_exact() -> None:
    assert not Verdict().exact
    none = Neighbours(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    verdict = Verdict()
    verdict.add([none], [none])
    assert verdict.exact
    assert verdict.recall is None


def test_the_votes_of_a_candidate_are_those_of_a_full_count() -> None:
    data = skewed()
    candidates = make_candidates(data.stored, data.fresh, 6, threshold=68, min_votes=4, seed=1)
    assert any(each.votes for each in candidates)
    for each in candidates:
        assert each.codes.shape == (200, 32)
        near = [int(distances(code, each.codes).min()) <= 68 for code in data.stored]
        votes = np.bincount(np.flatnonzero(near) // 100)
        assert each.votes == {int(o): int(votes[o]) for o in np.flatnonzero(votes >= 4)}


def test_missing_slow_and_large_engines_are_reported_as_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged: list[str] = []
    for module in ("usearch.index", "threatexchange.signal_type.pdq.pdq_index"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(FaissFlat, "most", COUNT - 1)
    monkeypatch.setattr(Plain, "bytes_a_code", 1 << 40)
    assert measured(Usearch, ThreatExchange, FaissFlat, Plain, log=logged.append) == []
    assert [each.partition(" at ")[0] for each in logged] == [
        f"NOT MEASURED: {each.name}" for each in (Usearch, ThreatExchange, FaissFlat, Plain)
    ]
    assert "not installed" in logged[0]
    assert "bytes a code" in logged[3]


def test_no_candidates_are_made_if_the_full_scan_would_take_too_long() -> None:
    logged: list[str] = []
    effort = replace(LITTLE, votes_up_to=COUNT - 1)
    (row,) = measured(Hashsvc, effort=effort, log=logged.append)
    assert (row.vote_ms, row.exact) == (None, True)
    assert any(each.startswith("NOT MEASURED: votes") for each in logged)


class SlowEngine(Plain):
    def search(self, queries: Any, radius: int) -> Any:
        if radius == 64:
            time.sleep(0.05)
        return super().search(queries, radius)


def test_a_slow_engine_gets_fewer_queries() -> None:
    slow, plain = measured(SlowEngine, FaissFlat, effort=replace(LITTLE, other_s=1.0))
    queries = slow.by_radius[64]["queries"]
    assert queries is not None
    assert 10 <= queries < 40
    assert plain.by_radius[64]["queries"] == 40
    assert (slow.queries, slow.exact, plain.exact) == (1000, True, True)


def test_ratios_are_of_medians_in_the_same_run() -> None:
    rows = [MatchingRow(COUNT, "skewed", 256, name, 31) for name in (OURS, FLAT, THREATEXCHANGE)]
    for row, p50 in zip(rows, (2.0, 30.0, 50.0), strict=True):
        row.p50_ms, row.batch_ms, row.cpu_ms = p50, 10 * p50, p50 / 2
        row.by_radius = {31: {"p50_ms": p50}, 46: {"p50_ms": 20.0 if row.engine == FLAT else 25.0}}
    del rows[2].by_radius[46]
    compare(rows)
    ours, flat, other = rows
    assert (ours.ratio_vs_flat, ours.ratio_vs_threatexchange) == (15, 25)
    assert ours.cpu_ratio_vs_flat == 15
    assert (ours.batch_ratio_vs_flat, ours.lowest_ratio_vs_flat) == (15, 0.8)
    assert (flat.ratio_vs_flat, other.ratio_vs_threatexchange) == (None, None)
    assert other.lowest_ratio_vs_flat == other.ratio_vs_flat == 0.6


def test_earlier_runs_are_drawn_together(tmp_path: Path) -> None:
    options = ["--bits", "256", "--engines", OURS, FLAT, "--data", "skewed"]
    files = [str(tmp_path / name) for name in ("a.json", "b.json")]
    for file, data in zip(files, ("skewed", "uniform"), strict=True):
        run(*options[:-1], data, out=Path(file))
    plots = [tmp_path / "one.png", tmp_path / "both.png"]
    assert main(["--from", files[0], "--plot", str(plots[0])]) == 0
    assert main(["--from", *files, "--plot", str(plots[1])]) == 0
    widths = []
    for plot in plots:
        with Image.open(plot) as drawn:
            widths.append(drawn.width)
    assert widths[1] > 1.8 * widths[0]


@pytest.mark.parametrize(
    "wrong",
    [["--n", "10"], ["--data", "other"], ["--photos", "nowhere"], ["--from", "a.json"]],
)
def test_impossible_options_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
