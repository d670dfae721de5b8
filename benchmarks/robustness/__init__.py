"""
Measures how many altered copies are found, by alteration, and how many false matches there are.

    python -m benchmarks.robustness --photos DIR [--photos DIR …] [--limit N] [--only NAME …]
                                    [--chains N] [--pairs N] [--seed N] [--workers N]
                                    [--json OUT] [--plot PNG]

`measuring` plans the work, `work` does it in worker processes, `figures` sums it up, and `report`
and `plot` show the results.
"""

from benchmarks.robustness.figures import CopyOutcome, Figures, RobustnessRow
from benchmarks.robustness.measuring import RunPlan, measure

__all__ = ["CopyOutcome", "Figures", "RobustnessRow", "RunPlan", "measure"]
