"""
The tables of multi-index hashing: for each chunk of a code, the codes that have a given key there.

A chunk's bits, as a number, are its key. Its table is three arrays: the directory tells which keys
occur, 32 to a word, with the number of all that come before; a key that occurs has an entry, which
is the place of its only code, or tells where in the pool their number and their places begin.
"""

import functools
import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.chunking import spread
from index.codes import Codes
from index.intrinsics import aligned_empty, int64, kernel, prefetch, uint64

Words = NDArray[np.uint64]
Numbers = NDArray[np.uint32]
Places = NDArray[np.int64]

MOST_FLIPS = 4
"""Keys are probed that differ from the query's in up to so many bits."""

ONLY = 1 << 31
"""Marks an entry that is the place of an only code; hence no more codes than this."""

AHEAD = 24
"""How many memory accesses are asked for before the first is needed: tried 8 to 48."""

_COARSE_BITS = 11
"""The estimate of what a probe finds counts codes by keys without these last bits."""


class Tables(NamedTuple):
    """
    The tables of all chunks, one after the other; chunk i's part of an array begins at `…_at[i]`.

    Attributes:
        bits: Which bits of a code the chunks take, in order, shape (bits,).

        directory: For each 32 keys: which occur (low half), how many occur before (high half).

        entries: For each key that occurs: `ONLY` with a code's place, or an offset into the pool.

        pool: For each key of several codes: their number, then their places.

        coarse: How many codes have a smaller key, for each 2^11th key and at the end.
    """

    bits: Places
    bits_at: Places
    directory: Words
    directory_at: Places
    entries: Numbers
    entries_at: Places
    pool: Numbers
    pool_at: Places
    coarse: Numbers
    coarse_at: Places


class Flips(NamedTuple):
    """
    By what a query's keys are changed to get those near them.

    Attributes:
        keys: Numbers with up to `MOST_FLIPS` ones, by number of ones, for each width of a chunk.

        keys_at: Where those with t ones begin for each chunk, shape (chunks, MOST_FLIPS + 2).

        coarse: The same for keys without their last bits.

        coarse_at: As above.

        ball: Share of the last bits' keys within t bits of one, shape (MOST_FLIPS + 1,).
    """

    keys: Numbers
    keys_at: Places
    coarse: Numbers
    coarse_at: Places
    ball: NDArray[np.float64]


def build(codes: Codes, chunks: int, steadiest: tuple[int, ...] = ()) -> Tables:
    """
    Return the tables of some codes.

    Args:
        codes: Shape (n, bits // 8), n less than 2^31.

        steadiest: As of `spread`.
    """
    groups = spread(codes, chunks, steadiest)
    keys = np.empty(len(codes), dtype=np.uint32)
    room = _TableRoom(len(codes), max(map(len, groups)))
    parts: tuple[list[Any], ...] = ([], [], [], [])
    for group in groups:
        _keys(codes, group, keys)
        for kind, part in zip(parts, _table(keys, len(group), room), strict=True):
            kind.append(part)
    del room, keys
    bits_at = np.cumsum([0, *map(len, groups)], dtype=np.int64)
    joined: list[Any] = [each for kind in parts for each in _joined(kind)]
    return Tables(np.concatenate(groups), bits_at, *joined)


def flips_of(tables: Tables) -> Flips:
    """Return what keys of these tables' widths are changed by."""
    widths = np.diff(tables.bits_at).tolist()
    keys, keys_at = _flips(tuple(widths))
    coarse, coarse_at = _flips(tuple(width - _COARSE_BITS for width in widths))
    near = np.cumsum([math.comb(_COARSE_BITS, ones) for ones in range(MOST_FLIPS + 1)])
    return Flips(keys, keys_at, coarse, coarse_at, near / 2.0**_COARSE_BITS)


def coarse_bits() -> int:
    """Return the number of last bits of a key that `Tables.coarse` leaves out."""
    return _COARSE_BITS


@functools.lru_cache(maxsize=32)
def _flips(widths: tuple[int, ...]) -> tuple[Numbers, Places]:
    flips: list[int] = []
    begins: dict[int, list[int]] = {}
    for width in sorted(set(widths)):
        begins[width] = []
        for count in range(MOST_FLIPS + 1):
            begins[width].append(len(flips))
            which = itertools.combinations(range(width), count)
            flips += [sum(1 << bit for bit in each) for each in which]
        begins[width].append(len(flips))
    # Prefetching looks beyond the end.
    flips += [0] * AHEAD
    return np.array(flips, dtype=np.uint32), np.array([begins[each] for each in widths])


