"""
The index of a running service.

The next search finds an added code, and no search finds a removed code.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index import part_set
from index.blockfile import BlockCipher
from index.codes import Codes, checked
from index.errors import DuplicateIdError, SearchIndexError, SegmentError
from index.hits import Hits, Ids
from index.manifest import IndexFiles
from index.part import Part
from index.part_set import PartSet
from index.segment import Engine, SegmentPlan
from index.votes import Votes, count_votes


class LiveIndex:
    """
    Codes with ids and owners; safe to share between threads.

    Several codes may have one owner, as the signals of one image do. New codes go into a small
    tail. A full tail is sealed, and sealed parts are merged, by a thread that runs only while there
    is work. A removed code becomes a tombstone: no search returns it, and a merge drops it from
    memory.

    Writes do not wait for a merge. Reads never wait: a search uses the parts that existed when it
    began.

    Args:
        bits: Width of the codes, a multiple of 8.

        engine: What searches sealed parts; "faiss" searches everything by brute force.

        steadiest: All bits of a code, starting with those that near copies most often share.
            Votes then search by these bits first, which finds as many owners in less time.

    Attributes:
        feed_position: Set and read by the caller: how far the index has followed the change feed.

    Raises:
        ValueError: If `steadiest` is not empty and does not hold every bit exactly once.
    """

    def __init__(
        self, bits: int, *, engine: Engine = "auto", steadiest: Sequence[int] = ()
    ) -> None:
        if steadiest and sorted(steadiest) != list(range(bits)):
            raise ValueError("steadiest must list every bit of a code exactly once.")
        self.bits = bits
        self.engine = engine
        self.feed_position = 0
        self._part_set = PartSet(bits, SegmentPlan(engine, tuple(steadiest)))
        self._saving = threading.Lock()
        self._files: IndexFiles | None = None

    def __len__(self) -> int:
        """Return the number of live codes."""
        return self._part_set.live

    @property
    def nbytes(self) -> int:
        """Memory in bytes of codes, ids and search tables; a running merge is not counted."""
        return self._part_set.nbytes

    @property
    def parts(self) -> tuple[Part, ...]:
        """
        The parts that a search goes through now, the tail last.

        The tuple never changes. It holds every code added so far, and may hold tombstones.
        """
        return self._part_set.parts

    def add(self, ids: Ids, codes: Codes, owners: Ids | None = None) -> None:
        """
        Add codes; the next search finds them.

        A batch larger than a tail is sealed before this returns. To load many codes, add them in
        large batches.

        Args:
            ids: Shape (n,); an id may be used again after its removal.

            codes: Shape (n, bits // 8).

            owners: Shape (n,); if left out, each code is its own owner.

        Raises:
            CodeWidthError: If the codes have another width; nothing is added.

            DuplicateIdError: If an id is in the index or occurs twice; nothing is added.

            ValueError: If the numbers of ids, owners and codes differ; nothing is added.
        """
        codes = checked(codes, self.bits)
        ids = np.array(ids, dtype=np.int64)
        owners = ids if owners is None else np.array(owners, dtype=np.int64)
        if not ids.shape == owners.shape == (len(codes),):
            raise ValueError("Give one id, and one owner, for each code.")
        if len(ids) > 1 and len(np.unique(ids)) < len(ids):
            raise DuplicateIdError("An id can be added only once.")
        if len(ids) > part_set.TAIL_CODES:
            self._part_set.add_sealed(ids, codes, owners)
        elif len(ids):
            self._part_set.append(ids, codes, owners)

    def remove(self, ids: Iterable[int]) -> int:
        """Remove codes by id, and return how many there were; unknown ids are ignored."""
        return self._part_set.remove(_distinct(ids), Part.positions_of)

    def remove_owners(self, owners: Iterable[int]) -> int:
        """Remove all codes of these owners, and return how many there were."""
        return self._part_set.remove(_distinct(owners), Part.positions_of_owners)

    def search(self, codes: Codes, *, threshold: int) -> Hits:
        """
        Return every live code within `threshold` bits, inclusive, of each query.

        A code that is live during the whole search is in the result. A code that was removed before
        the search began is not.

        Raises:
            CodeWidthError: If the queries have another width.
        """
        codes = checked(codes, self.bits)
        entries = []
        for part in self.parts:
            counts, positions, distances = part.segment.search(codes, threshold=threshold)
            if len(positions) == 0:
                continue
            queries = np.repeat(np.arange(len(codes)), counts)
            # Check this last, even if the part has no tombstones: one may be added at any moment.
            alive = part.alive[positions]
            positions = positions[alive]
            entries.append(
                (queries[alive], part.ids[positions], part.owners[positions], distances[alive])
            )
        return Hits.gathered(len(codes), entries)

    def nearest(self, codes: Codes, k: int, *, threshold: int) -> Hits:
        """
        Return the `k` nearest live codes to each query, of those within `threshold` bits.

        Ties with the last of them are included, so a query may have more than `k`.

        Raises:
            CodeWidthError: If the queries have another width.

            ValueError: If `k` is below 1.
        """
        return self.search(codes, threshold=threshold).nearest(k)

    def vote(
        self,
        codes: Codes,
        *,
        threshold: int,
        min_votes: float,
        weights: NDArray[np.float64] | None = None,
    ) -> Votes:
        """
        Return the owners that have many codes near those of one candidate, most votes first.

        Each live code of an owner within `threshold` of any of the candidate's codes is one vote.
        The votes of a returned owner are exact. An owner may be missed if all of its codes are far
        from the candidate's (see `votes.BUDGET_NS`).

        Args:
            codes: All codes of the candidate, shape (n, bits // 8).

            min_votes: Fewest votes of a returned owner.

            weights: Weight of each of the candidate's codes, shape (n,). An owner's code counts
                with the heaviest weight among the codes it is near. Give little weight to codes
                that many images have.

        Raises:
            CodeWidthError: If the queries have another width.
        """
        codes = checked(codes, self.bits)
        return count_votes(
            self.parts, codes, threshold=threshold, min_votes=min_votes, weights=weights
        )

    def settle(self) -> None:
        """
        Do all merges that are due now, in the caller's thread; use it before a measurement.
        """
        self._part_set.merge_due()

    def purge(self) -> None:
        """
        Drop every code that was removed before this call from memory and from the files.

        A search that is running keeps its memory until it ends. The files of the last load or save
        are saved again, with the present feed position. The disk may keep the bytes of the old
        files until it overwrites them.
        """
        self._part_set.purge()
        with self._saving:
            if self._files is not None:
                self._write(self._files)

    def close(self) -> None:
        """Wait for the running merge and start no other; the index still answers as before."""
        self._part_set.close()

    def save(self, directory: Path, *, cipher: BlockCipher | None = None) -> None:
        """
        Write what changed since the last save: new parts, the tail, tombstones, the feed position.

        The files keep the older state until the last step, so the process may be killed at any
        time.
        Removed codes stay on disk with their part until that part is merged; see `purge`.

        The caller must finish every addition up to the feed position before it calls this, and must
        begin later additions only after it returns. Otherwise an index that is loaded from these
        files and follows the feed adds an id twice, which raises DuplicateIdError.

        Args:
            directory: Created if missing. Only this index, in one process, may use it.

            cipher: Encrypts each block. Without it, anyone who can read the files can read the
                codes.
        """
        with self._saving:
            if self._files is None or not self._files.same_place(directory, cipher):
                self._files = IndexFiles(directory, cipher)
            self._write(self._files)

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        engine: Engine = "auto",
        steadiest: Sequence[int] = (),
        cipher: BlockCipher | None = None,
    ) -> Self:
        """
        Return the index that was saved to a directory.

        Raises:
            SegmentError: If a file is missing, truncated, altered, sealed with another key, or of
                an unknown version.
        """
        files = IndexFiles(directory, cipher)
        saved = files.load(SegmentPlan(engine, tuple(steadiest)))
        index = cls(saved.bits, engine=engine, steadiest=steadiest)
        index.feed_position = saved.feed_position
        index._files = files
        index._part_set.adopt(saved.parts)
        try:
            index.add(saved.ids, saved.codes, saved.owners)
        except (SearchIndexError, ValueError) as error:
            raise SegmentError("The content of the index file is not valid.") from error
        return index

    def _write(self, files: IndexFiles) -> None:
        # Read the position first: it may lag behind the parts, but must never be ahead of them.
        feed_position = self.feed_position
        files.save(self.parts, bits=self.bits, feed_position=feed_position)


def _distinct(values: Iterable[int]) -> Ids:
    listed = values if isinstance(values, np.ndarray | list | tuple) else list(values)
    array = np.array(listed, dtype=np.int64)
    return array if len(array) == 1 else np.unique(array)
