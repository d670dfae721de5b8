"""
The search of multi-index hashing: from a query's keys to the codes near it.

Source: Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing"
(IEEE TPAMI 36, 2014). If two codes differ in at most r bits, and chunk i is probed out to Tᵢ bits
with Σ(Tᵢ + 1) = r + 1, then they differ in at most Tᵢ bits in some chunk i. The Tᵢ are chosen for
each query (see `effort`).

Memory answers late, but many requests at a time. So each step goes over many keys, and asks for
what the next step will read.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.effort import Crowds, Effort, choose_radii
from index.intrinsics import int64, kernel, ones, prefetch
from index.tables import AHEAD, MOST_FLIPS, ONLY, Flips, Places, Tables, Words, key_of, keys_of

_BLOCK = 512
"""Codes that are asked for before the first is compared: 32 kB, a first-level cache."""

_ENOUGH = 400
"""Keys found, in as many chunks as it takes, before their entries are read."""

_FIRST_ROOM = 4 * _BLOCK


class Searched(NamedTuple):
    """The codes, shape (n, bits // 8), the same as words in a row, and their tables."""

    codes: Codes
    words: Words
    tables: Tables
    flips: Flips
    crowds: Crowds


class Query(NamedTuple):
    """One query: its number, its words, its key and radius of each chunk, the threshold."""

    number: int
    words: Words
    keys: Places
    radii: Places
    threshold: int


class Work(NamedTuple):
    """Room for work: entries found, entries of several codes, and codes to be looked at."""

    found: Places
    ends: Places
    several: Places
    places: Places
    chunks: Places


class HitBuffers(NamedTuple):
    """Room for hits: query, place of the code, and distance of each."""

    queries: Places
    places: Places
    distances: NDArray[np.int32]


_FULL = -1


@njit(cache=True, nogil=True)
def search(
    searched: Searched,
    queries: Codes,
    threshold: int,
    scan_ns: float,
    by_chunk: bool,
) -> tuple[HitBuffers, NDArray[np.bool_]]:
    """
    Return the hits of all queries, each once, and which queries were left out.

    Args:
        threshold: Largest distance, inclusive.

        scan_ns: What looking at all codes costs; a query that costs more is left out.

        by_chunk: Whether to search one chunk for all queries before the next chunk.
    """
    tables, flips = searched.tables, searched.flips
    chunks = len(tables.bits_at) - 1
    words = queries.view(np.uint64)
    keys = np.empty((len(queries), chunks), dtype=np.int64)
    radii = np.empty((len(queries), chunks), dtype=np.int64)
    left_out = np.zeros(len(queries), dtype=np.bool_)
    effort = Effort(
        np.empty((chunks, MOST_FLIPS + 2)),
        np.empty((chunks + 1, threshold + 2)),
        np.empty(MOST_FLIPS + 1),
    )
    for number in range(len(queries)):
        keys_of(tables, queries[number], keys[number])
        cost = choose_radii(
            searched.crowds, flips, keys[number], threshold + 1, effort, radii[number]
        )
        left_out[number] = cost > scan_ns
    work = _room(flips)
    # Numba compiles a function anew for each literal it is given, hence int64.
    room: int = int64(_FIRST_ROOM)
    count: int = int64(0)
    hits = HitBuffers(np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int32))
    step = 1 if by_chunk else chunks
    for first in range(0, chunks, step):
        for number in range(len(queries)):
            if left_out[number]:
                continue
            query = Query(number, words[number], keys[number], radii[number], threshold)
            after = _search_chunks(searched, query, first, first + step, work, hits, count)
            while after == _FULL:
                room *= 4
                hits = _with_room(hits, count, room)
                after = _search_chunks(searched, query, first, first + step, work, hits, count)
            count = after
    found = HitBuffers(hits.queries[:count], hits.places[:count], hits.distances[:count])
    return found, left_out


@njit(cache=True, nogil=True)
def _room(flips: Flips) -> Work:
    chunks = len(flips.keys_at)
    most = int64(0)
    for chunk in range(chunks):
        most = max(most, flips.keys_at[chunk, MOST_FLIPS + 1] - flips.keys_at[chunk, 0])
    most += _ENOUGH + AHEAD
    return Work(
        np.empty(most, np.int64),
        np.empty(chunks, np.int64),
        np.empty(most, np.int64),
        np.empty(_BLOCK, np.int64),
        np.empty(_BLOCK, np.int64),
    )


@njit(cache=True, nogil=True)
def _with_room(hits: HitBuffers, count: int, room: int) -> HitBuffers:
    queries, places = np.empty(room, np.int64), np.empty(room, np.int64)
    distances = np.empty(room, np.int32)
    # Not by slices, which take Numba a second to compile.
    for at in range(count):
        queries[at], places[at] = hits.queries[at], hits.places[at]
        distances[at] = hits.distances[at]
    return HitBuffers(queries, places, distances)


@kernel
def _search_chunks(
    searched: Searched,
    query: Query,
    first: int,
    last: int,
    work: Work,
    hits: HitBuffers,
    count: int,
) -> int:
    """Add the hits that one query has in some chunks; return how many there are, or `_FULL`."""
    filled, begin = int64(0), first
    for chunk in range(first, last):
        if query.radii[chunk] >= 0:
            filled = _probe(searched, query, chunk, work.found, filled)
        work.ends[chunk] = filled
        if filled >= _ENOUGH or (chunk == last - 1 and filled > 0):
            count = _look(searched, query, begin, chunk + 1, work, hits, count)
            if count == _FULL:
                return _FULL
            filled, begin = int64(0), chunk + 1
    return count


