"""
How many altered copies are found, transform by transform, and how many others wrongly.

    python -m benchmarks.robustness --photos DIR [--photos DIR …] [--limit N] [--only NAME …]
                                    [--chains N] [--pairs N] [--seed N] [--workers N]
                                    [--json OUT] [--plot PNG]

The work is done in processes by `work`, put in order by `measuring`, summed up by `figures`, and
shown by `report` and `plot`.
"""

from benchmarks.robustness.figures import CopyOutcome, Figures, RobustnessRow
from benchmarks.robustness.measuring import RunPlan, measure

__all__ = ["CopyOutcome", "Figures", "RobustnessRow", "RunPlan", "measure"]
