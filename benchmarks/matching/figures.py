"""The figures of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmarks.matching.engines import FLAT, OURS, THREATEXCHANGE


@dataclass(frozen=True, slots=True)
class Times:
    """The spread of some durations, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, durations: Sequence[float]) -> "Times":
        """Return the count, the median and high percentiles of some durations."""
        p50, p95, p99 = np.percentile(durations, (50, 95, 99)).tolist()
        return cls(len(durations), p50, p95, p99)


@dataclass(slots=True)
class MatchingRow:
    """
    The figures of one engine with n codes; None where it lacks a feature or was not measured.

    Attributes:
        data: Kind of codes.

        radius: Radius of all figures outside `by_radius`.

        queries: Number of single queries that were timed.

        p50_ms: Median time of one query; `p95_ms` and `p99_ms` are percentiles.

        cpu_ms: Median processor time of one query. If it is much less than `p50_ms`, the machine
            was busy with other work, and long queries waited more than short ones.

        cold_ms: Median time of queries that run right after another engine, whose data fill the
            caches.

        batch_ms: Time of a batch of all queries.

        add_us: Median time to add one code; `adds` is the number of codes added. `remove_us` and
            `removes` say the same about removing codes.

        bytes_per_code: Memory for each code, as the engine reports it. If it reports none, this is
            `rss_bytes_per_code`.

        rss_bytes_per_code: Growth of the process's resident memory while building.

        load_s: Time to load saved files that the system still has in its page cache.

        recall: Share of the expected codes that single queries found.

        exact: Whether every answer was right and complete: single queries at each radius, the
            batch, after adding and removing, and after loading.

        by_radius: Figures of single queries at every radius: p50_ms, p99_ms, cpu_ms, cold_ms,
            recall, ratio_vs_flat.

        ratio_vs_flat: How many times as fast as FAISS's scan the engine is, by the medians of the
            same run.

        cpu_ratio_vs_flat: The same ratio of processor times.

        lowest_ratio_vs_flat: The lowest ratio of all radii.

        stream_ms: Time to read all codes once in the same run, which no scan can beat.

        vote_ms: Median time to vote on one candidate image.

        vote_recall: Of the images that have enough votes in a full scan, the share that was found.

        vote_wrong: Images found that have too few votes in a full scan, or a different number.
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
        """Store the times of single queries at one radius."""
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
    """Fill in the ratios between the rows of one run, which have the same codes."""
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
