"""A sealed segment: codes that never change, searched exactly by multi-index hashing."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index import probe
from index.chunking import chunks_for, steady_chunks
from index.codes import Codes, checked
from index.flat import FaissSegment
from index.intrinsics import aligned_empty
from index.probe import SearchData
from index.radii import density_of, min_ns
from index.scan import SCAN_NS, scan
from index.tables import SINGLE, Int64s, Tables, build, flips_of
from index.vote_probe import NearCodes, search_within_budget

FEWEST = 4096
"""A smaller segment has no tables, because a scan is always faster there."""

_MANY_QUERIES = 32
_LINE_BYTES = 64


def _aligned(codes: Codes) -> Codes:
    """Return codes in memory where no code lies across two cache lines."""
    if codes.ctypes.data % _LINE_BYTES == 0:
        return codes
    moved: Codes = aligned_empty(codes.size, np.uint8).reshape(codes.shape)
    moved[:] = codes
    return moved


def _steady_chunks(tables: Tables, steadiest: tuple[int, ...]) -> int:
    """Return how many chunks, counted from the first, hold exactly the steadiest bits."""
    if not steadiest:
        return 0
    chunks = steady_chunks(len(tables.bits_at) - 1)
    bits = tables.bits[: tables.bits_at[chunks]].tolist()
    return chunks if sorted(bits) == sorted(steadiest[: len(bits)]) else 0


class MihSegment:
    """
    Codes at positions 0, 1, 2 …; several threads may search them at once.

    Args:
        codes: Shape (n, bits // 8), bits a multiple of 64, n less than 2^31. The caller must not
            write to them again. They are copied only if they are not aligned with cache lines.

        steadiest: All bits of a code, starting with those that near copies most often share; empty
            if nothing is known about them.

    Attributes:
        steady_chunks: Number of chunks, counted from the first, that hold exactly the steadiest
            bits; 0 if they are unknown or were unknown when the tables were built.
    """

    def __init__(self, codes: Codes, steadiest: tuple[int, ...] = ()) -> None:
        bits = codes.shape[1] * 8
        codes = _aligned(checked(codes, bits))
        assert len(codes) < SINGLE
        chunks = chunks_for(bits, len(codes)) if len(codes) >= FEWEST else 0
        self._set(codes, build(codes, chunks, steadiest) if chunks else None, steadiest)

    def _set(self, codes: Codes, tables: Tables | None, steadiest: tuple[int, ...]) -> None:
        self._codes = codes
        # Tables from a file may have been built before the steadiest bits were known.
        self.steady_chunks = 0 if tables is None else _steady_chunks(tables, steadiest)
        self._data = None
        self._min_ns_of: dict[int, float] = {}
        if tables is not None:
            words = codes.view(np.uint64).reshape(-1)
            flips = flips_of(tables)
            self._data = SearchData(codes, words, tables, flips, density_of(tables, flips))

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def codes(self) -> Codes:
        """All codes, in order; not a copy."""
        return self._codes

    @property
    def nbytes(self) -> int:
        """Memory in bytes of the codes and the tables."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays to be written to a file, by name."""
        tables = {} if self._data is None else self._data.tables._asdict()
        return {"codes": self._codes, **tables}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], steadiest: tuple[int, ...] = ()
    ) -> Self:
        """
        Return the segment with these arrays, without building it again.

        Args:
            arrays: The result of `arrays`; they are kept, not copied.

            steadiest: As in the constructor.
        """
        segment = cls.__new__(cls)
        tables = None
        if len(arrays) > 1:
            tables = Tables(**{name: arrays[name] for name in Tables._fields})
        segment._set(arrays["codes"], tables, steadiest)
        return segment

    def search(self, codes: Codes, *, threshold: int) -> tuple[Int64s, Int64s, NDArray[np.int32]]:
        """
        Return the hits within `threshold` of each query: counts, positions, distances.

        The results of one query are in no particular order.
        """
        scan_ns = self.scan_ns()
        if self._data is None or self._min_ns(threshold) > scan_ns:
            return self._scan_all(codes, threshold)
        hits, too_costly = probe.search(
            self._data, codes, threshold, scan_ns, len(codes) >= _MANY_QUERIES
        )
        query_numbers, positions, distances = hits
        if too_costly.all():
            return self._scan_all(codes, threshold)
        if too_costly.any():
            numbers = np.flatnonzero(too_costly)
            counts, more_positions, more_distances = self._scan_all(codes[numbers], threshold)
            query_numbers = np.concatenate((query_numbers, np.repeat(numbers, counts)))
            positions, distances = (
                np.concatenate((positions, more_positions)),
                np.concatenate((distances, more_distances)),
            )
        if len(codes) == 1:
            return np.array([len(positions)]), positions, distances
        order = np.argsort(query_numbers, kind="stable")
        counts = np.bincount(query_numbers, minlength=len(codes)).astype(np.int64)
        return counts, positions[order], distances[order]

    def search_within_budget(
        self, codes: Codes, *, threshold: int, budget_ns: float, steady_ns: float
    ) -> NearCodes:
        """
        Return the positions of codes within `threshold` of any query, and their distances.

        The position of a code near several queries may occur several times. A code that is costly
        to reach may be missed.

        Args:
            budget_ns: Estimated nanoseconds that one query may take if the steadiest bits are
                unknown.

            steady_ns: The same if they are known.
        """
        budget_ns = steady_ns if self.steady_chunks else budget_ns
        if self._data is None or budget_ns > self.scan_ns():
            _, positions, distances = self.search(codes, threshold=threshold)
            return NearCodes(positions, distances)
        codes = np.ascontiguousarray(codes)
        chunks = self.steady_chunks or len(self._data.tables.bits_at) - 1
        query_numbers: NearCodes = search_within_budget(
            self._data, codes, threshold, budget_ns, chunks
        )
        return query_numbers

    def scan_ns(self) -> float:
        """Return the estimated nanoseconds to compare one query with all codes."""
        return float(len(self) * SCAN_NS * self._codes.shape[1] / 32)

    def _min_ns(self, threshold: int) -> float:
        """Return the least time, in ns, that probing can take for any query."""
        if threshold not in self._min_ns_of:
            assert self._data is not None
            self._min_ns_of[threshold] = min_ns(self._data.flips, threshold + 1)
        return self._min_ns_of[threshold]

    def _scan_all(self, codes: Codes, threshold: int) -> tuple[Int64s, Int64s, NDArray[np.int32]]:
        # For one query FAISS is as fast as memory; for several, a scan reads memory once for all.
        if len(codes) == 1:
            return FaissSegment(self._codes).search(codes, threshold=threshold)
        return scan(self._codes, codes, threshold=threshold)
