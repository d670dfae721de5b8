"""A sealed segment: codes that never change, searched exactly by multi-index hashing."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index import probe
from index.chunking import chunks_for
from index.codes import Codes, checked
from index.effort import least_ns
from index.flat import FaissSegment
from index.machine import aligned_empty
from index.probe import Searched
from index.scan import SCAN_NS, scan
from index.tables import ONLY, Places, Tables, build, flips_of

FEWEST = 4096
"""Of fewer codes a scan is always faster, so there are no tables."""

_NO_BUDGET = float("inf")
_MANY_QUERIES = 32
_LINE_BYTES = 64


def _in_line(codes: Codes) -> Codes:
    """Return codes of which none lies across two cache lines."""
    if codes.ctypes.data % _LINE_BYTES == 0:
        return codes
    moved: Codes = aligned_empty(codes.size, np.uint8).reshape(codes.shape)
    moved[:] = codes
    return moved


class MihSegment:
    """
    Codes at positions 0, 1, 2 …, safe to search from several threads at once.

    Args:
        codes: Shape (n, bits // 8), bits a multiple of 64, n less than 2^31. Nobody may
            write to them any more; they are copied only to be brought in line with the caches.
    """

    def __init__(self, codes: Codes) -> None:
        bits = codes.shape[1] * 8
        codes = _in_line(checked(codes, bits))
        assert len(codes) < ONLY
        chunks = chunks_for(bits, len(codes)) if len(codes) >= FEWEST else 0
        self._set(codes, build(codes, chunks) if chunks else None)

    def _set(self, codes: Codes, tables: Tables | None) -> None:
        self._codes = codes
        self._searched = None
        self._least: dict[int, float] = {}
        if tables is not None:
            words = codes.view(np.uint64).reshape(-1)
            self._searched = Searched(codes, words, tables, flips_of(tables))

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> Codes:
        """All codes, in order; not a copy."""
        return self._codes

    @property
    def nbytes(self) -> int:
        """Memory of the codes and the tables."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all there is to be written to a file, by name."""
        tables = {} if self._searched is None else self._searched.tables._asdict()
        return {"codes": self._codes, **tables}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """
        Return the segment whose arrays these are, without building it anew.

        Args:
            arrays: As `arrays` gave them; they are kept, not copied.
        """
        segment = cls.__new__(cls)
        tables = None
        if len(arrays) > 1:
            tables = Tables(**{name: arrays[name] for name in Tables._fields})
        segment._set(arrays["codes"], tables)
        return segment

    def search(self, codes: Codes, *, threshold: int) -> tuple[Places, Places, NDArray[np.int32]]:
        """
        Return the positions within `threshold` of each query: counts, positions, distances.

        Within a query they come in no order.
        """
        return self._search(codes, threshold, _NO_BUDGET)

    def search_within(
        self, codes: Codes, *, threshold: int, budget_ns: float
    ) -> tuple[Places, Places, NDArray[np.int32]]:
        """
        Return as `search` does, but no more than a budget allows: the far ones may be missed.

        Args:
            budget_ns: What one query may cost, as estimated.
        """
        return self._search(codes, threshold, budget_ns)

    def _search(
        self, codes: Codes, threshold: int, budget_ns: float
    ) -> tuple[Places, Places, NDArray[np.int32]]:
        scan_ns = len(self) * SCAN_NS * self._codes.shape[1] / 32
        if self._searched is None or min(budget_ns, self._least_ns(threshold)) > scan_ns:
            return self._brute(codes, threshold)
        hits, left_out = probe.search(
            self._searched, codes, threshold, budget_ns, scan_ns, len(codes) >= _MANY_QUERIES
        )
        found, places, distances = hits
        if left_out.all():
            return self._brute(codes, threshold)
        if left_out.any():
            numbers = np.flatnonzero(left_out)
            counts, more, far = self._brute(codes[numbers], threshold)
            found = np.concatenate((found, np.repeat(numbers, counts)))
            places, distances = np.concatenate((places, more)), np.concatenate((distances, far))
        if len(codes) == 1:
            return np.array([len(places)]), places, distances
        order = np.argsort(found, kind="stable")
        counts = np.bincount(found, minlength=len(codes)).astype(np.int64)
        return counts, places[order], distances[order]

    def _least_ns(self, threshold: int) -> float:
        """Return what probing takes where it finds nothing: no query can do with less."""
        if threshold not in self._least:
            assert self._searched is not None
            self._least[threshold] = least_ns(self._searched.flips, threshold + 1)
        return self._least[threshold]

    def _brute(self, codes: Codes, threshold: int) -> tuple[Places, Places, NDArray[np.int32]]:
        # Of one query FAISS is as fast as the memory; of several, a scan reads it once for all.
        if len(codes) == 1:
            return FaissSegment(self._codes).search(codes, threshold=threshold)
        return scan(self._codes, codes, threshold=threshold)
