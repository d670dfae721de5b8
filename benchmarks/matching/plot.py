"""Plots latency against the number of codes."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.matching.engines import ENGINES, FLAT, OURS, THREATEXCHANGE

_INCHES = (4.6, 3.8)
_DOTS_AN_INCH = 110
_PALETTE = 64
_COLOURS = {
    OURS: "#1d4ed8",
    FLAT: "#6b7280",
    THREATEXCHANGE: "#ea580c",
    "FAISS BinaryMultiHash": "#16a34a",
    "usearch": "#9333ea",
}
_FLOOR = "#111827"


def draw_plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a PNG file with a panel for each kind of codes; it shows medians and our p99."""
    import matplotlib as mpl  # noqa: PLC0415 - in the extra `dev`; only a plot needs it.

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    kinds = list(dict.fromkeys(row["data"] for row in rows))
    drawing, axes = plt.subplots(
        1,
        len(kinds),
        figsize=(_INCHES[0] * len(kinds), _INCHES[1]),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for kind, axis in zip(kinds, axes[0], strict=True):
        shown = [row for row in rows if row["data"] == kind]
        for engine in ENGINES:
            points = sorted(
                (row["n"], row["p50_ms"], row["p99_ms"])
                for row in shown
                if row["engine"] == engine.name and row["p50_ms"] is not None
            )
            if points:
                counts, medians, slowest = zip(*points, strict=True)
                colour = _COLOURS[engine.name]
                axis.plot(counts, medians, "o-", color=colour, ms=4, lw=1.6, label=engine.name)
                if engine.name == OURS:
                    label = f"{OURS}, p99"
                    axis.plot(counts, slowest, "--", color=colour, lw=1, label=label)
        floor = sorted({(row["n"], row["stream_ms"]) for row in shown})
        axis.plot(
            *zip(*floor, strict=True), ".:", color=_FLOOR, ms=4, lw=1.4, label="reading all codes"
        )
        axis.set(xscale="log", yscale="log", title=f"{kind} codes", xlabel="codes")
        axis.grid(color="#e5e7eb", linewidth=0.6)
        axis.title.set_fontsize(10)
    axes[0][0].set_ylabel("ms a query, radius 31")
    handles, labels = axes[0][0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    drawn = io.BytesIO()
    drawing.savefig(drawn, dpi=_DOTS_AN_INCH)
    plt.close(drawing)
    Image.open(drawn).convert("RGB").quantize(_PALETTE).save(path, "PNG", optimize=True)
