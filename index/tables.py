"""
The tables of multi-index hashing: for each chunk of a code, which codes have a given key there.

The key of a chunk is its bits read as a number. The table of a chunk is three arrays:

- The directory has a word for every 32 keys. The word tells which of these keys occur, and how many
  occurring keys come before them.
- Each occurring key has an entry: the position of the key's only code, or an offset into the pool.
- The pool holds, for each key with several codes, their number and then their positions.
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
Uint32s = NDArray[np.uint32]
Int64s = NDArray[np.int64]

MAX_FLIPS = 4
"""Largest number of bits in which a probed key may differ from the query's key."""

SINGLE = 1 << 31
"""The bit that marks an entry as the position of a single code. Positions are below this number."""

AHEAD = 24
"""How many memory accesses are prefetched before the first is needed; 8 to 48 were tried."""

_COARSE_BITS = 11
"""How many of a key's last bits a coarse key leaves out (see `radii`)."""


class Tables(NamedTuple):
    """
    The tables of all chunks, one after another; chunk i begins at `…_at[i]` of an array.

    Index files store these arrays by name; changed tables need a new format name in `segment`.

    Attributes:
        bits: The bits of a code, in the order in which the chunks take them, shape (bits,).

        directory: For every 32 keys a word: which of these keys occur (low half), and how many keys
            occur before them (high half).

        entries: For each occurring key: `SINGLE` plus a code's position, or an offset into the
            pool.

        pool: For each key with several codes: their number, then their positions.

        coarse: How many codes have a smaller key, for every 2^11th key and at the end.
    """

    bits: Int64s
    bits_at: Int64s
    directory: Words
    directory_at: Int64s
    entries: Uint32s
    entries_at: Int64s
    pool: Uint32s
    pool_at: Int64s
    coarse: Uint32s
    coarse_at: Int64s


class Flips(NamedTuple):
    """
    XOR masks that turn a query's key into the keys near it.

    Attributes:
        keys: Masks of up to `MAX_FLIPS` ones, sorted by number of ones, for each chunk width.

        keys_at: Where the masks with t ones begin for each chunk, shape (chunks, MAX_FLIPS + 2).

        coarse: The same for keys without their last bits.

        coarse_at: As `keys_at`, for `coarse`.

        ball: At [t]: of all values of a key's last bits, the share within t bits of a given value;
            shape (MAX_FLIPS + 1,).
    """

    keys: Uint32s
    keys_at: Int64s
    coarse: Uint32s
    coarse_at: Int64s
    ball: NDArray[np.float64]


def build(codes: Codes, chunks: int, steadiest: tuple[int, ...] = ()) -> Tables:
    """
    Return the tables of some codes.

    Args:
        codes: Shape (n, bits // 8), n less than 2^31.

        steadiest: As in `spread`.
    """
    groups = spread(codes, chunks, steadiest)
    keys = np.empty(len(codes), dtype=np.uint32)
    buffers = _TableBuffers(len(codes), max(map(len, groups)))
    arrays: tuple[list[Any], ...] = ([], [], [], [])
    for group in groups:
        _keys(codes, group, keys)
        for kind, array in zip(arrays, _table(keys, len(group), buffers), strict=True):
            kind.append(array)
    del buffers, keys
    bits_at = np.cumsum([0, *map(len, groups)], dtype=np.int64)
    joined: list[Any] = [each for kind in arrays for each in _joined(kind)]
    return Tables(np.concatenate(groups), bits_at, *joined)


def flips_of(tables: Tables) -> Flips:
    """Return the XOR masks for the chunk widths of these tables."""
    widths = np.diff(tables.bits_at).tolist()
    keys, keys_at = _flips(tuple(widths))
    coarse, coarse_at = _flips(tuple(width - _COARSE_BITS for width in widths))
    near = np.cumsum([math.comb(_COARSE_BITS, ones) for ones in range(MAX_FLIPS + 1)])
    return Flips(keys, keys_at, coarse, coarse_at, near / 2.0**_COARSE_BITS)


def coarse_bits() -> int:
    """Return how many of a key's last bits a coarse key leaves out."""
    return _COARSE_BITS


@functools.lru_cache(maxsize=32)
def _flips(widths: tuple[int, ...]) -> tuple[Uint32s, Int64s]:
    flips: list[int] = []
    begins: dict[int, list[int]] = {}
    for width in sorted(set(widths)):
        begins[width] = []
        for count in range(MAX_FLIPS + 1):
            begins[width].append(len(flips))
            which = itertools.combinations(range(width), count)
            flips += [sum(1 << bit for bit in each) for each in which]
        begins[width].append(len(flips))
    # Prefetching reads beyond the end.
    flips += [0] * AHEAD
    return np.array(flips, dtype=np.uint32), np.array([begins[each] for each in widths])


