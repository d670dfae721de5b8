"""A sealed segment: codes that never change, searched exactly by multi-index hashing."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index import probe
from index.chunking import chunks_for, steady_chunks
from index.codes import Codes, checked
from index.effort import crowds_of, least_ns
from index.flat import FaissSegment
from index.intrinsics import aligned_empty
from index.probe import Searched
from index.scan import SCAN_NS, scan
from index.tables import ONLY, Places, Tables, build, flips_of
from index.vote_probe import Across, come_across

FEWEST = 4096
"""Of fewer codes a scan is always faster, so there are no tables."""

_MANY_QUERIES = 32
_LINE_BYTES = 64


def _in_line(codes: Codes) -> Codes:
    """Return codes of which none lies across two cache lines."""
    if codes.ctypes.data % _LINE_BYTES == 0:
        return codes
    moved: Codes = aligned_empty(codes.size, np.uint8).reshape(codes.shape)
    moved[:] = codes
    return moved


def _steady_chunks(tables: Tables, steadiest: tuple[int, ...]) -> int:
    """Return how many of the first chunks have the steadiest bits and no others."""
    if not steadiest:
        return 0
    chunks = steady_chunks(len(tables.bits_at) - 1)
    bits = tables.bits[: tables.bits_at[chunks]].tolist()
    return chunks if sorted(bits) == sorted(steadiest[: len(bits)]) else 0


class MihSegment:
    """
    Codes at positions 0, 1, 2 …, safe to search from several threads at once.

    Args:
        codes: Shape (n, bits // 8), bits a multiple of 64, n less than 2^31. Nobody may
            write to them any more; they are copied only to be brought in line with the caches.

        steadiest: All bits, those first that near copies have most likely in common; empty when
            nothing is known of them.
    """

    def __init__(self, codes: Codes, steadiest: tuple[int, ...] = ()) -> None:
        bits = codes.shape[1] * 8
        codes = _in_line(checked(codes, bits))
        assert len(codes) < ONLY
        chunks = chunks_for(bits, len(codes)) if len(codes) >= FEWEST else 0
        self._set(codes, build(codes, chunks, steadiest) if chunks else None, steadiest)

    def _set(self, codes: Codes, tables: Tables | None, steadiest: tuple[int, ...]) -> None:
        self._codes = codes
        # Tables of a file may be from before it was known which bits are steady.
        self._steady = 0 if tables is None else _steady_chunks(tables, steadiest)
        self._searched = None
        self._least: dict[int, float] = {}
        if tables is not None:
            words = codes.view(np.uint64).reshape(-1)
            flips = flips_of(tables)
            self._searched = Searched(codes, words, tables, flips, crowds_of(tables, flips))

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
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], steadiest: tuple[int, ...] = ()
    ) -> Self:
        """
        Return the segment whose arrays these are, without building it anew.

        Args:
            arrays: As `arrays` gave them; they are kept, not copied.

            steadiest: As above.
        """
        segment = cls.__new__(cls)
        tables = None
        if len(arrays) > 1:
            tables = Tables(**{name: arrays[name] for name in Tables._fields})
        segment._set(arrays["codes"], tables, steadiest)
        return segment

    def search(self, codes: Codes, *, threshold: int) -> tuple[Places, Places, NDArray[np.int32]]:
        """
        Return the positions within `threshold` of each query: counts, positions, distances.

        Within a query they come in no order.
        """
        scan_ns = self._scan_ns()
        if self._searched is None or self._least_ns(threshold) > scan_ns:
            return self._brute(codes, threshold)
        hits, left_out = probe.search(
            self._searched, codes, threshold, scan_ns, len(codes) >= _MANY_QUERIES
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

    def come_across(
        self, codes: Codes, *, threshold: int, budget_ns: float, steady_ns: float
    ) -> Across:
        """
        Return positions within `threshold` of any query, and how far they are of it.

        One that is near several queries may come several times, and a far one not at all.

        Args:
            budget_ns: What one query may cost, as estimated,

            steady_ns: and what it may where it is known which bits are the steadiest.
        """
        budget_ns = steady_ns if self._steady else budget_ns
        if self._searched is None or budget_ns > self._scan_ns():
            _, positions, distances = self.search(codes, threshold=threshold)
            return Across(positions, distances)
        codes = np.ascontiguousarray(codes)
        chunks = self._steady or len(self._searched.tables.bits_at) - 1
        found: Across = come_across(self._searched, codes, threshold, budget_ns, chunks)
        return found

    def _scan_ns(self) -> float:
        """Return what it takes to look at all codes, for one query."""
        return float(len(self) * SCAN_NS * self._codes.shape[1] / 32)

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
