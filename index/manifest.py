"""
An index in a directory: a file for each sealed part, one for the tail, and a manifest.

    manifest.hsx    feed position (named "checkpoint"), bits, names and digests of the parts, their
                    tombstones
    ….hsx           ids, owners and segment of a part; never changed, only deleted
    ….hsx.new       a file that is being written; a killed process leaves it behind

The manifest is replaced last, in one step, so a killed process leaves the old state or the new one.
All are block files (blockfile.py). A directory of version 1 holds a single file, `codes.hsx`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from index.blockfile import BlockCipher, Contents, flush_directory, read_file, write_file
from index.codes import Codes
from index.errors import SegmentError
from index.hits import Ids
from index.part import Part, SealedPart, is_ascending
from index.segment import SegmentPlan, as_stored, from_stored
from index.version1 import NAME as VERSION_1
from index.version1 import read_version1

_MANIFEST = "manifest.hsx"
_SEGMENT = "segment."


@dataclass(frozen=True, slots=True)
class Saved:
    """
    What a directory holds.

    Attributes:
        parts: The sealed parts.

        ids, owners, codes: Those of the tail.
    """

    bits: int
    feed_position: int
    parts: Sequence[SealedPart]
    ids: Ids
    owners: Ids
    codes: Codes


@dataclass(frozen=True, slots=True)
class _Entry:
    """How the manifest refers to a file."""

    name: str
    digest: str

    @classmethod
    def parsed(cls, fields: Any) -> Self:
        name, digest = str(fields["name"]), str(fields["digest"])
        if Path(name).name != name or not name.endswith(".hsx"):
            raise ValueError
        return cls(name, digest)


class IndexFiles:
    """
    The files of one index, and which parts they already hold.

    Only one thread at a time may use it.
    """

    def __init__(self, directory: Path, cipher: BlockCipher | None) -> None:
        self._directory = directory
        self._cipher = cipher
        # Weak references, so that a part that was merged away can leave memory.
        self._written: WeakKeyDictionary[Part, _Entry] = WeakKeyDictionary()

    def same_place(self, directory: Path, cipher: BlockCipher | None) -> bool:
        """Return whether these files are in this directory and encrypted with this cipher."""
        return self._directory == directory and self._cipher is cipher

    def save(self, parts: Sequence[Part], *, bits: int, feed_position: int) -> None:
        """
        Write the parts that are not on disk yet, then the manifest, and then delete all other index
        files.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = [part for part in parts if isinstance(part, SealedPart)]
        tail = _joined([part for part in parts if not isinstance(part, SealedPart)])
        names = []
        dead = {}
        for number, part in enumerate(sealed):
            # Read the tombstones before writing the part. If a code is removed from here on, its
            # tombstone may be missing from the manifest.
            tombstones = np.flatnonzero(~part.alive)
            if len(tombstones):
                dead[f"dead.{number}"] = tombstones.astype(np.uint32)
            names.append(self._entry_of(part))
        fields: dict[str, Any] = {
            "bits": bits,
            "checkpoint": feed_position,
            "parts": [{"name": each.name, "digest": each.digest} for each in names],
            "tail": None,
        }
        if tail is not None:
            entry = self._write({}, tail)
            fields["tail"] = {"name": entry.name, "digest": entry.digest}
            names.append(entry)
        write_file(self._directory / _MANIFEST, fields, dead, self._cipher)
        self._delete_all_but({_MANIFEST, *(each.name for each in names)})

    def load(self, plan: SegmentPlan) -> Saved:
        """
        Return what the directory holds.

        Raises:
            SegmentError: If a file is missing, truncated, altered, sealed with another key, or of
                an unknown version.
        """
        if not (self._directory / _MANIFEST).exists():
            return self._load_version1()
        manifest = read_file(self._directory / _MANIFEST, self._cipher)
        try:
            fields = manifest.fields
            bits, feed_position = int(fields["bits"]), int(fields["checkpoint"])
            if bits < 8 or bits % 8:
                raise SegmentError("The index file's code width is not a whole number of bytes.")
            entries = [_Entry.parsed(each) for each in fields["parts"]]
            tail = fields["tail"] and self._read(_Entry.parsed(fields["tail"])).arrays
            parts = [self._load_part(entry, bits, plan) for entry in entries]
            for number, part in enumerate(parts):
                if f"dead.{number}" in manifest.arrays:
                    # A position out of range raises IndexError, which is caught below.
                    part.bury(np.unique(manifest.arrays[f"dead.{number}"]).astype(np.int64))
            ids, owners, codes = _tail(tail, bits)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SegmentError("The content of the index file is not valid.") from error
        return Saved(bits, feed_position, parts, ids, owners, codes)

    def _load_version1(self) -> Saved:
        if self._cipher is not None:
            raise SegmentError("The index file is not sealed, but a cipher was given.")
        old = read_version1(self._directory / VERSION_1)
        return Saved(old.bits, old.feed_position, [], old.ids, old.owners, old.codes)

    def _entry_of(self, part: SealedPart) -> _Entry:
        entry = self._written.get(part)
        if entry is None or not (self._directory / entry.name).exists():
            fields, stored = as_stored(part.segment)
            arrays: dict[str, NDArray[Any]] = {"ids": part.ids, "order": part.order}
            if part.owners is not part.ids:
                arrays["owners"] = part.owners
            arrays |= {_SEGMENT + name: array for name, array in stored.items()}
            self._written[part] = self._write(fields, arrays)
        return self._written[part]

    def _write(self, fields: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> _Entry:
        name = f"{secrets.token_hex(8)}.hsx"
        digest = write_file(self._directory / name, fields, arrays, self._cipher)
        return _Entry(name, digest.hex())

    def _read(self, entry: _Entry) -> Contents:
        contents = read_file(self._directory / entry.name, self._cipher)
        if contents.digest.hex() != entry.digest:
            raise SegmentError("The index file is not the one named in the manifest.")
        return contents

    def _load_part(self, entry: _Entry, bits: int, plan: SegmentPlan) -> SealedPart:
        contents = self._read(entry)
        arrays = contents.arrays
        ids, order = arrays["ids"], arrays["order"]
        owners = arrays.get("owners", ids)
        stored = {
            name.removeprefix(_SEGMENT): array
            for name, array in arrays.items()
            if name.startswith(_SEGMENT)
        }
        _check(ids, owners, order, stored["codes"], bits)
        segment, as_it_was = from_stored(contents.fields, stored, plan)
        part = SealedPart.from_segment(segment, ids, owners, order)
        if as_it_was:
            self._written[part] = entry
        return part

    def _delete_all_but(self, names: set[str]) -> None:
        left = [
            each
            for each in self._directory.iterdir()
            if each.name.endswith((".hsx", ".hsx.new")) and each.name not in names
        ]
        for each in left:
            each.unlink(missing_ok=True)
        if left:
            # Flush, so that deleted files do not come back after a power cut.
            flush_directory(self._directory)


def _joined(parts: Sequence[Part]) -> dict[str, NDArray[Any]] | None:
    """Return the live codes of all unsealed parts; None if there are none."""
    kept = [part.alive.copy() for part in parts]
    if not any(each.any() for each in kept):
        return None
    both = list(zip(parts, kept, strict=True))
    return {
        "ids": np.concatenate([part.ids[alive] for part, alive in both]),
        "owners": np.concatenate([part.owners[alive] for part, alive in both]),
        "codes": np.concatenate([part.segment.codes[alive] for part, alive in both]),
    }


def _tail(arrays: Mapping[str, NDArray[Any]] | None, bits: int) -> tuple[Ids, Ids, Codes]:
    if arrays is None:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty((0, bits // 8), dtype=np.uint8)
    return arrays["ids"], arrays["owners"], arrays["codes"]


def _check(ids: Ids, owners: Ids, order: NDArray[Any], codes: NDArray[Any], bits: int) -> None:
    """
    Raise ValueError if a lookup in these arrays could read out of bounds or return wrong results.
    """
    count = len(ids)
    right = (
        ids.dtype == owners.dtype == np.int64
        and ids.shape == owners.shape == (count,)
        and codes.dtype == np.uint8
        and codes.shape == (count, bits // 8)
        and count > 0
        and is_ascending(ids)
        and order.dtype == np.uint32
        and order.shape in {(0,), (count,)}
    )
    if not right:
        raise ValueError
    by_owner = owners[order] if len(order) else owners
    if not np.all(by_owner[1:] >= by_owner[:-1]):
        raise ValueError
