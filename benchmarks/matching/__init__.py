"""
Measures how fast this project and other searchers find the codes near a query.

    python -m benchmarks.matching [--n N …] [--data uniform|skewed|photos …] [--bits 256|64 …]
                                  [--photos DIR] [--seconds S] [--engines NAME …] [--seed N]
                                  [--json OUT] [--plot PNG]
    python -m benchmarks.matching --from JSON … --plot PNG

It compares this project's LiveIndex, FAISS's BinaryFlat and BinaryMultiHash,
python-threatexchange's PDQIndex and usearch, in one process and one thread, with the same codes and
queries. The engines take turns of ten queries, and the C library tidies its memory in between.
Every answer to single queries at each radius, and to a batch, is checked against a full scan.
Answers are checked again after a thousand codes were added and a thousand removed one by one, and
once more after saving and loading.

`generated` and `photographed` make the codes. `queries` and `workload` make the queries. `truth`
finds the true answers. `engines` wraps the searchers; `measuring` and `timing` run them. `figures`,
`report` and `plot` show the results.
"""

from benchmarks.matching.figures import MatchingRow
from benchmarks.matching.measuring import measure
from benchmarks.matching.workload import Data, Effort

__all__ = ["Data", "Effort", "MatchingRow", "measure"]
