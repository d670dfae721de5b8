"""A sandbox keeps its workers: they are replaced when they die or are old, and end with it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple

import pytest

from hashsvc.sandbox import SandboxError
from hashsvc.sandbox import pool as worker_pool
from hashsvc.signals import (
    ImageCrashError,
    ImageTooSlowError,
    Limits,
    Sandbox,
    sign_frames,
)
from tests.conftest import generated_photo, jpeg
from tests.sandbox.processes import is_gone, ticks, until, workers
from tests.signals.forged import slow_bmp
from tests.signals.interpreters import ROOT

PHOTO = jpeg(generated_photo(1))
# This is decoded in Python, which takes seconds.
SLOW = slow_bmp(4_000_000)
LIMITS = Limits(max_seconds=20)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as opened:
        yield opened


def test_a_worker_that_does_not_read_is_ended() -> None:
    with Sandbox(Limits(max_seconds=1)) as opened:
        (pid,) = workers(opened)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ImageTooSlowError):
            opened.sign_frames(PHOTO + bytes(1_000_000))
        assert is_gone(pid)


def test_a_worker_killed_while_signing_is_a_crash_and_is_replaced(shared: Sandbox) -> None:
    pids = workers(shared)
    with ThreadPoolExecutor(2) as pool:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        at_work = [pool.submit(shared.sign_frames, PHOTO) for _ in pids]
        until(lambda: shared.pool.idle == 0)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for each in at_work:
            with pytest.raises(ImageCrashError, match="died"):
                each.result()
    assert shared.sign_frames(PHOTO) == sign_frames(PHOTO)
    assert not set(workers(shared)) & set(pids)


def test_a_worker_killed_while_idle_costs_no_image(shared: Sandbox) -> None:
    pids = workers(shared)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(is_gone(pid) for pid in pids))
    assert shared.sign_frames(PHOTO) == sign_frames(PHOTO)


def test_a_worker_is_replaced_when_it_is_old_or_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(LIMITS) as opened:
        first = workers(opened)
        opened.sign_frames(PHOTO)
        assert workers(opened) == first
        monkeypatch.setattr(worker_pool, "MAX_WORKS", 2)
        opened.sign_frames(PHOTO)
        second = workers(opened)
        assert second != first
        (worker,) = opened.pool.workers
        worker.pages_at_start -= LIMITS.max_memory_bytes // 4 // os.sysconf("SC_PAGE_SIZE") + 1000
        opened.sign_frames(PHOTO)
        assert workers(opened) != second


def test_workers_that_start_together_are_not_replaced_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Don't wait until a worker is ready before the next one starts: compiling may take minutes.
    monkeypatch.setattr(worker_pool.WorkerProcess, "becomes_ready", lambda _worker: True)
    with Sandbox(LIMITS, workers=3) as opened:
        until(lambda: len(opened.pool.workers) == 3)
        ages = sorted(each.works for each in opened.pool.workers)
    assert ages == [0, worker_pool.MAX_WORKS // 3, 2 * worker_pool.MAX_WORKS // 3]


def test_wait_returns_when_a_worker_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    may_be_ready = threading.Event()
    becomes_ready = worker_pool.WorkerProcess.becomes_ready

    def becomes_ready_when_it_may(worker: worker_pool.WorkerProcess) -> bool:
        return may_be_ready.wait(60) and becomes_ready(worker)

    monkeypatch.setattr(worker_pool.WorkerProcess, "becomes_ready", becomes_ready_when_it_may)
    with Sandbox(LIMITS) as opened, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(opened.wait)
        with pytest.raises(TimeoutError):
            waits.result(timeout=0.2)
        may_be_ready.set()
        waits.result(timeout=60)
        assert len(workers(opened)) == 1
        # The worker is still free, so an image gets it at once.
        opened.sign_frames(PHOTO)
    with pytest.raises(SandboxError):
        opened.wait()


def test_a_closed_sandbox_leaves_no_process_and_refuses_images() -> None:
    threads = threading.active_count()
    opened = Sandbox(LIMITS)
    with pytest.raises(SandboxError, match="not open"):
        opened.sign_frames(PHOTO)
    with opened:
        (pid,) = workers(opened)
        os.kill(pid, signal.SIGSTOP)
        with ThreadPoolExecutor(3) as pool:
            # One call is being served; two wait for a worker.
            calls = [pool.submit(opened.sign_frames, PHOTO) for _ in range(3)]
            until(lambda: opened.pool.idle == 0)
            opened.close()
            for each in calls:
                with pytest.raises(SandboxError, match="not open"):
                    each.result()
    assert is_gone(pid)
    with pytest.raises(SandboxError, match="not open"):
        opened.sign_frames(PHOTO)
    until(lambda: threading.active_count() <= threads)


PARENT = """
import sys, threading, time
from hashsvc.signals import Limits, Sandbox
from tests.signals.forged import slow_bmp
with Sandbox(Limits(max_seconds=60), workers=2) as opened:
    while opened.pool.idle < 2:
        time.sleep(0.01)
    threading.Thread(target=opened.sign_frames, args=[slow_bmp(20_000_000)], daemon=True).start()
    while opened.pool.idle == 2:
        time.sleep(0.01)
    print(*(worker.pid for worker in opened.pool.workers), flush=True)
    sys.stdin.read()
"""


def test_a_killed_parent_leaves_no_worker_behind() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(is_gone(pid) for pid in pids)
        before = ticks(pids)
        until(lambda: ticks(pids) > before + 30)
        parent.kill()
    until(lambda: all(is_gone(pid) for pid in pids), 5)


def test_a_worker_ends_by_itself() -> None:
    limits = Limits(max_seconds=0.2)
    module = [sys.executable, "-m", "hashsvc.sandbox.worker", "hashsvc.signals.signing_job"]
    told = [json.dumps(astuple(limits)), str(limits.max_seconds), str(limits.max_memory_bytes)]

    def started(parent: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*module, str(parent), *told], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    # The first worker does not have the parent that it expects. The second gets no more input. The
    # third stops itself when its time is up.
    with (
        started(os.getppid()) as orphan,
        started(os.getpid()) as idle,
        started(os.getpid()) as busy,
    ):
        assert orphan.wait(20) == 1
        # The worker ignores an incomplete image.
        answer, _ = idle.communicate((9).to_bytes(4) + b"half", timeout=20)
        assert answer == b"!"
        assert idle.returncode == 0
        with suppress(BrokenPipeError):
            busy.communicate(len(SLOW).to_bytes(4) + SLOW, timeout=20)
        assert busy.returncode == -signal.SIGALRM


def test_a_worker_outlives_the_thread_that_used_it() -> None:
    with Sandbox(LIMITS) as opened:
        (first,) = workers(opened)
        os.kill(first, signal.SIGKILL)
        until(lambda: is_gone(first))
        thread = threading.Thread(target=opened.sign_frames, args=[PHOTO])
        thread.start()
        thread.join()
        pids = workers(opened)
        assert opened.sign_frames(PHOTO) == sign_frames(PHOTO)
        assert workers(opened) == pids
