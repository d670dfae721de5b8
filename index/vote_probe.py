"""
The search behind votes: which codes are near any of a candidate's many codes, within a budget.

It works like `probe`, but for a thousand queries, and it probes few keys for each query. A query
with so few keys does not keep the memory busy, and choosing its radii exactly would take longer
than the search. So each step goes over the keys of many queries and prefetches what the next step
will read. The radii grow one step at a time, each time by the cheapest step
(`radii.choose_radii_within`).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.intrinsics import int64, kernel, ones, prefetch, trailing_zeros, uint64
from index.probe import SearchData
from index.radii import choose_radii_within
from index.tables import MAX_FLIPS, SINGLE, Flips, Int64s, Words, all_keys_of

_ENTRIES = 256
"""
Entries that are prefetched before the first is read; one query's entries may exceed this number.
"""

_IN_CACHE = 1 << 17
"""Words of a directory, 1 MB, that stay in a second-level cache while keys are looked up."""

_FIRST_CAPACITY, _FULL = 4096, -1


class _VoteBuffers(NamedTuple):
    """Buffers for the entries of keys that occur, and for positions, each with its query."""

    entries: Int64s
    entry_queries: Int64s
    positions: Int64s
    position_queries: Int64s


class NearCodes(NamedTuple):
    """
    Positions of codes near a query, and their distances.

    The position of a code near several queries occurs several times.
    """

    positions: Int64s
    distances: NDArray[np.int32]


@njit(cache=True, nogil=True)
def search_within_budget(
    data: SearchData, queries: Codes, threshold: int, budget_ns: float, chunks: int
) -> NearCodes:
    """
    Return the positions of codes within the threshold of a query, and their distances.

    Args:
        threshold: Largest distance, inclusive.

        budget_ns: Estimated nanoseconds that one query may take; codes too costly to reach are
            missed.

        chunks: How many chunks to search, counted from the first.
    """
    words = queries.view(np.uint64)
    keys, radii = _radii(data, queries, threshold, budget_ns, chunks)
    # Numba compiles a function anew for each literal argument, hence int64.
    buffers = _make_buffers(data.flips)
    found, hits = _empty_result(int64(_FIRST_CAPACITY)), int64(0)
    for chunk in range(chunks):
        number = int64(0)
        while True:
            number, hits = _search(
                data, words, threshold, chunk, keys, radii, number, buffers, found, hits
            )
            if number == len(queries):
                break
            found = _grown(found, hits)
    return NearCodes(found.positions[:hits], found.distances[:hits])


@njit(cache=True, nogil=True)
def _make_buffers(flips: Flips) -> _VoteBuffers:
    most = int64(0)
    for chunk in range(len(flips.keys_at)):
        most = max(most, flips.keys_at[chunk, MAX_FLIPS + 1] - flips.keys_at[chunk, 0])
    most += _ENTRIES
    return _VoteBuffers(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )


@njit(cache=True, nogil=True)
def _empty_result(most: int) -> NearCodes:
    return NearCodes(np.empty(most, np.int64), np.empty(most, np.int32))


@njit(cache=True, nogil=True)
def _grown(found: NearCodes, hits: int) -> NearCodes:
    """Return the same hits with capacity for four times as many."""
    more = _empty_result(4 * len(found.positions))
    # A loop, because slices take Numba a second to compile.
    for at in range(hits):
        more.positions[at], more.distances[at] = found.positions[at], found.distances[at]
    return more


@njit(cache=True, nogil=True)
def _radii(
    data: SearchData, queries: Codes, threshold: int, budget_ns: float, chunks: int
) -> tuple[Int64s, Int64s]:
    """Return each query's key and radius for each chunk."""
    keys = np.empty((len(queries), chunks), dtype=np.int64)
    radii = np.empty((len(queries), chunks), dtype=np.int64)
    columns = np.empty((queries.shape[1], len(queries)), dtype=np.uint8)
    all_keys_of(data.tables, queries, columns, np.empty(len(queries), np.uint32), keys)
    _choose(data, threshold, budget_ns, np.empty(chunks), keys, radii)
    return keys, radii


