"""Codes: packed bits, `uint8`, shape (n, bits // 8), most significant bit first."""

import numpy as np
from numpy.typing import NDArray

from index.errors import CodeWidthError

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


def checked(codes: Codes, bits: int) -> Codes:
    """
    Return the codes, C-contiguous.

    Raises:
        CodeWidthError: If they are not `uint8` of shape (n, bits // 8).
    """
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] * 8 != bits:
        raise CodeWidthError(f"Codes are uint8 of shape (n, {bits // 8}), for {bits} bits.")
    return np.ascontiguousarray(codes)
