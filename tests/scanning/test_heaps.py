"""The threads of a process share heaps, so that its memory does not grow with their number."""

import subprocess
import sys

import pytest

# Each thread has a block of its own at the same time; the C library tells how many heaps that took.
COUNT = """
import ctypes, sys, threading
from hashsvc.scanning.heaps import share_heaps
if sys.argv[1] == "shared":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(16)
def take():
    assert libc.malloc(50_000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(16)]
for each in threads: each.start()
for each in threads: each.join()
libc.fdopen.restype = ctypes.c_void_p
out = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(out))
libc.fflush(ctypes.c_void_p(out))
"""


def heaps(how: str) -> int:
    command = [sys.executable, "-c", COUNT, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


def test_threads_share_two_heaps() -> None:
    if heaps("each") <= 2:
        pytest.skip("This C library has no heap for each thread.")
    assert heaps("shared") == 2