@kernel
def _choose(
    data: SearchData,
    threshold: int,
    budget_ns: float,
    costs: NDArray[np.float64],
    keys: Int64s,
    radii: Int64s,
) -> None:
    for number in range(len(keys)):
        choose_radii_within(
            data.density,
            data.flips,
            keys[number],
            threshold + 1,
            budget_ns,
            costs,
            radii[number],
        )


@kernel
def _search(
    data: SearchData,
    words: Words,
    threshold: int,
    chunk: int,
    keys: Int64s,
    radii: Int64s,
    number: int,
    buffers: _VoteBuffers,
    found: NearCodes,
    hits: int,
) -> tuple[int, int]:
    """
    Append the hits in one chunk, beginning with query `number`.

    Returns:
        The first query that was not searched because the buffer of hits is full, or the number of
        queries if all were searched; and the number of hits of the queries before it.
    """
    while number < len(words):
        after, entry_count = _probe(data, chunk, keys, radii, number, buffers)
        more = _compare_entries(data, words, threshold, chunk, entry_count, buffers, found, hits)
        if more == _FULL:
            break
        number, hits = after, more
    return number, hits


@kernel
def _prefetch_keys(data: SearchData, chunk: int, key: int, radius: int) -> None:
    """Prefetch the directory words of all keys to probe, unless the directory fits in a cache."""
    tables, flips = data.tables, data.flips
    directory, begin = tables.directory, tables.directory_at[chunk]
    if tables.directory_at[chunk + 1] - begin <= _IN_CACHE:
        return
    for flip in range(flips.keys_at[chunk, 0], flips.keys_at[chunk, radius + 1]):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip])) >> 5))


@kernel
def _probe(
    data: SearchData, chunk: int, keys: Int64s, radii: Int64s, number: int, buffers: _VoteBuffers
) -> tuple[int, int]:
    """
    Collect the entries of the queries' keys, beginning with query `number`, up to about `_ENTRIES`.

    Returns:
        The query after the last one, and the number of entries collected.
    """
    tables, flips = data.tables, data.flips
    directory, begin = tables.directory, uint64(tables.directory_at[chunk])
    entry_count = int64(0)
    _prefetch_keys(data, chunk, keys[number, chunk], radii[number, chunk])
    while number < len(keys) and entry_count < _ENTRIES:
        if number + 1 < len(keys):
            _prefetch_keys(data, chunk, keys[number + 1, chunk], radii[number + 1, chunk])
        key, before = uint64(keys[number, chunk]), entry_count
        first = uint64(flips.keys_at[chunk, 0])
        end = uint64(flips.keys_at[chunk, radii[number, chunk] + 1])
        while first < end:
            block = min(end - first, uint64(64))
            # No branch, so that one instruction looks up several keys.
            occur = uint64(0)
            for flip in range(block):
                other = key ^ uint64(flips.keys[first + flip])
                word = directory[begin + (other >> uint64(5))]
                occur |= ((word >> (other & uint64(31))) & uint64(1)) << flip
            while occur != uint64(0):
                other = key ^ uint64(flips.keys[first + trailing_zeros(occur)])
                occur &= occur - uint64(1)
                word = directory[begin + (other >> uint64(5))]
                smaller = word & ((uint64(1) << (other & uint64(31))) - uint64(1))
                rank = int64(word >> uint64(32)) + int64(ones(smaller))
                buffers.entries[uint64(entry_count)] = tables.entries_at[chunk] + rank
                entry_count += 1
            first += block
        for entry in range(before, entry_count):
            prefetch(tables.entries, buffers.entries[entry])
            buffers.entry_queries[entry] = number
        number += 1
    return number, entry_count


