"""The index of a running service: added codes are found at once, removed ones never again."""

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
from index.members import Member
from index.part_set import Parts
from index.segment import Engine, SegmentPlan
from index.votes import Votes, count_votes


class LiveIndex:
    """
    Codes with ids and owners; safe to share between threads.

    Several codes may have one owner: the signals of one image have. Codes come into a small tail;
    a full tail is sealed, and sealed parts are merged, by a thread that runs while there is
    something to do. A removed code becomes a tombstone, which no search returns, until a merge
    drops it from memory.

    Neither reads nor writes wait for a merge, and reads wait for nothing: a search goes through
    the parts that there were when it began.

    Args:
        bits: Width of the codes, a multiple of 8.

        engine: Of the sealed parts; "faiss" has everything searched by brute force.

        steadiest: All bits of a code, those first that near copies have most likely in common.
            Votes then go by these first, which finds as many owners in less time.
    """

    def __init__(
        self, bits: int, *, engine: Engine = "auto", steadiest: Sequence[int] = ()
    ) -> None:
        if steadiest and sorted(steadiest) != list(range(bits)):
            raise ValueError("The steadiest bits are all of a code's, each once.")
        self.bits = bits
        self.engine = engine
        self.checkpoint = 0
        """The caller's: how far in the source's change feed the index has come."""
        self._parts = Parts(bits, SegmentPlan(engine, tuple(steadiest)))
        self._saving = threading.Lock()
        self._files: IndexFiles | None = None

    def __len__(self) -> int:
        """Number of live codes."""
        return self._parts.live

    @property
    def nbytes(self) -> int:
        """Memory taken by codes, ids and all that searches them; a merge under way not counted."""
        return self._parts.nbytes

    def add(self, ids: Ids, codes: Codes, owners: Ids | None = None) -> None:
        """
        Add codes; the next search finds them.

        More codes than a tail holds are sealed before this returns. So to load many, add them in
        large batches.

        Args:
            ids: Shape (n,); new ones, or removed before.

            codes: Shape (n, bits // 8).

            owners: Shape (n,); the ids themselves when left out.

        Raises:
            CodeWidthError: If the codes are of another width; nothing is added.

            DuplicateIdError: If an id is in the index or comes twice; nothing is added.
        """
        codes = checked(codes, self.bits)
        ids = np.array(ids, dtype=np.int64)
        owners = ids if owners is None else np.array(owners, dtype=np.int64)
        if not ids.shape == owners.shape == (len(codes),):
            raise ValueError("There is one id, and one owner, for each code.")
        if len(ids) > 1 and len(np.unique(ids)) < len(ids):
            raise DuplicateIdError("Each id is added once.")
        if len(ids) > part_set.TAIL_CODES:
            self._parts.add_sealed(ids, codes, owners)
        elif len(ids):
            self._parts.append(ids, codes, owners)

    def remove(self, ids: Iterable[int]) -> int:
        """Remove codes by id, and return how many there were; unknown ids are passed over."""
        return self._parts.remove(_distinct(ids), Member.positions_of)

    def remove_owners(self, owners: Iterable[int]) -> int:
        """Remove all codes of these owners, and return how many there were."""
        return self._parts.remove(_distinct(owners), Member.positions_of_owners)

    def search(self, codes: Codes, *, threshold: int) -> Hits:
        """
        Return every live code within `threshold` bits, inclusive, of each query.

        A code is in the answer if it was there during the whole search, and is not if it was
        removed before the search began.

        Raises:
            CodeWidthError: If the queries are of another width.
        """
        codes = checked(codes, self.bits)
        entries = []
        for part in self._snapshot():
            counts, positions, distances = part.segment.search(codes, threshold=threshold)
            if len(positions) == 0:
                continue
            queries = np.repeat(np.arange(len(codes)), counts)
            # Last of all, and also where no code is dead yet: one may be by now.
            alive = part.alive[positions]
            positions = positions[alive]
            entries.append(
                (queries[alive], part.ids[positions], part.owners[positions], distances[alive])
            )
        return Hits.gathered(len(codes), entries)

    def nearest(self, codes: Codes, k: int, *, threshold: int) -> Hits:
        """
        Return the `k` nearest live codes to each query, of those within `threshold` bits.

        There may be more: all that are as near as the last of them are in the answer.

        Raises:
            CodeWidthError: If the queries are of another width.

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
        Return the owners many of whose codes are near those of one candidate, most votes first.

        Each live code of an owner within `threshold` of any of the candidate's is one vote. The
        votes of an owner in the answer are exact; one may be missed all of whose codes are far
        (`votes.BUDGET_NS`).

        Args:
            codes: All of the candidate's, shape (n, bits // 8).

            min_votes: Fewest votes of an owner in the answer.

            weights: What a code near each of the candidate's counts, shape (n,): the heaviest of
                those that are near. Codes that many images have should count little.

        Raises:
            CodeWidthError: If the queries are of another width.
        """
        codes = checked(codes, self.bits)
        return count_votes(
            self._snapshot(), codes, threshold=threshold, min_votes=min_votes, weights=weights
        )

    def settle(self) -> None:
        """Do all merges that are due now, in the caller's time; for before a measurement."""
        self._parts.merge_due()

    def purge(self) -> None:
        """
        Drop every code that was removed before this call from the memory, and from the files.

        The memory of a search under way goes when it ends. Files are those that the index was
        loaded from or saved to last, and are saved anew, with the present checkpoint; their old
        bytes may remain on the medium until it writes over them.
        """
        self._parts.purge()
        with self._saving:
            if self._files is not None:
                self._write(self._files)

    def close(self) -> None:
        """Let the merge under way end, and begin no other; the index answers as before."""
        self._parts.close()

    def save(self, directory: Path, *, cipher: BlockCipher | None = None) -> None:
        """
        Write what changed since the last time: new parts, the tail, tombstones, the checkpoint.

        The older state stays good until the very end, whenever the process is killed. Removed
        codes of a part that is on disk stay there until it is merged; see `purge`.

        Additions that the checkpoint counts must be in before, others begin after: one that
        comes twice when the change feed is followed again is a DuplicateIdError.

        Args:
            directory: Made if need be; of this index alone, and of one process.

            cipher: Seals each block; otherwise whoever reads the files reads the codes.
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
            SegmentError: If a file is missing, cut, altered, sealed with another key, or of an
                unknown version.
        """
        files = IndexFiles(directory, cipher)
        saved = files.load(SegmentPlan(engine, tuple(steadiest)))
        index = cls(saved.bits, engine=engine, steadiest=steadiest)
        index.checkpoint = saved.checkpoint
        index._files = files
        index._parts.put(saved.parts)
        try:
            index.add(saved.ids, saved.codes, saved.owners)
        except (SearchIndexError, ValueError) as error:
            raise SegmentError("The index file does not hold what it should.") from error
        return index

    def _snapshot(self) -> tuple[Member, ...]:
        """Return the parts to search: what was added before is in them, the tail is the last."""
        return self._parts.view

    def _write(self, files: IndexFiles) -> None:
        # In this order: a checkpoint may be behind the parts, never before them.
        checkpoint = self.checkpoint
        files.save(self._snapshot(), bits=self.bits, checkpoint=checkpoint)


def _distinct(values: Iterable[int]) -> Ids:
    listed = values if isinstance(values, np.ndarray | list | tuple) else list(values)
    array = np.array(listed, dtype=np.int64)
    return array if len(array) == 1 else np.unique(array)
