"""
The search of multi-index hashing: from a query's keys to the codes near it.

Source: Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing"
(IEEE TPAMI 36, 2014). If two codes differ in at most r bits, and chunk i is probed out to Tᵢ bits
with Σ(Tᵢ + 1) = r + 1, then they differ in at most Tᵢ bits in some chunk i. `radii` chooses the Tᵢ
for each query.

A single read of memory is slow, but memory serves many reads at a time. So each step works on many
keys at once and prefetches what the next step will read.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.intrinsics import int64, kernel, ones, prefetch
from index.radii import KeyDensity, RadiusBuffers, choose_radii
from index.tables import AHEAD, MAX_FLIPS, SINGLE, Flips, Int64s, Tables, Words, key_of, keys_of

_BLOCK = 512
"""Codes that are prefetched before the first is compared: 32 kB, as much as a first-level cache."""

_ENOUGH = 400
"""Number of entries to collect, from one or several chunks, before they are read."""

_FIRST_CAPACITY = 4 * _BLOCK


class SearchData(NamedTuple):
    """
    All that a search needs.

    Attributes:
        codes: Shape (n, bits // 8).

        words: The same codes as one row of 64-bit words.
    """

    codes: Codes
    words: Words
    tables: Tables
    flips: Flips
    density: KeyDensity


class Query(NamedTuple):
    """One query: its number, its words, its key and radius for each chunk, the threshold."""

    number: int
    words: Words
    keys: Int64s
    radii: Int64s
    threshold: int


class WorkBuffers(NamedTuple):
    """
    Buffers of one search.

    Attributes:
        entries: Indices of the entries to read.

        chunk_ends: For each chunk, how many of `entries` there were after it was probed.

        pool_offsets: Where in the pool each key with several codes begins.

        positions: Codes to be compared.

        chunks: For each position, the chunk in which it was found.
    """

    entries: Int64s
    chunk_ends: Int64s
    pool_offsets: Int64s
    positions: Int64s
    chunks: Int64s


class HitBuffers(NamedTuple):
    """Buffers for hits: the query, the position and the distance of each."""

    queries: Int64s
    positions: Int64s
    distances: NDArray[np.int32]


_FULL = -1


@njit(cache=True, nogil=True)
def search(
    data: SearchData,
    queries: Codes,
    threshold: int,
    scan_ns: float,
    by_chunk: bool,
) -> tuple[HitBuffers, NDArray[np.bool_]]:
    """
    Return the hits of all queries, each once, and which queries were skipped as too costly.

    Args:
        threshold: Largest distance, inclusive.

        scan_ns: The cost of comparing all codes; a query that would cost more is skipped.

        by_chunk: Whether to search a chunk for all queries before the next chunk is searched.
    """
    tables, flips = data.tables, data.flips
    chunks = len(tables.bits_at) - 1
    words = queries.view(np.uint64)
    keys = np.empty((len(queries), chunks), dtype=np.int64)
    radii = np.empty((len(queries), chunks), dtype=np.int64)
    too_costly = np.zeros(len(queries), dtype=np.bool_)
    radius_buffers = RadiusBuffers(
        np.empty((chunks, MAX_FLIPS + 2)),
        np.empty((chunks + 1, threshold + 2)),
        np.empty(MAX_FLIPS + 1),
    )
    for number in range(len(queries)):
        keys_of(tables, queries[number], keys[number])
        cost = choose_radii(
            data.density, flips, keys[number], threshold + 1, radius_buffers, radii[number]
        )
        too_costly[number] = cost > scan_ns
    buffers = _make_buffers(flips)
    # Numba compiles a function anew for each literal argument, hence int64.
    capacity: int = int64(_FIRST_CAPACITY)
    count: int = int64(0)
    hits = HitBuffers(
        np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity, np.int32)
    )
    step = 1 if by_chunk else chunks
    for first in range(0, chunks, step):
        for number in range(len(queries)):
            if too_costly[number]:
                continue
            query = Query(number, words[number], keys[number], radii[number], threshold)
            after = _search_chunks(data, query, first, first + step, buffers, hits, count)
            while after == _FULL:
                capacity *= 4
                hits = _grown(hits, count, capacity)
                after = _search_chunks(data, query, first, first + step, buffers, hits, count)
            count = after
    found = HitBuffers(hits.queries[:count], hits.positions[:count], hits.distances[:count])
    return found, too_costly


@njit(cache=True, nogil=True)
def _make_buffers(flips: Flips) -> WorkBuffers:
    chunks = len(flips.keys_at)
    most = int64(0)
    for chunk in range(chunks):
        most = max(most, flips.keys_at[chunk, MAX_FLIPS + 1] - flips.keys_at[chunk, 0])
    most += _ENOUGH + AHEAD
    return WorkBuffers(
        np.empty(most, np.int64),
        np.empty(chunks, np.int64),
        np.empty(most, np.int64),
        np.empty(_BLOCK, np.int64),
        np.empty(_BLOCK, np.int64),
    )


@njit(cache=True, nogil=True)
def _grown(hits: HitBuffers, count: int, capacity: int) -> HitBuffers:
    queries, positions = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    distances = np.empty(capacity, np.int32)
    # A loop, because slices take Numba a second to compile.
    for at in range(count):
        queries[at], positions[at] = hits.queries[at], hits.positions[at]
        distances[at] = hits.distances[at]
    return HitBuffers(queries, positions, distances)


@kernel
def _search_chunks(
    data: SearchData,
    query: Query,
    first: int,
    last: int,
    buffers: WorkBuffers,
    hits: HitBuffers,
    count: int,
) -> int:
    """Append one query's hits in some chunks; return the new number of hits, or `_FULL`."""
    entry_count, begin = int64(0), first
    for chunk in range(first, last):
        if query.radii[chunk] >= 0:
            entry_count = _probe(data, query, chunk, buffers.entries, entry_count)
        buffers.chunk_ends[chunk] = entry_count
        if entry_count >= _ENOUGH or (chunk == last - 1 and entry_count > 0):
            count = _read_entries(data, query, begin, chunk + 1, buffers, hits, count)
            if count == _FULL:
                return _FULL
            entry_count, begin = int64(0), chunk + 1
    return count


@kernel
def _probe(data: SearchData, query: Query, chunk: int, entries: Int64s, entry_count: int) -> int:
    """Append the entries of all keys near the query's; return how many entries there are now."""
    tables, flips = data.tables, data.flips
    key, directory, begin = query.keys[chunk], tables.directory, tables.directory_at[chunk]
    first_entry = tables.entries_at[chunk]
    first, last = flips.keys_at[chunk, 0], flips.keys_at[chunk, query.radii[chunk] + 1]
    for flip in range(first, min(last, first + AHEAD)):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip])) >> 5))
    for flip in range(first, last):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip + AHEAD])) >> 5))
        other = key ^ int64(flips.keys[flip])
        word, bit = directory[begin + (other >> 5)], np.uint64(other & 31)
        smaller = word & ((np.uint64(1) << bit) - np.uint64(1))
        entries[entry_count] = first_entry + int64(word >> np.uint64(32)) + int64(ones(smaller))
        # Write always, but count only keys that occur: a branch would be mispredicted too often.
        entry_count += int64((word >> bit) & np.uint64(1))
    return entry_count


