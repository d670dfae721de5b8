"""
Signs untrusted images in processes of their own, which may take so much time and memory, and die.

A worker is a fresh interpreter, kept warm, that has only this room, two pipes and its limits. It
gets the length of an image (4 bytes) and the image; it answers with two lengths (4 bytes each),
JSON, and packed codes:

    {"frames": [{"quality": 100, "groups": [["pdq1", "whole", 1], ["reg1", "part", 380]]}]}
    {"error": "BrokenImageError", "message": "…"}

A group is so many codes of one algorithm and view; codes follow in the same order, without gaps.
Where anything is wrong with an answer, another worker is started.
"""

import fcntl
import json
import os
import queue
import select
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Self

from hashsvc.signals.answers import check_sizes, nonsense, read_answer
from hashsvc.signals.decode import Limits, not_an_image
from hashsvc.signals.errors import (
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    ImageTooSlowError,
    SandboxError,
)
from hashsvc.signals.headers import begins_like_image
from hashsvc.signals.types import Signature
from hashsvc.signals.video import is_film

_START_S = 120
"""With the kernels not yet compiled, the first start on a slow machine takes a minute."""

_MOST_IMAGES = 1000
"""A worker that has signed so many is replaced, whatever it has gathered."""

_PIPE_BYTES = 1024**2
"""What Linux allows everybody; most images then go to their worker in one piece."""

_ROOT = Path(__file__).parents[2]
# A worker needs these to start as its parent did; tokens and addresses it does not.
_KEPT_ENVIRONMENT = ("HOME", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
_ENVIRONMENT = {
    # Threads that would never work, and heaps of theirs, take address space.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    # What an ordinary image takes is kept for the next; that makes up for the way through pipes.
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),
}


