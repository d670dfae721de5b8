"""Where ids and owners are, by binary search: what a dict of all of them would cost in memory."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.hits import Ids, Positions


@njit(cache=True, nogil=True)
def _first_from(ascending: Ids, value: int) -> int:
    """Return the first position of all that are no smaller than a value."""
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def places_of(ids: Ids, wanted: Ids) -> Positions:
    """
    Return the positions of those ids that are there.

    Args:
        ids: Ascending.

        wanted: In any order.
    """
    places = np.empty(len(wanted), dtype=np.int64)
    found = 0
    for each in wanted:
        place = _first_from(ids, each)
        if place < len(ids) and ids[place] == each:
            places[found] = place
            found += 1
    return places[:found]


@njit(cache=True, nogil=True)
def places_among(values: Ids, wanted: Ids) -> Positions:
    """
    Return the positions of those values that are wanted.

    Args:
        values: In any order.

        wanted: Ascending.
    """
    places = np.empty(len(values), dtype=np.int64)
    found = 0
    for place, each in enumerate(values):
        near = _first_from(wanted, each)
        if near < len(wanted) and wanted[near] == each:
            places[found] = place
            found += 1
    return places[:found]


@njit(cache=True, nogil=True)
def places_of_owners(owners: Ids, order: NDArray[np.uint32], wanted: Ids) -> Positions:
    """
    Return the positions of all codes of some owners.

    Args:
        owners: By position.

        order: The positions in ascending order of their owners; empty when `owners` ascends.

        wanted: Distinct.
    """
    firsts = np.empty(len(wanted), dtype=np.int64)
    lasts = np.empty(len(wanted), dtype=np.int64)
    sorted_already = len(order) == 0
    total = 0
    for number, each in enumerate(wanted):
        low, high = 0, len(owners)
        while low < high:
            middle = (low + high) // 2
            place = middle if sorted_already else np.int64(order[middle])
            if owners[place] < each:
                low = middle + 1
            else:
                high = middle
        firsts[number] = low
        while low < len(owners):
            place = low if sorted_already else np.int64(order[low])
            if owners[place] != each:
                break
            low += 1
        lasts[number] = low
        total += low - firsts[number]
    places = np.empty(total, dtype=np.int64)
    found = 0
    for number in range(len(wanted)):
        for rank in range(firsts[number], lasts[number]):
            places[found] = rank if sorted_already else np.int64(order[rank])
            found += 1
    return places
