"""What was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmarks.matching.engines import FLAT, OURS, THREATEXCHANGE


@dataclass(frozen=True, slots=True)
class Times:
    """The spread of some durations, in the unit they were given in."""

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, durations: Sequence[float]) -> "Times":
        """Return the median and the high percentiles."""
        p50, p95, p99 = np.percentile(durations, (50, 95, 99)).tolist()
        return cls(len(durations), p50, p95, p99)


@dataclass(slots=True)
class MatchingRow:
    """
    What one engine did with n codes of one kind; None where it cannot, or was not asked.

    Attributes:
        data: Kind of codes.

        radius: Of everything that is not in `by_radius`.

        queries: Single ones that were timed.

        p50_ms: Of one query; likewise `p95_ms` and `p99_ms`.

        cpu_ms: Median of the processor's time for one query. Where it is much less than `p50_ms`,
            the machine was busy with something else, and long queries waited more than short ones.

        cold_ms: Median of the queries that follow another engine's, whose data are in the caches.

        batch_ms: Of all 1000 queries at once.

        add_us: Median of adding one code; likewise `remove_us`. How often is in `adds`, `removes`.

        bytes_per_code: By the engine's own word where it gives one, else as `rss_bytes_per_code`.

        rss_bytes_per_code: How much larger the process became by building.

        load_s: To read what was saved, from files that the system still has in its memory.

        recall: Share of what should have been found that was, by single and batch.

        exact: Whether every answer was right and complete: single at each radius, batch, after
            adding and removing, after loading.

        by_radius: Single queries at every radius: p50_ms, p99_ms, cpu_ms, cold_ms, recall,
            ratio_vs_flat.

        ratio_vs_flat: How many times as fast at the median as FAISS's scan in the same run.

        cpu_ratio_vs_flat: The same of the processor's time.

        lowest_ratio_vs_flat: Of all radii.

        stream_ms: To read all codes once, in the same run: what a scan cannot beat.

        vote_ms: Median of one candidate image.

        vote_recall: Share of the images with enough votes in a full scan that are found.

        vote_wrong: Images found that have not enough in a full scan, or another number of votes.
    """

    n: int
    data: str
    bits: int
    engine: str
    radius: int
    queries: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    cpu_ms: float | None = None
    cold_ms: float | None = None
    batch_ms: float | None = None
    build_s: float | None = None
    add_us: float | None = None
    add_us_p99: float | None = None
    adds: int = 0
    remove_us: float | None = None
    remove_us_p99: float | None = None
    removes: int = 0
    bytes_per_code: float | None = None
    bytes_from: str | None = None
    rss_bytes_per_code: float | None = None
    save_s: float | None = None
    load_s: float | None = None
    recall: float | None = None
    wrong: int = 0
    exact: bool = False
    by_radius: dict[int, dict[str, float | None]] = field(default_factory=dict)
    stream_ms: float | None = None
    ratio_vs_flat: float | None = None
    cpu_ratio_vs_flat: float | None = None
    batch_ratio_vs_flat: float | None = None
    lowest_ratio_vs_flat: float | None = None
    ratio_vs_threatexchange: float | None = None
    vote_ms: float | None = None
    vote_ms_p99: float | None = None
    vote_recall: float | None = None
    vote_wrong: int | None = None
    vote_candidates: int = 0
    vote_images: int = 0

    def set_times(
        self, radius: int, times: Times, cpu_ms: float, cold_ms: float, recall: float | None
    ) -> None:
        """Take in the times of single queries at one radius."""
        self.by_radius[radius] = {
            "queries": times.count,
            "p50_ms": times.p50,
            "p99_ms": times.p99,
            "cpu_ms": cpu_ms,
            "cold_ms": cold_ms,
            "recall": recall,
            "ratio_vs_flat": None,
        }
        if radius == self.radius:
            self.queries, self.cpu_ms, self.cold_ms = times.count, cpu_ms, cold_ms
            self.p50_ms, self.p95_ms, self.p99_ms = times.p50, times.p95, times.p99

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def compare(rows: Sequence[MatchingRow]) -> None:
    """Fill in how the rows of one run, of the same codes, compare to each other."""
    by_name = {row.engine: row for row in rows}
    flat, other = by_name.get(FLAT), by_name.get(THREATEXCHANGE)
    for row in rows:
        if flat is not None and row is not flat:
            row.ratio_vs_flat = _ratio(flat.p50_ms, row.p50_ms)
            row.cpu_ratio_vs_flat = _ratio(flat.cpu_ms, row.cpu_ms)
            row.batch_ratio_vs_flat = _ratio(flat.batch_ms, row.batch_ms)
            for radius, times in row.by_radius.items():
                times["ratio_vs_flat"] = _ratio(flat.by_radius[radius]["p50_ms"], times["p50_ms"])
            ratios = _present(times["ratio_vs_flat"] for times in row.by_radius.values())
            row.lowest_ratio_vs_flat = min(ratios, default=None)
    ours = by_name.get(OURS)
    if ours is not None and other is not None:
        ours.ratio_vs_threatexchange = _ratio(other.p50_ms, ours.p50_ms)


def _ratio(theirs: float | None, mine: float | None) -> float | None:
    return theirs / mine if theirs is not None and mine else None


def _present(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
