"""
What a candidate's many codes come across: the codes near any of them, as far as a budget allows.

It is the search of `probe`, for a vote. A candidate has a thousand codes, each of which is probed
little: alone it would not keep the memory busy, and to choose how far to probe it would take longer
than to do so. So each step goes over the keys of many queries, and asks for what the next step will
read; and the radii are chosen one bit after another, always what costs least.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.codes import Codes
from index.effort import choose_within
from index.intrinsics import int64, kernel, ones, prefetch, trailing_zeros, uint64
from index.probe import Searched
from index.tables import MOST_FLIPS, ONLY, Flips, Places, Words, all_keys_of

_ENTRIES = 256
"""Entries that are asked for before the first is read; there may be as many more as a query has."""

_IN_CACHE = 1 << 17
"""Words of a directory that stay in a second-level cache while keys are looked up there: 1 MB."""

_FIRST_ROOM, _FULL = 4096, -1


class _VoteRoom(NamedTuple):
    """Room for work: the entries of keys that occur, and codes, each with its query."""

    entries: Places
    entry_queries: Places
    places: Places
    place_queries: Places


class Across(NamedTuple):
    """Places that are near a query, and how far each is; one that is near several comes often."""

    places: Places
    distances: NDArray[np.int32]


@njit(cache=True, nogil=True)
def come_across(
    searched: Searched, queries: Codes, threshold: int, budget_ns: float, chunks: int
) -> Across:
    """
    Return places within the threshold of a query, and how far they are.

    Args:
        threshold: Largest distance, inclusive.

        budget_ns: What one query may cost, as estimated; far codes are missed for it.

        chunks: How many are searched, the first ones.
    """
    words = queries.view(np.uint64)
    keys, radii = _radii(searched, queries, threshold, budget_ns, chunks)
    # Numba compiles a function anew for each literal it is given, hence int64.
    room, found, hits = _room(searched.flips), _found(int64(_FIRST_ROOM)), int64(0)
    for chunk in range(chunks):
        number = int64(0)
        while True:
            number, hits = _search(
                searched, words, threshold, chunk, keys, radii, number, room, found, hits
            )
            if number == len(queries):
                break
            found = _with_more_room(found, hits)
    return Across(found.places[:hits], found.distances[:hits])


@njit(cache=True, nogil=True)
def _room(flips: Flips) -> _VoteRoom:
    most = int64(0)
    for chunk in range(len(flips.keys_at)):
        most = max(most, flips.keys_at[chunk, MOST_FLIPS + 1] - flips.keys_at[chunk, 0])
    most += _ENTRIES
    return _VoteRoom(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )


@njit(cache=True, nogil=True)
def _found(most: int) -> Across:
    return Across(np.empty(most, np.int64), np.empty(most, np.int32))


@njit(cache=True, nogil=True)
def _with_more_room(found: Across, hits: int) -> Across:
    """Return the hits where there is room for four times as many."""
    more = _found(4 * len(found.places))
    # Not by slices, which take Numba a second to compile.
    for at in range(hits):
        more.places[at], more.distances[at] = found.places[at], found.distances[at]
    return more


@njit(cache=True, nogil=True)
def _radii(
    searched: Searched, queries: Codes, threshold: int, budget_ns: float, chunks: int
) -> tuple[Places, Places]:
    """Return the key of each query in each chunk, and how far it is probed."""
    keys = np.empty((len(queries), chunks), dtype=np.int64)
    radii = np.empty((len(queries), chunks), dtype=np.int64)
    columns = np.empty((queries.shape[1], len(queries)), dtype=np.uint8)
    all_keys_of(searched.tables, queries, columns, np.empty(len(queries), np.uint32), keys)
    _choose(searched, threshold, budget_ns, np.empty(chunks), keys, radii)
    return keys, radii


@kernel
def _choose(
    searched: Searched,
    threshold: int,
    budget_ns: float,
    costs: NDArray[np.float64],
    keys: Places,
    radii: Places,
) -> None:
    for number in range(len(keys)):
        choose_within(
            searched.crowds,
            searched.flips,
            keys[number],
            threshold + 1,
            budget_ns,
            costs,
            radii[number],
        )


@kernel
def _search(
    searched: Searched,
    words: Words,
    threshold: int,
    chunk: int,
    keys: Places,
    radii: Places,
    number: int,
    room: _VoteRoom,
    found: Across,
    hits: int,
) -> tuple[int, int]:
    """
    Add what the queries from one on come across in a chunk.

    Returns:
        The query at which there was no more room for hits, or how many queries there are; and how
        many hits there are before it.
    """
    while number < len(words):
        after, filled = _probe(searched, chunk, keys, radii, number, room)
        more = _look(searched, words, threshold, chunk, filled, room, found, hits)
        if more == _FULL:
            break
        number, hits = after, more
    return number, hits


@kernel
def _ask(searched: Searched, chunk: int, key: int, radius: int) -> None:
    """Ask for the words of all keys near a query's, where there are too many for a cache."""
    tables, flips = searched.tables, searched.flips
    directory, begin = tables.directory, tables.directory_at[chunk]
    if tables.directory_at[chunk + 1] - begin <= _IN_CACHE:
        return
    for flip in range(flips.keys_at[chunk, 0], flips.keys_at[chunk, radius + 1]):
        prefetch(directory, begin + ((key ^ int64(flips.keys[flip])) >> 5))


