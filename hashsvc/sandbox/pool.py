"""
Keeps worker processes that do one kind of work on untrusted bytes.

A worker is a new interpreter that has loaded only this package and the modules of its job. It has
two pipes and its limits, and stays warm between inputs. It receives the length of its input (4
bytes) and the input. It answers with two lengths (4 bytes each), a header and a payload; the job
defines what these contain. After an invalid answer the worker is replaced.
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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from hashsvc.sandbox.errors import CrashError, SandboxError, TooSlowError

Answer = TypeVar("Answer")

_START_TIMEOUT_S = 120
"""
Seconds that a worker may take to start. Compiling the kernels takes a minute on a slow machine.
"""

MAX_WORKS = 1000
"""A worker is replaced after this many inputs, even if its memory has not grown."""

_PIPE_BYTES = 1024**2
"""Size of a pipe: the most that Linux allows every user. Most inputs fit into it in one piece."""

_ROOT = Path(__file__).parents[2]
# A worker needs these variables to start as its parent did. It gets no others, because those may
# hold tokens and addresses.
INHERITED_ENVIRONMENT = ("HOME", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
ENVIRONMENT = {
    # Idle threads and their heaps would take address space.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    # Keep the memory of an ordinary input for the next one. This saves about as much time as the
    # pipes cost.
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),
}
"""Environment variables that every worker gets."""


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """
    How much time and memory one piece of work may take, and how long its answer may be.

    Attributes:
        max_seconds: Time from sending the input to the end of the answer.

        max_memory_bytes: New address space of the worker.

        max_header_bytes: Longest header of an answer.

        max_payload_bytes: Longest payload of an answer.
    """

    max_seconds: float
    max_memory_bytes: int
    max_header_bytes: int
    max_payload_bytes: int = 0


class WorkerPool:
    """
    Workers that do one kind of work; threads may share it.

    Args:
        job: Name of the module that defines the work: its `warm_up(arguments)` is called once, and
            its `answer(data, arguments)` returns header and payload for each input.

        arguments: Passed on to both of these functions; must be values that JSON can hold.

        limits: Limits for each piece of work.

        workers: Number of inputs worked on at once; others wait.

    Raises:
        SandboxError: If the system is not Linux, whose resource limits are needed.
    """

    def __init__(
        self, job: str, arguments: Any = None, *, limits: WorkLimits, workers: int = 1
    ) -> None:
        if sys.platform != "linux":
            raise SandboxError("The sandbox needs the resource limits of Linux.")
        self._job = job
        self._arguments = arguments
        self._limits = limits
        self.size = workers
        """Number of inputs worked on at once."""
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self.is_closed = True
        """Whether the pool is closed, which it is until `open` is called."""
        # Each True in `_start_requests` asks for one more worker. The answer in `_ready` is that
        # worker, or an error.
        self._start_requests: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[WorkerProcess | SandboxError] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def workers(self) -> tuple["WorkerProcess", ...]:
        """The worker processes that exist now, idle or busy."""
        with self._lock:
            return tuple(self._workers)

    @property
    def idle(self) -> int:
        """Number of workers that wait for work, plus errors of failed starts not yet raised."""
        return self._ready.qsize()

    def open(self) -> None:
        """Start the workers in the background; calls wait until one is ready."""
        self.is_closed = False
        for _ in range(self.size):
            self._start_requests.put(True)
        # A worker dies with the thread that started it (prctl(2), PR_SET_PDEATHSIG). So the pool
        # starts workers in a thread of its own, not in a caller's.
        threading.Thread(target=self._start_workers, name="sandbox", daemon=True).start()

    def close(self) -> None:
        """End all workers. Calls that wait or are being served raise SandboxError."""
        with self._lock:
            self.is_closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        with suppress(queue.Empty):
            while True:
                idle = self._ready.get_nowait()
                if isinstance(idle, WorkerProcess):
                    idle.end()
        self._start_requests.put(False)
        self._ready.put(_closed())

    def wait(self) -> None:
        """
        Return once a worker is ready.

        Raises:
            SandboxError: If no worker can be started, or the sandbox is not open.
        """
        self._give_back(self._take_worker(), is_good=True)

    def ask(self, data: bytes, read: Callable[[bytes, bytes], Answer]) -> Answer:
        """
        Return what a worker answers to an input.

        Args:
            read: Reads the header and the payload of the answer. It raises ValueError if they are
                not valid; the worker is then replaced, as after a crash.

        Raises:
            TooSlowError: If the work takes too long.

            CrashError: If the worker dies, or gives an invalid answer.

            SandboxError: If no worker can be started, or the pool is not open.
        """
        worker = self._take_worker()
        is_good = False
        try:
            try:
                answer = read(*worker.ask(data, self._limits))
            except (ValueError, RecursionError) as error:
                raise invalid_answer() from error
            is_good = not worker.is_worn(self._limits)
        except CrashError as error:
            if self.is_closed:
                raise _closed() from error
            raise
        finally:
            self._give_back(worker, is_good=is_good)
        return answer

    def _take_worker(self) -> "WorkerProcess":
        while not self.is_closed:
            worker = self._ready.get()
            if isinstance(worker, SandboxError):
                # Let the next caller try again or, if the sandbox is closed, get the same error.
                (self._ready.put(worker) if self.is_closed else self._start_requests.put(True))
                raise worker
            if worker.is_alive():
                return worker
            self._give_back(worker, is_good=False)
        raise _closed()

    def _give_back(self, worker: "WorkerProcess", *, is_good: bool) -> None:
        with self._lock:
            if is_good and not self.is_closed:
                self._ready.put(worker)
                return
            self._workers.discard(worker)
        worker.end()
        self._start_requests.put(True)

    def _start_workers(self) -> None:
        """Start a worker for each request, until the sandbox is closed."""
        # Pretend that the first workers have had different numbers of inputs, so that they are not
        # all replaced at the same time.
        head_starts = iter([MAX_WORKS * place // self.size for place in range(self.size)])
        while self._start_requests.get() and not self.is_closed:
            try:
                worker = WorkerProcess(
                    self._job, self._arguments, self._limits, works=next(head_starts, 0)
                )
            except OSError:
                self._ready.put(_not_started())
                continue
            with self._lock:
                self._workers.add(worker)
            if worker.becomes_ready() and not self.is_closed:
                self._give_back(worker, is_good=True)
            else:
                worker.end()
                self._ready.put(_not_started())


class WorkerProcess:
    """
    One worker process, seen from the service; one thread at a time may use it.

    Attributes:
        works: Number of inputs so far.

        pages_at_start: Size of the address space, in pages, when the worker became ready.
    """

    def __init__(self, job: str, arguments: Any, limits: WorkLimits, *, works: int = 0) -> None:
        kept = {name: os.environ[name] for name in INHERITED_ENVIRONMENT if name in os.environ}
        module = [sys.executable, "-P", "-W", "ignore", "-m", "hashsvc.sandbox.worker"]
        told = [job, str(os.getpid()), json.dumps(arguments)]
        told += [str(limits.max_seconds), str(limits.max_memory_bytes)]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours.
            [*module, *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=kept | ENVIRONMENT | {"PYTHONPATH": str(_ROOT)},
            # Interrupts from a terminal go to the parent only, which then ends its workers.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe, False)
            # If the user has too many large pipes, this one stays at 64 kB, which is slower.
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self.works = works
        self.pages_at_start = 0
        self._statm = os.open(f"/proc/{self._process.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def becomes_ready(self) -> bool:
        """Wait until the worker is warm, and return whether it is."""
        try:
            self._read(1, time.monotonic() + _START_TIMEOUT_S)
            self.pages_at_start = self._pages_now()
        except OSError:
            return False
        return True

    def ask(self, data: bytes, limits: WorkLimits) -> tuple[bytes, bytes]:
        """Return the worker's answer; if this raises, the worker must be replaced."""
        deadline = time.monotonic() + limits.max_seconds
        self.works += 1
        try:
            self._send(data, deadline)
            return self._receive(limits, deadline)
        except TimeoutError as error:
            raise TooSlowError(f"The limit is {limits.max_seconds:g} seconds.") from error
        except OSError as error:
            raise CrashError("The worker died.") from error

    def is_alive(self) -> bool:
        """Return whether the process still runs; one that has just died may count as running."""
        return self._process.poll() is None

    def is_worn(self, limits: WorkLimits) -> bool:
        """
        Return whether to replace this worker: it has had many inputs, or its memory has grown.
        """
        try:
            grown = (self._pages_now() - self.pages_at_start) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return True
        return self.works >= MAX_WORKS or grown > limits.max_memory_bytes // 4

    def kill(self) -> None:
        """End the process immediately, whatever it is doing."""
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
        """Return the size of the address space in pages; the memory limit applies to this size."""
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

    def _receive(self, limits: WorkLimits, deadline: float) -> tuple[bytes, bytes]:
        """Return the header and the payload of an answer."""
        answer, size = bytearray(), 8
        while len(answer) < size:
            answer += self._read(_PIPE_BYTES, deadline)
            if size == 8 <= len(answer):
                header_size, payload_size = struct.unpack_from(">II", answer)
                if header_size > limits.max_header_bytes or payload_size > limits.max_payload_bytes:
                    raise invalid_answer()
                size += header_size + payload_size
        if len(answer) > size:
            raise invalid_answer()
        return bytes(answer[8 : 8 + header_size]), bytes(answer[8 + header_size :])

    def _read(self, max_bytes: int, deadline: float) -> bytes:
        _wait(self._answers, select.POLLIN, deadline)
        part = os.read(self._answers, max_bytes)
        if not part:
            raise BrokenPipeError
        return part


def _wait(pipe: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def invalid_answer() -> CrashError:
    """Return the error for an answer that is malformed or longer than its limit."""
    return CrashError("The worker gave an invalid answer.")


def _closed() -> SandboxError:
    return SandboxError("The sandbox is not open.")


def _not_started() -> SandboxError:
    return SandboxError("No worker of the sandbox can be started.")