@kernel
def _read_entries(
    data: SearchData,
    query: Query,
    first: int,
    last: int,
    buffers: WorkBuffers,
    hits: HitBuffers,
    count: int,
) -> int:
    """Compare the codes of the collected entries; return the number of hits, or `_FULL`."""
    tables, entries, width = data.tables, buffers.entries, len(query.words)
    entry_count = buffers.chunk_ends[last - 1]
    for at in range(entry_count, entry_count + AHEAD):
        entries[at] = entries[0]
    for at in range(min(entry_count, AHEAD)):
        prefetch(tables.entries, entries[at])
    position_count, pool_count, at = int64(0), int64(0), int64(0)
    for chunk in range(first, last):
        while at < buffers.chunk_ends[chunk]:
            prefetch(tables.entries, entries[at + AHEAD])
            entry = int64(tables.entries[entries[at]])
            at += 1
            if entry < SINGLE:
                buffers.pool_offsets[pool_count] = tables.pool_at[chunk] + entry
                prefetch(tables.pool, buffers.pool_offsets[pool_count])
                pool_count += 1
                continue
            buffers.positions[position_count] = entry - SINGLE
            buffers.chunks[position_count] = chunk
            prefetch(data.words, (entry - SINGLE) * width)
            position_count += 1
            if position_count == _BLOCK:
                count = _compare(data, query, position_count, buffers, hits, count)
                if count == _FULL:
                    return _FULL
                position_count = int64(0)
    return _read_pool(data, query, first, pool_count, position_count, buffers, hits, count)


