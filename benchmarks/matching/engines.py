"""
The searchers that are compared, each through its own interface, in one thread.

Converting queries to a searcher's format (`prepare`) and its answers to ids and distances (`read`)
is not timed.
"""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.matching.truth import Ints, Neighbours
from index import LiveIndex
from index.codes import Codes

_BATCH = 1_000_000
_PAGE_BYTES = 4096


class Engine(ABC):
    """
    A searcher, without codes at first.

    Attributes:
        name: Name in the figures.

        package: Name of its package in the registry.

        most: Largest number of codes that it is measured with; more would take too long or not fit.

        bytes_a_code: Rough peak memory of building, for each code. The engine is not measured if
            less is free.

        widths: Widths of codes, in bits, that it is measured with.

        radius: The only radius that it supports; None if it supports any.

        removes: Whether it can remove a code.

        renumbers: Whether a removal changes the ids of other codes.
    """

    name: str
    package: str
    most: int
    bytes_a_code: int
    widths: tuple[int, ...] = (256, 64)
    radius: int | None = None
    removes: bool = True
    renumbers: bool = False

    def __init__(self, bits: int) -> None:
        self.bits = bits

    @abstractmethod
    def build(self, codes: Codes) -> None:
        """Fill the searcher with codes, whose ids are 0, 1, 2 …"""

    def prepare(self, queries: Codes) -> Any:
        """Return queries in the format that `search` takes."""
        return np.ascontiguousarray(queries)

    @abstractmethod
    def search(self, queries: Any, radius: int) -> Any:
        """Search for the prepared queries; only this call is timed."""

    @abstractmethod
    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        """Return the neighbours in an answer, one result for each query."""

    @abstractmethod
    def add(self, number: int, code: Any) -> None:
        """Add one code, in the format of a query."""

    def remove(self, number: int) -> None:
        """Remove one code."""
        raise NotImplementedError

    def nbytes(self) -> int | None:
        """Return the memory that the searcher reports for itself; None if it reports none."""
        return None

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything to an empty folder."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Load what was saved, into an engine without codes."""


class Hashsvc(Engine):
    """This project's LiveIndex."""

    name = "hashsvc"
    package = "hashsvc"
    most = 200_000_000
    bytes_a_code = 165

    owners: Ints | None = None
    """Owner of each code that `build` takes; without owners, each id is its own owner."""

    def build(self, codes: Codes) -> None:
        self._index = LiveIndex(self.bits)
        self._index.add(np.arange(len(codes)), codes, self.owners)
        self._index.settle()

    def search(self, queries: Any, radius: int) -> Any:
        return self._index.search(queries, threshold=radius)

    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return [Neighbours(*answer[query]) for query in range(len(answer))]

    def vote(self, queries: Codes, *, threshold: int, min_votes: int) -> dict[int, float]:
        """Return the votes of each owner that has at least `min_votes` codes near the queries."""
        owners, votes = self._index.vote(queries, threshold=threshold, min_votes=min_votes)
        return dict(zip(owners.tolist(), votes.tolist(), strict=True))

    def add(self, number: int, code: Any) -> None:
        self._index.add(np.array([number]), code)

    def remove(self, number: int) -> None:
        self._index.remove([number])

    def nbytes(self) -> int | None:
        return self._index.nbytes

    def save(self, folder: Path) -> None:
        self._index.save(folder)

    def load(self, folder: Path) -> None:
        self._index = LiveIndex.load(folder)


class FaissFlat(Engine):
    """FAISS's scan of all codes."""

    name = "FAISS BinaryFlat"
    package = "faiss-cpu"
    most = 200_000_000
    bytes_a_code = 33
    renumbers = True

    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self._index: Any = faiss.IndexBinaryFlat(bits)

    def build(self, codes: Codes) -> None:
        self._index.add(codes)

    def search(self, queries: Any, radius: int) -> Any:
        # FAISS returns only codes at a distance below the given radius, hence + 1.
        return self._index.range_search(queries, radius + 1)

    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        limits, distances, ids = answer
        return [
            Neighbours(ids[start:end].astype(np.int64), distances[start:end].astype(np.int64))
            for start, end in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True)
        ]

    def add(self, number: int, code: Any) -> None:
        self._index.add(code)

    def remove(self, number: int) -> None:
        self._index.remove_ids(np.array([number]))

    def save(self, folder: Path) -> None:
        faiss.write_index_binary(self._index, str(folder / "index"))

    def load(self, folder: Path) -> None:
        self._index = faiss.read_index_binary(str(folder / "index"))


