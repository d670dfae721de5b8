"""Keeps the memory of many threads together."""

import ctypes
from contextlib import suppress

# malloc.h of the GNU C library.
_M_ARENA_MAX = -8
_HEAPS = 2


def share_heaps() -> None:
    """
    Let threads that begin from here on share two heaps, where the C library has one for each.

    Signatures stay for a day, scattered among downloads that come and go. With a heap for each of
    16 threads no download found room between them: after ten thousand images a process had a
    gigabyte, with two it has 400 MB.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)