@kernel
def _read_pool(
    data: SearchData,
    query: Query,
    chunk: int,
    pool_count: int,
    position_count: int,
    buffers: WorkBuffers,
    hits: HitBuffers,
    count: int,
) -> int:
    """Compare the codes of keys that have several; return the number of hits, or `_FULL`."""
    pool, pool_at, width = data.tables.pool, data.tables.pool_at, len(query.words)
    for number in range(pool_count):
        at = buffers.pool_offsets[number]
        while at >= pool_at[chunk + 1]:
            chunk += 1
        end = at + 1 + int64(pool[at])
        at += 1
        while at < end:
            stop = min(end, at + _BLOCK - position_count)
            while at < stop:
                buffers.positions[position_count] = pool[at]
                buffers.chunks[position_count] = chunk
                prefetch(data.words, buffers.positions[position_count] * width)
                position_count += 1
                at += 1
            if position_count == _BLOCK:
                count = _compare(data, query, position_count, buffers, hits, count)
                if count == _FULL:
                    return _FULL
                position_count = int64(0)
    return _compare(data, query, position_count, buffers, hits, count)


@kernel
def _compare(
    data: SearchData,
    query: Query,
    position_count: int,
    buffers: WorkBuffers,
    hits: HitBuffers,
    count: int,
) -> int:
    """Append the codes in `buffers` that are near; return the number of hits, or `_FULL`."""
    if count + position_count > len(hits.positions):
        return _FULL
    words, query_words, width = data.words, query.words, len(query.words)
    end = count
    for number in range(position_count):
        at = buffers.positions[number] * width
        distance = ones(words[at] ^ query_words[0])
        if width == 4:
            distance += ones(words[at + 1] ^ query_words[1]) + ones(words[at + 2] ^ query_words[2])
            distance += ones(words[at + 3] ^ query_words[3])
        else:
            for word in range(1, width):
                distance += ones(words[at + word] ^ query_words[word])
        # Store the chunk instead of the query until `_is_first` has been checked.
        hits.queries[end] = buffers.chunks[number]
        hits.positions[end] = buffers.positions[number]
        hits.distances[end] = distance
        end += int64(int64(distance) <= query.threshold)
    kept = count
    for at in range(count, end):
        if _is_first(data, query, hits.positions[at], hits.queries[at]):
            hits.queries[kept] = query.number
            hits.positions[kept] = hits.positions[at]
            hits.distances[kept] = hits.distances[at]
            kept += 1
    return kept


@kernel
def _is_first(data: SearchData, query: Query, position: int, chunk: int) -> bool:
    """Return whether this chunk is the first that finds this code."""
    tables = data.tables
    for before in range(chunk):
        begin, end = tables.bits_at[before], tables.bits_at[before + 1]
        differing = key_of(data.codes[position], tables.bits, begin, end) ^ query.keys[before]
        if int64(ones(np.uint64(differing))) <= query.radii[before]:
            return False
    return True
