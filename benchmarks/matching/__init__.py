"""
How fast stored codes near a code are found, beside what others have for it.

    python -m benchmarks.matching [--n N …] [--data uniform|skewed|photos …] [--bits 256|64 …]
                                  [--photos DIR] [--seconds S] [--engines NAME …] [--seed N]
                                  [--json OUT] [--plot PNG]
    python -m benchmarks.matching --from JSON … --plot PNG

In one process and one thread, with the same codes and the same queries: this project's LiveIndex,
FAISS's BinaryFlat and BinaryMultiHash, python-threatexchange's PDQIndex, usearch. The engines take
turns of ten queries; garbage is collected in between. Every answer is held against a full scan by
`truth`: single queries at each radius, a batch, once more after a thousand codes came one by one
and a thousand went, and after saving and loading.

`generated` and `photographed` make the codes, `queries` what is looked up; `engines` are the
searchers, `measuring` and `timing` run them; `figures`, `report` and `plot` show what came of it.
"""

from benchmarks.matching.figures import MatchingRow
from benchmarks.matching.measuring import Data, measure

__all__ = ["Data", "MatchingRow", "measure"]
