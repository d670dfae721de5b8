"""
Binary search for the positions of ids and owners.

A dict of all ids would answer as fast, but would take far more memory than the sorted arrays.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.hits import Ids, Positions


@njit(cache=True, nogil=True)
def _first_at_least(ascending: Ids, value: int) -> int:
    """
    Return the first position whose value is at least `value`; the array's length if there is none.
    """
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def find_ids(ids: Ids, wanted: Ids) -> Positions:
    """
    Return the positions of those wanted ids that the array holds.

    Args:
        ids: Ascending, each once.

        wanted: In any order.
    """
    positions = np.empty(len(wanted), dtype=np.int64)
    count = 0
    for each in wanted:
        position = _first_at_least(ids, each)
        if position < len(ids) and ids[position] == each:
            positions[count] = position
            count += 1
    return positions[:count]


@njit(cache=True, nogil=True)
def find_values(values: Ids, wanted: Ids) -> Positions:
    """
    Return the positions of all values that are among the wanted ones.

    Args:
        values: In any order.

        wanted: Ascending.
    """
    positions = np.empty(len(values), dtype=np.int64)
    count = 0
    for position, each in enumerate(values):
        rank = _first_at_least(wanted, each)
        if rank < len(wanted) and wanted[rank] == each:
            positions[count] = position
            count += 1
    return positions[:count]


@njit(cache=True, nogil=True)
def find_owners(owners: Ids, order: NDArray[np.uint32], wanted: Ids) -> Positions:
    """
    Return the positions of all codes of the wanted owners.

    Args:
        owners: The owner of the code at each position.

        order: The positions, sorted by owner; empty when `owners` itself ascends.

        wanted: Distinct, in any order.
    """
    firsts = np.empty(len(wanted), dtype=np.int64)
    lasts = np.empty(len(wanted), dtype=np.int64)
    sorted_already = len(order) == 0
    total = 0
    for number, each in enumerate(wanted):
        low, high = 0, len(owners)
        while low < high:
            middle = (low + high) // 2
            position = middle if sorted_already else np.int64(order[middle])
            if owners[position] < each:
                low = middle + 1
            else:
                high = middle
        firsts[number] = low
        while low < len(owners):
            position = low if sorted_already else np.int64(order[low])
            if owners[position] != each:
                break
            low += 1
        lasts[number] = low
        total += low - firsts[number]
    positions = np.empty(total, dtype=np.int64)
    count = 0
    for number in range(len(wanted)):
        for rank in range(firsts[number], lasts[number]):
            positions[count] = rank if sorted_already else np.int64(order[rank])
            count += 1
    return positions