@kernel
def _probe(searched: Searched, query: Query, chunk: int, found: Places, filled: int) -> int:
    """Append the numbers of the entries of all keys near the query's; return how many there are."""
    tables, flips = searched.tables, searched.flips
    key, directory, begin = query.keys[chunk], tables.directory, tables.directory_at[chunk]
    entries = tables.entries_at[chunk]
    first, last = flips.keys_at[chunk, 0], flips.keys_at[chunk, query.radii[chunk] + 1]
    for flip in range(first, min(last, first + AHEAD)):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip])) >> 5))
    for flip in range(first, last):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip + AHEAD])) >> 5))
        other = key ^ int64(flips.keys[flip])
        word, bit = directory[begin + (other >> 5)], np.uint64(other & 31)
        smaller = word & ((np.uint64(1) << bit) - np.uint64(1))
        found[filled] = entries + int64(word >> np.uint64(32)) + int64(ones(smaller))
        # Written in any case, kept if the key occurs: a branch would be guessed wrong too often.
        filled += int64((word >> bit) & np.uint64(1))
    return filled


@kernel
def _look(
    searched: Searched,
    query: Query,
    first: int,
    last: int,
    work: Work,
    hits: HitBuffers,
    count: int,
) -> int:
    """Read the entries that were found and compare their codes; return the number of hits."""
    tables, found, width = searched.tables, work.found, len(query.words)
    filled = work.ends[last - 1]
    for at in range(filled, filled + AHEAD):
        found[at] = found[0]
    for at in range(min(filled, AHEAD)):
        prefetch(tables.entries, found[at])
    waiting, shared, at = int64(0), int64(0), int64(0)
    for chunk in range(first, last):
        while at < work.ends[chunk]:
            prefetch(tables.entries, found[at + AHEAD])
            entry = int64(tables.entries[found[at]])
            at += 1
            if entry < ONLY:
                work.several[shared] = tables.pool_at[chunk] + entry
                prefetch(tables.pool, work.several[shared])
                shared += 1
                continue
            work.places[waiting] = entry - ONLY
            work.chunks[waiting] = chunk
            prefetch(searched.words, (entry - ONLY) * width)
            waiting += 1
            if waiting == _BLOCK:
                count = _compare(searched, query, waiting, work, hits, count)
                if count == _FULL:
                    return _FULL
                waiting = int64(0)
    return _look_at_several(searched, query, first, shared, waiting, work, hits, count)


@kernel
def _look_at_several(
    searched: Searched,
    query: Query,
    chunk: int,
    shared: int,
    waiting: int,
    work: Work,
    hits: HitBuffers,
    count: int,
) -> int:
    """Go on with the entries that tell of several codes."""
    pool, pool_at, width = searched.tables.pool, searched.tables.pool_at, len(query.words)
    for number in range(shared):
        at = work.several[number]
        while at >= pool_at[chunk + 1]:
            chunk += 1
        end = at + 1 + int64(pool[at])
        at += 1
        while at < end:
            stop = min(end, at + _BLOCK - waiting)
            while at < stop:
                work.places[waiting] = pool[at]
                work.chunks[waiting] = chunk
                prefetch(searched.words, work.places[waiting] * width)
                waiting += 1
                at += 1
            if waiting == _BLOCK:
                count = _compare(searched, query, waiting, work, hits, count)
                if count == _FULL:
                    return _FULL
                waiting = int64(0)
    return _compare(searched, query, waiting, work, hits, count)


@kernel
def _compare(
    searched: Searched, query: Query, waiting: int, work: Work, hits: HitBuffers, count: int
) -> int:
    """Add those of the waiting codes that are hits, and return how many hits there are."""
    if count + waiting > len(hits.places):
        return _FULL
    words, wanted, width = searched.words, query.words, len(query.words)
    end = count
    for number in range(waiting):
        at = work.places[number] * width
        distance = ones(words[at] ^ wanted[0])
        if width == 4:
            distance += ones(words[at + 1] ^ wanted[1]) + ones(words[at + 2] ^ wanted[2])
            distance += ones(words[at + 3] ^ wanted[3])
        else:
            for word in range(1, width):
                distance += ones(words[at + word] ^ wanted[word])
        # Until the hit is known to be the code's first one, its chunk stands for the query.
        hits.queries[end] = work.chunks[number]
        hits.places[end] = work.places[number]
        hits.distances[end] = distance
        end += int64(int64(distance) <= query.threshold)
    kept = count
    for at in range(count, end):
        if _is_first(searched, query, hits.places[at], hits.queries[at]):
            hits.queries[kept] = query.number
            hits.places[kept] = hits.places[at]
            hits.distances[kept] = hits.distances[at]
            kept += 1
    return kept


@kernel
def _is_first(searched: Searched, query: Query, place: int, chunk: int) -> bool:
    """Tell whether no chunk before this one has found the code too."""
    tables = searched.tables
    for before in range(chunk):
        begin, end = tables.bits_at[before], tables.bits_at[before + 1]
        differing = key_of(searched.codes[place], tables.bits, begin, end) ^ query.keys[before]
        if int64(ones(np.uint64(differing))) <= query.radii[before]:
            return False
    return True
