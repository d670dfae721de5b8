"""What tests ask about the worker processes of a sandbox."""

import time
from collections.abc import Callable
from pathlib import Path

from hashsvc.signals import (
    Sandbox,
)


def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers(opened: Sandbox) -> list[int]:
    """Return the process ids of all workers, once they are idle."""
    until(lambda: opened.pool.idle == opened.pool.size)
    return [worker.pid for worker in opened.pool.workers]


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def is_gone(pid: int) -> bool:
    """Return whether a process has ended, even if its parent has not noticed yet."""
    try:
        return proc(pid, "stat").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def ticks(pids: list[int]) -> int:
    """Return the processor time of some processes in hundredths of a second."""
    fields = [proc(pid, "stat").rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields)
