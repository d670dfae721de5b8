"""Prints the figures as tables."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.robustness.figures import Figures, Pairs, RobustnessRow


def print_report(figures: Figures, console: Console) -> None:
    """Print the tables and the sums of a run."""
    console.print(_table("Copies that should be found", figures.rows))
    if figures.chains:
        console.print(_table("Random chains of different kinds", [figures.chains]))
    if figures.separate:
        console.print(_table("Copies that need not be found", figures.separate))
    sums = figures.as_json()
    if figures.rows:
        worst = sums["worst"]
        console.print(f"mean recall     {sums['mean_recall']:.3f}, of {len(figures.rows)} rows")
        console.print(
            f"worst           {worst['recall']:.3f}, {worst['name']} {worst['strength']}".rstrip()
        )
    if figures.chains:
        console.print(f"chains' recall  {sums['chains_recall']:.3f}")
    console.print(
        "\nFalse matches of different photos, at certain or likely (at possible in brackets):"
    )
    for name, pairs in (
        ("altered copies", figures.different),
        ("same interface", figures.screenshots),
        ("plain pictures", figures.plain),
    ):
        console.print(f"{name}  {_wrong(pairs)}")


def _table(title: str, rows: Iterable[RobustnessRow]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("family", "kind", "strength"):
        table.add_column(heading)
    for heading in ("n", "PDQ", "pHash", "dHash", "certain", "+ likely", "+ possible"):
        table.add_column(heading, justify="right")
    family = ""
    for row in rows:
        shares = (
            row.pdq,
            row.phash,
            row.dhash,
            row.certain,
            row.certain_or_likely,
            row.any_tier,
        )
        if family and row.family != family:
            table.add_section()
        table.add_row(
            row.family if row.family != family else "",
            row.name,
            row.strength,
            str(row.n),
            *(f"{share:.2f}" for share in shares),
        )
        family = row.family
    return table


def _wrong(pairs: Pairs) -> str:
    return f"{pairs.sure} ({len(pairs.hits) - pairs.sure}) in {pairs.pairs:,} pairs"
