"""Measures the memory and time of a scanning service, and the speed of a sandbox alone."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from hashsvc.signals import Limits, Sandbox

_EVERY_S = 0.25
_MB = 1000**2
_WORKER = b"hashsvc.signals.signing_job"


class Processes:
    """
    Memory and processor time of a process and all its descendants.

    Attributes:
        peak_mb: Largest sum of their proportional set sizes, which count shared pages once.

        peak_rss_mb: Largest sum of their resident set sizes, which count shared pages each time.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb = 0.0
        self.peak_rss_mb = 0.0

    def __enter__(self) -> "Processes":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def cpu_s(self) -> float:
        """Return the processor time that the living processes have used so far."""
        ticks = 0
        for pid in _tree(self._pid):
            with suppress(OSError):
                # Skip the name, which is in parentheses and may contain spaces (proc(5)).
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            # A child that has not started its program still has its parent's memory: leave it out.
            own = _command(self._pid)
            pids = [pid for pid in _tree(self._pid) if pid == self._pid or _command(pid) != own]
            taken = [_memory(pid) for pid in pids]
            self.peak_mb = max(self.peak_mb, sum(pss for pss, _ in taken) / _MB)
            self.peak_rss_mb = max(self.peak_rss_mb, sum(rss for _, rss in taken) / _MB)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in _children(pid):
        yield from _tree(child)


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            yield from map(int, (task / "children").read_text().split())


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _memory(pid: int) -> tuple[int, int]:
    sizes = {"Pss:": 0, "Rss:": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(" ")
            if name in sizes:
                sizes[name] = int(rest.split()[0]) * 1024
    return sizes["Pss:"], sizes["Rss:"]


class HashingAlone:
    """A sandbox like the service's, which only signs images from memory."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._sandbox = Sandbox(Limits(), workers=cores)
        self._threads_s = 0.0

    def __enter__(self) -> "HashingAlone":
        self._sandbox.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self._sandbox.close()

    def seconds(self, images: Sequence[bytes]) -> float:
        """Return the seconds to sign images, on as many threads as there are cores."""
        with ThreadPoolExecutor(self._cores) as pool:
            start = time.perf_counter()
            for seconds in pool.map(self._sign, images):
                self._threads_s += seconds
            return time.perf_counter() - start

    def cpu_s(self) -> float:
        """Return the processor time of hashing, in the workers and in this process's threads."""
        times = os.times()
        # Of our children, only replaced workers have ended, so their time counts as hashing.
        seconds = self._threads_s + times.children_user + times.children_system
        for pid in _children(os.getpid()):
            if _WORKER in Path(f"/proc/{pid}/cmdline").read_bytes():
                seconds += Processes(pid).cpu_s()
        return seconds

    def _sign(self, image: bytes) -> float:
        start = time.thread_time()
        self._sandbox.sign_frames(image)
        return time.thread_time() - start
