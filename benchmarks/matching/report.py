"""Prints the figures as tables."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.matching.engines import OURS
from benchmarks.matching.figures import MatchingRow

_BUSY = 1.25
"""Ratio of time to processor time above which the machine was busy with other work."""


def print_rows(rows: Sequence[MatchingRow], console: Console) -> None:
    """Print the tables of one run: the main figures, and single queries at every radius."""
    if not rows:
        return
    first = rows[0]
    title = f"{first.n:,} {first.data} codes of {first.bits} bits"
    console.print(_main(f"{title}, radius {first.radius}", rows))
    console.print(_radii(f"{title}, median ms of a query (times as fast as the scan)", rows))
    if any(row.p50_ms and row.cpu_ms and row.p50_ms > _BUSY * row.cpu_ms for row in rows):
        console.print("THE MACHINE WAS BUSY: queries waited for the processor; see the column CPU.")
    console.print(f"reading all codes once takes {_number(first.stream_ms)} ms")
    for row in rows:
        if row.engine == OURS:
            _print_ours(row, console)


def _main(title: str, rows: Sequence[MatchingRow]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for heading in (
        "p50 ms", "p95", "p99", "cold", "CPU", "1000, ms", "build s", "add µs", "p99",
        "remove µs", "p99", "bytes/code", "load s", "recall", "exact",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for row in rows:
        values = (
            row.p50_ms, row.p95_ms, row.p99_ms, row.cold_ms, row.cpu_ms, row.batch_ms, row.build_s,
            row.add_us, row.add_us_p99, row.remove_us, row.remove_us_p99,
            row.bytes_per_code, row.load_s,
        )  # fmt: skip
        recall = "–" if row.recall is None else f"{row.recall:.4f}"
        exact = "yes" if row.exact else "no"
        table.add_row(row.engine, *map(_number, values), recall, exact)
    return table


def _radii(title: str, rows: Sequence[MatchingRow]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    radii = sorted({radius for row in rows for radius in row.by_radius})
    for radius in radii:
        table.add_column(f"≤ {radius}", justify="right")
    for row in rows:
        cells = []
        for radius in radii:
            times = row.by_radius.get(radius, {})
            ratio = times.get("ratio_vs_flat")
            text = _number(times.get("p50_ms"))
            cells.append(text if ratio is None else f"{text} ({ratio:.1f} ×)")
        table.add_row(row.engine, *cells)
    return table


def _print_ours(row: MatchingRow, console: Console) -> None:
    for name, ratio in (
        ("FAISS BinaryFlat", row.ratio_vs_flat),
        ("FAISS BinaryFlat, by the processor's time", row.cpu_ratio_vs_flat),
        ("FAISS BinaryFlat, at its worst radius", row.lowest_ratio_vs_flat),
        ("threatexchange PDQIndex", row.ratio_vs_threatexchange),
    ):
        if ratio is not None:
            console.print(f"{ratio:.1f} × as fast as {name}", highlight=False)
    if row.vote_ms is not None:
        recall = "–" if row.vote_recall is None else f"{row.vote_recall:.4f}"
        console.print(
            f"votes of a candidate image: {row.vote_ms:.2f} ms, p99 {row.vote_ms_p99:.2f}; recall "
            f"{recall} of {row.vote_images} images in {row.vote_candidates} candidates, "
            f"{row.vote_wrong} wrong",
            highlight=False,
        )


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