class _TableRoom:
    """Memory for the tables in work, used for one after the other: new memory is slow at first."""

    def __init__(self, count: int, width: int) -> None:
        self.entry_of = np.empty(1 << width, dtype=np.uint32)
        self.entries = np.empty(min(count, 1 << width), dtype=np.uint32)
        # A key with several codes takes one number more than it has codes.
        self.pool = np.empty(count + count // 2, dtype=np.uint32)


def _table(keys: Numbers, width: int, room: _TableRoom) -> tuple[Words, Numbers, Numbers, Numbers]:
    entry_of = room.entry_of[: 1 << width]
    entry_of[:] = 0
    directory = np.empty(1 << (width - 5), dtype=np.uint64)
    coarse = np.empty((1 << (width - _COARSE_BITS)) + 1, dtype=np.uint32)
    _count(keys, entry_of)
    filled, used = _lay_out(entry_of, directory, room.entries, room.pool, coarse)
    _fill(keys, entry_of, room.entries, room.pool)
    return directory, room.entries[:filled].copy(), room.pool[:used].copy(), coarse


def _joined(parts: list[NDArray[Any]]) -> tuple[NDArray[Any], Places]:
    """Return the parts in one array, and where each begins; they are let go one by one."""
    begins = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    whole = aligned_empty(int(begins[-1]), parts[0].dtype)
    for begin, end in itertools.pairwise(begins.tolist()):
        whole[begin:end] = parts.pop(0)
    return whole, begins


@kernel
def key_of(code: NDArray[np.uint8], bits: Places, begin: int, end: int) -> int:
    """Return some bits of a code, `bits[begin:end]`, as a number, the first of them the highest."""
    key: int = int64(0)
    for at in range(begin, end):
        bit = uint64(bits[at])
        key = (key << 1) | ((int64(code[bit >> uint64(3)]) >> int64(~bit & uint64(7))) & 1)
    return key


@kernel
def keys_of(tables: Tables, code: NDArray[np.uint8], keys: Places) -> None:
    """Put a code's key of each chunk into `keys`."""
    for chunk in range(len(keys)):
        keys[chunk] = key_of(code, tables.bits, tables.bits_at[chunk], tables.bits_at[chunk + 1])


@kernel
def all_keys_of(
    tables: Tables, codes: Codes, columns: NDArray[np.uint8], row: Numbers, keys: Places
) -> None:
    """
    Put the keys of many codes into `keys`, shape (n, chunks), a bit of all codes at a time.

    Args:
        columns: Room for the codes, byte by byte, shape (bits // 8, n).

        row: Room for the keys of a chunk, shape (n,).
    """
    for place in range(len(codes)):
        for byte in range(codes.shape[1]):
            columns[byte, place] = codes[place, byte]
    for chunk in range(keys.shape[1]):
        for place in range(len(codes)):
            row[place] = np.uint32(0)
        for at in range(tables.bits_at[chunk], tables.bits_at[chunk + 1]):
            bit = uint64(tables.bits[at])
            column, last = columns[bit >> uint64(3)], np.uint32(~bit & uint64(7))
            for place in range(len(codes)):
                key = row[place] << np.uint32(1)
                row[place] = key | ((np.uint32(column[place]) >> last) & np.uint32(1))
        for place in range(len(codes)):
            keys[place, chunk] = row[place]


@kernel
def _keys(codes: Codes, bits: Places, keys: Numbers) -> None:
    for place in range(len(codes)):
        keys[place] = key_of(codes[place], bits, int64(0), len(bits))


@kernel
def _count(keys: Numbers, counts: Numbers) -> None:
    for place in range(len(keys)):
        prefetch(counts, int64(keys[min(place + AHEAD, len(keys) - 1)]))
        counts[keys[place]] += np.uint32(1)


@kernel
def _lay_out(
    counts: Numbers, directory: Words, entries: Numbers, pool: Numbers, coarse: Numbers
) -> tuple[int, int]:
    """Make the directory, room in the pool, and of each key's count the number of its entry."""
    filled, used, passed = 0, 0, 0
    for word in range(len(directory)):
        if (word << 5) & ((1 << _COARSE_BITS) - 1) == 0:
            coarse[word >> (_COARSE_BITS - 5)] = passed
        occur = np.uint64(filled) << np.uint64(32)
        for bit in range(32):
            key = (word << 5) + bit
            count = int64(counts[key])
            if count == 0:
                continue
            occur |= np.uint64(1) << np.uint64(bit)
            entries[filled] = ONLY
            if count > 1:
                entries[filled] = used
                pool[used] = 0
                used += 1 + count
            counts[key] = filled
            filled += 1
            passed += count
        directory[word] = occur
    coarse[-1] = passed
    return filled, used


@kernel
def _fill(keys: Numbers, entry_of: Numbers, entries: Numbers, pool: Numbers) -> None:
    last = len(keys) - 1
    for place in range(len(keys)):
        prefetch(entry_of, int64(keys[min(place + 2 * AHEAD, last)]))
        prefetch(entries, int64(entry_of[keys[min(place + AHEAD, last)]]))
        entry = entry_of[keys[place]]
        if entries[entry] & np.uint32(ONLY):
            entries[entry] = np.uint32(ONLY) | np.uint32(place)
        else:
            begin = int64(entries[entry])
            pool[begin] += np.uint32(1)
            pool[begin + int64(pool[begin])] = place