@kernel
def _compare_entries(
    data: SearchData,
    words: Words,
    threshold: int,
    chunk: int,
    entry_count: int,
    buffers: _VoteBuffers,
    found: NearCodes,
    hits: int,
) -> int:
    """Append the hits among the codes of the entries; return the number of hits, or `_FULL`."""
    most = len(found.positions)
    pool_count, position_count = _read_entries(data, chunk, entry_count, buffers)
    if hits + position_count > most:
        return _FULL
    hits = _compare(data.words, words, threshold, position_count, buffers, found, hits)
    left, at = pool_count, int64(0)
    while left > 0:
        left, at, position_count = _read_pool(data, left, at, buffers)
        if hits + position_count > most:
            return _FULL
        hits = _compare(data.words, words, threshold, position_count, buffers, found, hits)
    return hits


@kernel
def _read_entries(
    data: SearchData, chunk: int, entry_count: int, buffers: _VoteBuffers
) -> tuple[int, int]:
    """
    Read the collected entries, and prefetch what they refer to.

    Entries of keys with several codes are replaced by pool offsets, which come first in
    `buffers.entries`.

    Returns:
        The number of pool offsets, and the number of positions in `buffers.positions`.
    """
    tables, width = data.tables, data.codes.shape[1] // 8
    pool_count, position_count = int64(0), int64(0)
    for number in range(entry_count):
        entry = int64(tables.entries[buffers.entries[number]])
        if entry < SINGLE:
            buffers.entries[pool_count] = tables.pool_at[chunk] + entry
            prefetch(tables.pool, buffers.entries[pool_count])
            buffers.entry_queries[pool_count] = buffers.entry_queries[number]
            pool_count += 1
        else:
            buffers.positions[position_count] = entry - SINGLE
            prefetch(data.words, (entry - SINGLE) * width)
            buffers.position_queries[position_count] = buffers.entry_queries[number]
            position_count += 1
    return pool_count, position_count


@kernel
def _read_pool(data: SearchData, left: int, at: int, buffers: _VoteBuffers) -> tuple[int, int, int]:
    """
    Collect positions from the first `left` pool offsets, the last of these first, until
    `buffers.positions` is full.

    Args:
        left: Number of pool offsets that were not read to their end yet.

        at: How many codes of the last of these were read by the call before.

    Returns:
        `left` and `at` for the next call, and the number of positions collected.
    """
    pool, width, position_count = data.tables.pool, data.codes.shape[1] // 8, int64(0)
    most = len(buffers.positions)
    while left > 0 and position_count < most:
        begin = buffers.entries[left - 1]
        count, query = int64(pool[begin]), buffers.entry_queries[left - 1]
        stop = min(count, at + most - position_count)
        while at < stop:
            position = int64(pool[begin + 1 + at])
            prefetch(data.words, position * width)
            buffers.positions[position_count] = position
            buffers.position_queries[position_count] = query
            position_count += 1
            at += 1
        if at == count:
            left, at = left - 1, int64(0)
    return left, at, position_count


@kernel
def _compare(
    codes: Words,
    words: Words,
    threshold: int,
    position_count: int,
    buffers: _VoteBuffers,
    found: NearCodes,
    hits: int,
) -> int:
    """Append those of the collected codes that are near their query; return the number of hits."""
    width = words.shape[1]
    for number in range(position_count):
        at, query = buffers.positions[number] * width, buffers.position_queries[number]
        distance = ones(codes[at] ^ words[query, 0])
        if width == 4:
            distance += ones(codes[at + 1] ^ words[query, 1])
            distance += ones(codes[at + 2] ^ words[query, 2])
            distance += ones(codes[at + 3] ^ words[query, 3])
        else:
            for word in range(1, width):
                distance += ones(codes[at + word] ^ words[query, word])
        found.positions[hits] = buffers.positions[number]
        found.distances[hits] = distance
        hits += int64(int64(distance) <= threshold)
    return hits