@kernel
def _probe(
    searched: Searched, chunk: int, keys: Places, radii: Places, number: int, room: _VoteRoom
) -> tuple[int, int]:
    """
    Note the entries of all keys near those of the queries from one on, until there are `_ENTRIES`.

    Returns:
        The query after those, and how many entries are noted.
    """
    tables, flips = searched.tables, searched.flips
    directory, begin = tables.directory, uint64(tables.directory_at[chunk])
    filled = int64(0)
    _ask(searched, chunk, keys[number, chunk], radii[number, chunk])
    while number < len(keys) and filled < _ENTRIES:
        if number + 1 < len(keys):
            _ask(searched, chunk, keys[number + 1, chunk], radii[number + 1, chunk])
        key, before = uint64(keys[number, chunk]), filled
        first = uint64(flips.keys_at[chunk, 0])
        end = uint64(flips.keys_at[chunk, radii[number, chunk] + 1])
        while first < end:
            block = min(end - first, uint64(64))
            # Without a branch, so that several keys are looked up by one instruction.
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
                place = int64(word >> uint64(32)) + int64(ones(smaller))
                room.entries[uint64(filled)] = tables.entries_at[chunk] + place
                filled += 1
            first += block
        for entry in range(before, filled):
            prefetch(tables.entries, room.entries[entry])
            room.entry_queries[entry] = number
        number += 1
    return number, filled


@kernel
def _look(
    searched: Searched,
    words: Words,
    threshold: int,
    chunk: int,
    filled: int,
    room: _VoteRoom,
    found: Across,
    hits: int,
) -> int:
    """Add what the noted entries come across; return how many hits there are, or `_FULL`."""
    most = len(found.places)
    shared, waiting = _read(searched, chunk, filled, room)
    if hits + waiting > most:
        return _FULL
    hits = _compare(searched.words, words, threshold, waiting, room, found, hits)
    left, at = shared, int64(0)
    while left > 0:
        left, at, waiting = _read_several(searched, left, at, room)
        if hits + waiting > most:
            return _FULL
        hits = _compare(searched.words, words, threshold, waiting, room, found, hits)
    return hits


@kernel
def _read(searched: Searched, chunk: int, filled: int, room: _VoteRoom) -> tuple[int, int]:
    """
    Read the noted entries, and ask for what they lead to.

    Returns:
        How many tell of several codes, which come first in `room.entries` now; and how many codes
        are in `room.places`.
    """
    tables, width = searched.tables, searched.codes.shape[1] // 8
    shared, waiting = int64(0), int64(0)
    for number in range(filled):
        entry = int64(tables.entries[room.entries[number]])
        if entry < ONLY:
            room.entries[shared] = tables.pool_at[chunk] + entry
            prefetch(tables.pool, room.entries[shared])
            room.entry_queries[shared] = room.entry_queries[number]
            shared += 1
        else:
            room.places[waiting] = entry - ONLY
            prefetch(searched.words, (entry - ONLY) * width)
            room.place_queries[waiting] = room.entry_queries[number]
            waiting += 1
    return shared, waiting


@kernel
def _read_several(searched: Searched, left: int, at: int, room: _VoteRoom) -> tuple[int, int, int]:
    """Read the last of so many entries of several codes, from one of these on, and so forth."""
    pool, width, waiting = searched.tables.pool, searched.codes.shape[1] // 8, int64(0)
    most = len(room.places)
    while left > 0 and waiting < most:
        begin = room.entries[left - 1]
        count, query = int64(pool[begin]), room.entry_queries[left - 1]
        stop = min(count, at + most - waiting)
        while at < stop:
            place = int64(pool[begin + 1 + at])
            prefetch(searched.words, place * width)
            room.places[waiting] = place
            room.place_queries[waiting] = query
            waiting += 1
            at += 1
        if at == count:
            left, at = left - 1, int64(0)
    return left, at, waiting


@kernel
def _compare(
    codes: Words,
    words: Words,
    threshold: int,
    waiting: int,
    room: _VoteRoom,
    found: Across,
    hits: int,
) -> int:
    """Add those of the waiting codes that are near their query; return how many hits there are."""
    width = words.shape[1]
    for number in range(waiting):
        at, query = room.places[number] * width, room.place_queries[number]
        distance = ones(codes[at] ^ words[query, 0])
        if width == 4:
            distance += ones(codes[at + 1] ^ words[query, 1])
            distance += ones(codes[at + 2] ^ words[query, 2])
            distance += ones(codes[at + 3] ^ words[query, 3])
        else:
            for word in range(1, width):
                distance += ones(codes[at + word] ^ words[query, word])
        found.places[hits] = room.places[number]
        found.distances[hits] = distance
        hits += int64(int64(distance) <= threshold)
    return hits
