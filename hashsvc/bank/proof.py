"""A proof of withdrawal: a search for an image's codes in every file and in the bank."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals import PROFILES, Signature
from hashsvc.store import Database, data_keys, erasures, signatures

_WINDOW = 8
# Parts of codes with fewer distinct bytes than this, such as zeros, occur in any file, so they are
# not searched for.
_LEAST_DISTINCT = 4
CHUNK_BYTES = 16_000_000
"""How much of a file is searched at a time."""

_TABLE_BITS = 22
# Knuth's multiplicative hashing, with the bits of the golden ratio.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _TABLE_BITS)


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What was searched for, where, and what was found.

    Attributes:
        codes: How many codes were searched for.

        too_plain: How many codes were not searched for, because they have too few distinct bytes.

        files: How many files were searched.

        bytes: Total size of those files.

        found_in: Paths, relative to the folder, of files that hold eight consecutive bytes of a
            code.

        live_contents: How many contents in the bank have one of the whole-image codes.

        stray_keys: How many data keys still work although they belong to no case and no day's
            candidates.

        rewritten: Whether the files were rewritten since the last withdrawal.
    """

    codes: int
    too_plain: int
    files: int
    bytes: int
    found_in: tuple[str, ...]
    live_contents: int
    stray_keys: int
    rewritten: bool

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not (self.found_in or self.live_contents or self.stray_keys)


def prove_withdrawn(database: Database, folder: Path, images: Sequence[Signature]) -> Proof:
    """
    Search a folder's files for parts of images' codes, and the bank for the images.

    Files are searched for the codes' bytes and for their hexadecimal digits. All contents of the
    bank are unsealed and compared too, because no search of the files can find a sealed code.
    """
    codes = {each.signal.code for image in images for each in image.signals}
    needles = _Needles(codes)
    found, files, size = [], 0, 0
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        files, size = files + 1, size + path.stat().st_size
        if needles.are_in(path):
            found.append(str(path.relative_to(folder)))
    whole = {
        each.signal.code
        for image in images
        for each in image.signals
        if not each.signal.profile.many_per_image
    }
    with database.read() as connection:
        live = {
            each.content_id
            for page in signatures.pages(connection)
            for each in page
            if not PROFILES[each.group.algorithm].many_per_image and whole & set(each.group)
        }
        strays = data_keys.count_strays(connection)
        rewritten = not erasures.unpurged(connection)
    plain = sum(not _windows(each, _WINDOW) for each in codes)
    return Proof(len(codes) - plain, plain, files, size, tuple(found), len(live), strays, rewritten)


class _Needles:
    """
    Parts of codes to search for.

    A hash table of their first eight bytes shows where to compare the parts exactly.
    """

    def __init__(self, codes: Iterable[bytes]) -> None:
        self._by_head: dict[bytes, list[bytes]] = {}
        for code in codes:
            text = code.hex().encode()
            for part in (*_windows(code, _WINDOW), *_hex_windows(text)):
                self._by_head.setdefault(part[:_WINDOW], []).append(part)
        heads = np.frombuffer(b"".join(self._by_head), dtype="<u8")
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[_hashed(heads)] = True

    def are_in(self, path: Path) -> bool:
        """Return whether a file holds any of the parts."""
        return any(self._in_chunk(each) for each in _chunks(path))

    def _in_chunk(self, chunk: bytes) -> bool:
        for offset in range(min(_WINDOW, len(chunk) - _WINDOW + 1)):
            count = (len(chunk) - offset) // _WINDOW
            heads = np.frombuffer(chunk, dtype="<u8", offset=offset, count=count)
            for number in np.flatnonzero(self._table[_hashed(heads)]):
                at = offset + _WINDOW * int(number)
                parts = self._by_head.get(chunk[at : at + _WINDOW], ())
                if any(chunk.startswith(each, at) for each in parts):
                    return True
        return False


def _hashed(heads: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (heads * _MULTIPLIER) >> _SHIFT


def _windows(code: bytes, width: int) -> list[bytes]:
    parts = (code[start : start + width] for start in range(len(code) - width + 1))
    return [part for part in parts if len(set(part)) >= _LEAST_DISTINCT]


def _hex_windows(text: bytes) -> list[bytes]:
    lower = _windows(text, 2 * _WINDOW)
    return lower + [each.upper() for each in lower]


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        kept = b""
        while more := file.read(CHUNK_BYTES):
            chunk = kept + more
            yield chunk
            # Repeat the end of this chunk in the next one, for parts that lie across the border.
            kept = chunk[-(2 * _WINDOW - 1) :]
