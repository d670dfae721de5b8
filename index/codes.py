"""Codes: packed bits, `uint8`, shape (n, bits // 8), most significant bit first."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index.errors import CodeWidthError
from index.intrinsics import ones

Codes = NDArray[np.uint8]


def pack(bits: NDArray[np.bool_]) -> Codes:
    """Return codes of shape (n, bits // 8) from bits of shape (n, bits)."""
    return np.packbits(bits, axis=1)


def unpack(codes: Codes) -> NDArray[np.bool_]:
    """Return bits of shape (n, bits) from codes of shape (n, bits // 8)."""
    return np.unpackbits(codes, axis=1).astype(np.bool_)


def distances(query: Codes, codes: Codes) -> NDArray[np.int32]:
    """
    Return the number of differing bits between one query and each code.

    Args:
        query: Shape (bits // 8,).

        codes: Shape (n, bits // 8).
    """
    differing: NDArray[np.int32] = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int32)
    return differing


def nearest(codes: Codes, others: Codes) -> NDArray[np.int64]:
    """
    Return, for each code, the distance to the nearest of the other codes.

    Args:
        codes: Shape (n, bits // 8), bits a multiple of 64.

        others: Shape (m, bits // 8), m at least 1.
    """
    found: NDArray[np.int64] = _nearest(
        np.ascontiguousarray(codes).view(np.uint64), np.ascontiguousarray(others).view(np.uint64)
    )
    return found


@njit(cache=True, nogil=True)
def _nearest(codes: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int64]:
    found = np.empty(len(codes), dtype=np.int64)
    for i in range(len(codes)):
        best = np.uint64(64 * codes.shape[1])
        for j in range(len(others)):
            distance = ones(codes[i, 0] ^ others[j, 0])
            for word in range(1, codes.shape[1]):
                distance += ones(codes[i, word] ^ others[j, word])
            best = min(best, distance)
        found[i] = best
    return found


def checked(codes: Codes, bits: int) -> Codes:
    """
    Return the codes, C-contiguous.

    Raises:
        CodeWidthError: If they are not `uint8` of shape (n, bits // 8).
    """
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] * 8 != bits:
        raise CodeWidthError(f"Codes of {bits} bits must be uint8 of shape (n, {bits // 8}).")
    return np.ascontiguousarray(codes)
