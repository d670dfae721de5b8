"""
A sandbox worker: does its job on the inputs that arrive through a pipe, with few rights.

    python -m hashsvc.sandbox.worker JOB PARENT ARGUMENTS SECONDS MEMORY

`hashsvc.sandbox.pool` starts it and describes what goes through the pipes.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path

# sched.h, prctl.h.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    """Work until the pipe is closed."""
    job_name, parent_pid, arguments_json, max_seconds, max_memory_bytes = sys.argv[1:]
    _bind_to(int(parent_pid))
    requests, answers = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    job, arguments = importlib.import_module(job_name), json.loads(arguments_json)
    # Do this first: after `_confine`, the job can neither compile anything nor read files.
    job.warm_up(arguments)
    # The objects that exist now are never freed, so exclude them from garbage collection.
    gc.freeze()
    _confine(int(max_memory_bytes), answers)
    os.write(answers, b"!")
    while len(length := requests.read(4)) == 4:
        data = requests.read(int.from_bytes(length))
        if len(data) < int.from_bytes(length):
            break
        # The parent kills a worker that is too slow. If the parent is gone, this timer kills it.
        signal.setitimer(signal.ITIMER_REAL, float(max_seconds) + 1)
        header, payload = job.answer(data, arguments)
        answer = memoryview(struct.pack(">II", len(header), len(payload)) + header + payload)
        while answer:
            answer = answer[os.write(answers, answer) :]
        signal.setitimer(signal.ITIMER_REAL, 0)


def _bind_to(parent_pid: int) -> None:
    """
    Leave the network, if the kernel allows it, and make the kernel kill this process when its
    parent ends.
    """
    libc = ctypes.CDLL(None)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # This must come after `unshare`, which resets this setting.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)


def _confine(max_memory_bytes: int, answers: int) -> None:
    """Give up the right to more memory, to open files and to write files."""
    nothing = os.open(os.devnull, os.O_RDWR)
    # Discard what libraries print: it is not an answer, and must not reach a log.
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for resource_id, wanted in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + max_memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, answers + 1),
    ):
        _, hard = resource.getrlimit(resource_id)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource_id, (limit, limit))


if __name__ == "__main__":
    main()