class _TableBuffers:
    """Memory that one table after another uses, because the first use of new memory is slow."""

    def __init__(self, count: int, width: int) -> None:
        self.entry_of = np.empty(1 << width, dtype=np.uint32)
        self.entries = np.empty(min(count, 1 << width), dtype=np.uint32)
        # A key with several codes needs one number more than it has codes.
        self.pool = np.empty(count + count // 2, dtype=np.uint32)


def _table(
    keys: Uint32s, width: int, buffers: _TableBuffers
) -> tuple[Words, Uint32s, Uint32s, Uint32s]:
    entry_of = buffers.entry_of[: 1 << width]
    entry_of[:] = 0
    directory = np.empty(1 << (width - 5), dtype=np.uint64)
    coarse = np.empty((1 << (width - _COARSE_BITS)) + 1, dtype=np.uint32)
    _count(keys, entry_of)
    filled, used = _lay_out(entry_of, directory, buffers.entries, buffers.pool, coarse)
    _fill(keys, entry_of, buffers.entries, buffers.pool)
    return directory, buffers.entries[:filled].copy(), buffers.pool[:used].copy(), coarse


def _joined(arrays: list[NDArray[Any]]) -> tuple[NDArray[Any], Int64s]:
    """Return the arrays joined into one, and where each begins; frees them one by one."""
    begins = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
    whole = aligned_empty(int(begins[-1]), arrays[0].dtype)
    for begin, end in itertools.pairwise(begins.tolist()):
        whole[begin:end] = arrays.pop(0)
    return whole, begins


@kernel
def key_of(code: NDArray[np.uint8], bits: Int64s, begin: int, end: int) -> int:
    """
    Return the bits `bits[begin:end]` of a code as a number, the first bit the most significant.
    """
    key: int = int64(0)
    for at in range(begin, end):
        bit = uint64(bits[at])
        key = (key << 1) | ((int64(code[bit >> uint64(3)]) >> int64(~bit & uint64(7))) & 1)
    return key


@kernel
def keys_of(tables: Tables, code: NDArray[np.uint8], keys: Int64s) -> None:
    """Store a code's key for each chunk in `keys`."""
    for chunk in range(len(keys)):
        keys[chunk] = key_of(code, tables.bits, tables.bits_at[chunk], tables.bits_at[chunk + 1])


@kernel
def all_keys_of(
    tables: Tables, codes: Codes, columns: NDArray[np.uint8], chunk_keys: Uint32s, keys: Int64s
) -> None:
    """
    Store the keys of many codes in `keys`, shape (n, chunks), one bit of all codes at a time.

    Args:
        columns: Buffer for the transposed codes, shape (bits // 8, n).

        chunk_keys: Buffer for the keys of one chunk, shape (n,).
    """
    for position in range(len(codes)):
        for byte in range(codes.shape[1]):
            columns[byte, position] = codes[position, byte]
    for chunk in range(keys.shape[1]):
        for position in range(len(codes)):
            chunk_keys[position] = np.uint32(0)
        for at in range(tables.bits_at[chunk], tables.bits_at[chunk + 1]):
            bit = uint64(tables.bits[at])
            column, last = columns[bit >> uint64(3)], np.uint32(~bit & uint64(7))
            for position in range(len(codes)):
                key = chunk_keys[position] << np.uint32(1)
                chunk_keys[position] = key | ((np.uint32(column[position]) >> last) & np.uint32(1))
        for position in range(len(codes)):
            keys[position, chunk] = chunk_keys[position]


@kernel
def _keys(codes: Codes, bits: Int64s, keys: Uint32s) -> None:
    for position in range(len(codes)):
        keys[position] = key_of(codes[position], bits, int64(0), len(bits))


@kernel
def _count(keys: Uint32s, counts: Uint32s) -> None:
    for position in range(len(keys)):
        prefetch(counts, int64(keys[min(position + AHEAD, len(keys) - 1)]))
        counts[keys[position]] += np.uint32(1)


@kernel
def _lay_out(
    counts: Uint32s, directory: Words, entries: Uint32s, pool: Uint32s, coarse: Uint32s
) -> tuple[int, int]:
    """
    Fill the directory, reserve the pool, and replace each key's count by its entry number.

    Returns:
        The number of entries and the used length of the pool.
    """
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
            entries[filled] = SINGLE
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
def _fill(keys: Uint32s, entry_of: Uint32s, entries: Uint32s, pool: Uint32s) -> None:
    last = len(keys) - 1
    for position in range(len(keys)):
        prefetch(entry_of, int64(keys[min(position + 2 * AHEAD, last)]))
        prefetch(entries, int64(entry_of[keys[min(position + AHEAD, last)]]))
        entry = entry_of[keys[position]]
        if entries[entry] & np.uint32(SINGLE):
            entries[entry] = np.uint32(SINGLE) | np.uint32(position)
        else:
            begin = int64(entries[entry])
            pool[begin] += np.uint32(1)
            pool[begin + int64(pool[begin])] = position