class Sandbox:
    """
    Workers that sign images; threads may share it.

        with Sandbox(limits, workers=2) as sandbox:
            signatures = sandbox.sign_frames(data)

    Args:
        limits: What an image may be and take at most.

        workers: Images that are signed at once; others wait.

    Raises:
        SandboxError: If the system is not Linux, whose limits it needs.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int = 1) -> None:
        if sys.platform != "linux":
            raise SandboxError("The sandbox needs the resource limits of Linux.")
        self._limits = limits or Limits()
        self._count = workers
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._is_closed = True
        # A request is a permission to start one more worker; each is answered by one.
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[_Worker | SandboxError] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def open(self) -> None:
        """Begin to start the workers; calls wait until one is ready."""
        self._is_closed = False
        for _ in range(self._count):
            self._wanted.put(True)
        # Workers die with the thread that started them (prctl(2), PR_SET_PDEATHSIG), so that none
        # of the callers' threads does.
        threading.Thread(target=self._keep, name="sandbox", daemon=True).start()

    def close(self) -> None:
        """End all workers. Calls that wait or are at work get a SandboxError."""
        with self._lock:
            self._is_closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        with suppress(queue.Empty):
            while True:
                idle = self._ready.get_nowait()
                if isinstance(idle, _Worker):
                    idle.end()
        self._wanted.put(False)
        self._ready.put(_closed())

    def wait(self) -> None:
        """
        Return once there is a worker that is ready.

        Raises:
            SandboxError: If none can be started, or the sandbox is not open.
        """
        self._give_back(self._take(), is_good=True)

    def sign_frames(self, data: bytes) -> list[Signature]:
        """
        Return a signature for each looked-at frame of an image; an ordinary image has one.

        Raises:
            ImageTooSlowError: If it takes too long.

            ImageCrashError: If the worker dies.

            ImageError: If the image cannot be hashed; the subclass says why.

            SandboxError: If no worker can be started, or the sandbox is not open.
        """
        if len(data) > self._limits.max_bytes:
            raise ImageTooLargeError(
                f"The image has {len(data)} bytes; the limit is {self._limits.max_bytes}."
            )
        if not begins_like_image(data) and not is_film(data):
            # So that a page waits for no worker, only to hear that it is a page.
            raise not_an_image()
        worker = self._take()
        is_good = False
        try:
            answer = worker.sign(data, self._limits)
            is_good = not worker.is_worn(self._limits)
        except ImageCrashError as error:
            if self._is_closed:
                raise _closed() from error
            raise
        finally:
            self._give_back(worker, is_good=is_good)
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def _take(self) -> "_Worker":
        while not self._is_closed:
            worker = self._ready.get()
            if isinstance(worker, SandboxError):
                # So that the next caller tries again, or hears of the end too.
                (self._ready.put(worker) if self._is_closed else self._wanted.put(True))
                raise worker
            if worker.is_alive():
                return worker
            self._give_back(worker, is_good=False)
        raise _closed()

    def _give_back(self, worker: "_Worker", *, is_good: bool) -> None:
        with self._lock:
            if is_good and not self._is_closed:
                self._ready.put(worker)
                return
            self._workers.discard(worker)
        worker.end()
        self._wanted.put(True)

    def _keep(self) -> None:
        """Start a worker for each request, until there is none."""
        # The first are as if they had signed some already: they shall not all be worn at once.
        head_starts = iter([_MOST_IMAGES * place // self._count for place in range(self._count)])
        while self._wanted.get() and not self._is_closed:
            try:
                worker = _Worker(self._limits, signed=next(head_starts, 0))
            except OSError:
                self._ready.put(_not_started())
                continue
            with self._lock:
                self._workers.add(worker)
            if worker.becomes_ready() and not self._is_closed:
                self._give_back(worker, is_good=True)
            else:
                worker.end()
                self._ready.put(_not_started())


class _Worker:
    """One process; for one thread at a time."""

    def __init__(self, limits: Limits, *, signed: int = 0) -> None:
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        module = [sys.executable, "-P", "-W", "ignore", "-m", "hashsvc.signals._sandboxed"]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours.
            [*module, str(os.getpid()), *map(json.dumps, astuple(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=kept | _ENVIRONMENT | {"PYTHONPATH": str(_ROOT)},
            # Interrupts from a terminal are for the parent, which then ends its workers.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe, False)
            # Where the user has too many such pipes, it stays at 64 kB, which is slower.
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._signed = signed
        self._pages = 0
        self._statm = os.open(f"/proc/{self._process.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)

    def becomes_ready(self) -> bool:
        """Wait until the worker is warm; tell whether it is."""
        try:
            self._read(1, time.monotonic() + _START_S)
            self._pages = self._pages_now()
        except OSError:
            return False
        return True

    def sign(self, data: bytes, limits: Limits) -> list[Signature] | ImageError:
        """Return the worker's answer; after an error that is raised instead, it is no good."""
        deadline = time.monotonic() + limits.max_seconds
        self._signed += 1
        try:
            self._send(data, deadline)
            header, codes = self._receive(limits, deadline)
        except TimeoutError as error:
            raise ImageTooSlowError(
                f"The image takes too long to sign; the limit is {limits.max_seconds:g} seconds."
            ) from error
        except OSError as error:
            raise ImageCrashError("The worker that was signing the image died.") from error
        return read_answer(header, codes, limits)

    def is_alive(self) -> bool:
        """Tell whether the process runs, as far as anybody knows yet."""
        return self._process.poll() is None

    def is_worn(self, limits: Limits) -> bool:
        """Tell whether a fresh worker would be better: this one is old, or has grown."""
        try:
            grown = (self._pages_now() - self._pages) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return True
        return self._signed >= _MOST_IMAGES or grown > limits.max_memory_bytes // 4

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End the process and close the pipes, which no other thread may be using."""
        self.kill()
        os.close(self._statm)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _pages_now(self) -> int:
        """Return the size of the address space, which is what is limited."""
        return int(os.pread(self._statm, 100, 0).split()[0])

    def _send(self, data: bytes, deadline: float) -> None:
        parts = [memoryview(len(data).to_bytes(4)), memoryview(data)]
        while parts:
            try:
                sent = os.writev(self._requests, parts)
            except BlockingIOError:
                _wait(self._requests, select.POLLOUT, deadline)
                continue
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][sent:]

    def _receive(self, limits: Limits, deadline: float) -> tuple[bytes, bytes]:
        """Return the JSON and the codes of an answer."""
        answer, size = bytearray(), 8
        while len(answer) < size:
            answer += self._read(_PIPE_BYTES, deadline)
            if size == 8 <= len(answer):
                told, codes = struct.unpack_from(">II", answer)
                check_sizes(told, codes, limits)
                size += told + codes
        if len(answer) > size:
            raise nonsense()
        return bytes(answer[8 : 8 + told]), bytes(answer[8 + told :])

    def _read(self, most: int, deadline: float) -> bytes:
        _wait(self._answers, select.POLLIN, deadline)
        part = os.read(self._answers, most)
        if not part:
            raise BrokenPipeError
        return part


def _wait(pipe: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def _closed() -> SandboxError:
    return SandboxError("The sandbox is not open.")


def _not_started() -> SandboxError:
    return SandboxError("No worker of the sandbox can be started.")