class FaissMultiHash(FaissFlat):
    """FAISS's multi-index hashing: chunks of 16 bits, probed as far as the radius requires."""

    name = "FAISS BinaryMultiHash"
    most = 20_000_000
    bytes_a_code = 500
    removes = False
    renumbers = False

    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self._index = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)

    def search(self, queries: Any, radius: int) -> Any:
        self._index.nflip = radius // self._index.nhash
        return self._index.range_search(queries, radius + 1)


class ThreatExchange(Engine):
    """The PDQIndex of python-threatexchange; it answers the queries of a batch one by one."""

    name = "threatexchange PDQIndex"
    package = "threatexchange"
    most = 20_000_000
    bytes_a_code = 1500
    widths = (256,)
    radius = 31
    removes = False

    def __init__(self, bits: int) -> None:
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex  # noqa: PLC0415 - optional

        super().__init__(bits)
        self._index: Any = PDQIndex()

    def build(self, codes: Codes) -> None:
        for start in range(0, len(codes), _BATCH):
            texts = self.prepare(codes[start : start + _BATCH])
            self._index.add_all([(text, start + place) for place, text in enumerate(texts)])

    def prepare(self, queries: Codes) -> Any:
        return [query.tobytes().hex() for query in queries]

    def search(self, queries: Any, radius: int) -> Any:
        return [self._index.query(text) for text in queries]

    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        return [
            Neighbours(
                np.array([each.metadata for each in matches], dtype=np.int64),
                np.array([each.similarity_info.distance for each in matches], dtype=np.int64),
            )
            for matches in answer
        ]

    def add(self, number: int, code: Any) -> None:
        self._index.add(code[0], number)

    def save(self, folder: Path) -> None:
        with (folder / "index").open("wb") as file:
            self._index.serialize(file)

    def load(self, folder: Path) -> None:
        with (folder / "index").open("rb") as file:
            self._index = type(self._index).deserialize(file)


class Usearch(Engine):
    """
    The graph index of usearch.

    It returns the nearest few codes and takes no radius, so codes beyond the radius are dropped. It
    may miss codes.
    """

    name = "usearch"
    package = "usearch"
    most = 1_000_000
    bytes_a_code = 900
    widths = (256,)

    _NEAREST = 10

    def __init__(self, bits: int) -> None:
        from usearch.index import Index  # noqa: PLC0415 - optional

        super().__init__(bits)
        self._index: Any = Index(ndim=bits, metric="hamming", dtype="b1")

    def build(self, codes: Codes) -> None:
        # Build on all processors: on one, a million codes take many minutes.
        self._index.add(np.arange(len(codes)), codes, threads=0)

    def prepare(self, queries: Codes) -> Any:
        return queries[0] if len(queries) == 1 else np.ascontiguousarray(queries)

    def search(self, queries: Any, radius: int) -> Any:
        return self._index.search(queries, self._NEAREST, threads=1)

    def read(self, answer: Any, radius: int) -> list[Neighbours]:
        one = answer.keys.ndim == 1
        found = []
        for matches in [answer] if one else answer:
            nearest = Neighbours(matches.keys.astype(np.int64), matches.distances.astype(np.int64))
            found.append(nearest.within(radius))
        return found

    def add(self, number: int, code: Any) -> None:
        self._index.add(number, code, threads=1)

    def remove(self, number: int) -> None:
        self._index.remove(number)

    def nbytes(self) -> int | None:
        return int(self._index.memory_usage)

    def save(self, folder: Path) -> None:
        self._index.save(str(folder / "index"))

    def load(self, folder: Path) -> None:
        self._index.load(str(folder / "index"))


# Engines are built in this order. FAISS's scan needs the least memory, so it comes last, when the
# least is free.
ENGINES: tuple[type[Engine], ...] = (Hashsvc, Usearch, ThreatExchange, FaissMultiHash, FaissFlat)
OURS, FLAT, THREATEXCHANGE = Hashsvc.name, FaissFlat.name, ThreatExchange.name


def versions(engines: Sequence[type[Engine]] = ENGINES) -> dict[str, str]:
    """Return the version of each package that is installed."""
    found = {}
    for name in ("numpy", "numba", *(engine.package for engine in engines)):
        try:
            found[name] = version(name)
        except ModuleNotFoundError:
            continue
    return found


def resident_bytes() -> int:
    """Return the memory that the process uses, after returning unused memory to the system."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE_BYTES


def available_bytes() -> int:
    """Return how many bytes of memory are available on the machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
