"""Plots the recall of each kind."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benchmarks.robustness.figures import Figures, RobustnessRow

_COLUMNS = 2
_INCHES_A_KIND = 0.17
_WIDTH_INCHES = 9.0
_DOTS_AN_INCH = 110
# Enough colours for lines, dots and smooth letters, in a file a quarter as large.
_PALETTE = 48
# Column of a row, legend, colour, marker, size; later entries are drawn on top.
_SERIES = (
    ("certain_or_likely", "hashsvc, certain or likely", "#1d4ed8", "o", 26),
    ("phash", "pHash ≤ 8", "#9ca3af", "x", 18),
    ("pdq", "PDQ ≤ 31", "#ea580c", "|", 60),
)


def draw_plot(figures: Figures, path: Path) -> None:
    """Write a PNG file with one line for each kind: the mean over its strengths."""
    import matplotlib as mpl  # noqa: PLC0415 - in the extra `dev`; only a plot needs it.

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    kinds = _kinds([*figures.rows, *([figures.chains] if figures.chains else [])])
    length = -(-len(kinds) // _COLUMNS)
    drawing, axes = plt.subplots(
        1,
        _COLUMNS,
        figsize=(_WIDTH_INCHES, length * _INCHES_A_KIND + 0.9),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for at, axis in enumerate(axes[0]):
        shown = kinds[at * length : (at + 1) * length]
        places = range(len(shown))
        for column, legend, colour, marker, size in _SERIES:
            values = [_mean(rows, column) for _, rows in shown]
            axis.scatter(values, places, s=size, c=colour, marker=marker, label=legend, zorder=3)
        axis.set_yticks(places, [name for name, _ in shown], fontsize=7.5)
        axis.set_ylim(length - 0.4, -0.6)
        axis.set_xlim(-0.03, 1.03)
        axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"], fontsize=8)
        axis.grid(color="#e5e7eb", linewidth=0.6)
        axis.tick_params(length=0)
        for spine in axis.spines.values():
            spine.set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    drawing.supxlabel("copies found, mean over strengths", fontsize=8.5)
    drawn = io.BytesIO()
    drawing.savefig(drawn, dpi=_DOTS_AN_INCH)
    plt.close(drawing)
    Image.open(drawn).convert("RGB").quantize(_PALETTE).save(path, "PNG", optimize=True)


def _kinds(rows: Sequence[RobustnessRow]) -> list[tuple[str, list[RobustnessRow]]]:
    """Return the rows by kind, in the order of the kinds."""
    kinds: dict[str, list[RobustnessRow]] = {}
    for row in rows:
        kinds.setdefault(row.name, []).append(row)
    return list(kinds.items())


def _mean(rows: Sequence[RobustnessRow], column: str) -> float:
    values: list[float] = [getattr(row, column) for row in rows]
    return sum(values) / len(values)
