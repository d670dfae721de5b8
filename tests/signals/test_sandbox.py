"""Images are signed in processes that may be killed, starved or taken over without harm."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, astuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from hashsvc.settings import Settings
from hashsvc.signals import (
    BrokenImageError,
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    ImageTooSlowError,
    Limits,
    NotAnImageError,
    Sandbox,
    SandboxError,
    Signature,
    sandbox,
    sign_frames,
)
from tests.conftest import generated_photo, jpeg
from tests.signals.forged import bombs, png, saved, slow_bmp
from tests.signals.test_hostile import NO_IMAGES, damaged, run

ROOT = Path(__file__).parents[2]
PHOTO = jpeg(generated_photo(1))
FRAMES = [generated_photo(seed, (300, 200)) for seed in range(3)]
KINDS = {
    "photo": PHOTO,
    "animation": saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    # More than a pipe holds.
    "large": saved(generated_photo(1, (1000, 800)), "BMP"),
    "bordered": saved(Image.new("RGB", (400, 300), "white"), "PNG"),
    **{form: saved(FRAMES[0], form) for form in ("PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP")},
}
# Decoded in Python, which takes seconds.
SLOW = slow_bmp(4_000_000)
LIMITS = Limits(max_seconds=20)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as opened:
        yield opened


def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something to become so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers(opened: Sandbox) -> list[int]:
    """Return the ids of the processes, once they are ready."""
    until(lambda: opened.idle == opened.size)
    return [worker.pid for worker in opened.workers]


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; its parent need not have noticed."""
    try:
        return proc(pid, "stat").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def ticks(pids: list[int]) -> int:
    """Return the processor time that processes have taken, in hundredths of a second."""
    fields = [proc(pid, "stat").rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields)


@pytest.mark.parametrize("name", KINDS)
def test_the_answer_is_what_signing_here_gives(name: str, shared: Sandbox) -> None:
    assert shared.sign_frames(KINDS[name]) == sign_frames(KINDS[name])


HOSTILE = {
    **bombs(),
    "no-image": NO_IMAGES["html"],
    "empty": b"",
    "cut-off": PHOTO[: len(PHOTO) // 2],
    "damaged": saved(FRAMES[0], "WEBP")[:-100],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_error_is_what_signing_here_raises(name: str, shared: Sandbox) -> None:
    with pytest.raises(ImageError) as here:
        sign_frames(HOSTILE[name])
    with pytest.raises(ImageError) as there:
        shared.sign_frames(HOSTILE[name])
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


def test_threads_get_the_signatures_of_their_own_images(shared: Sandbox) -> None:
    images = [jpeg(generated_photo(seed, (200, 150))) for seed in range(8)]
    expected = [sign_frames(data) for data in images]
    assert len({frames[0] for frames in expected}) == 8
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shared.sign_frames, images * 4)) == expected * 4


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damaged())
def test_damaged_bytes_end_as_they_do_here(shared: Sandbox, data: bytes) -> None:
    there, here = outcome(shared.sign_frames, data), outcome(sign_frames, data)
    # What claims to be large finds too little memory there.
    assert there == here or (there, here) == (ImageTooLargeError, BrokenImageError)


def outcome(sign: Callable[[bytes], list[Signature]], data: bytes) -> object:
    try:
        return sign(data)
    except ImageError as error:
        return type(error)
    except Exception:  # noqa: BLE001 - what goes wrong after decoding is a crash there.
        assert sign is sign_frames
        return ImageCrashError


def test_a_worker_can_reach_little(shared: Sandbox) -> None:
    for pid in workers(shared):
        lines = proc(pid, "limits").splitlines()[1:]
        limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
        assert limits["Max file size"] == ["0", "0"]
        assert limits["Max core file size"] == ["0", "0"]
        assert limits["Max open files"] == ["4", "4"]
        size = int(proc(pid, "statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        assert int(limits["Max address space"][0]) <= size + LIMITS.max_memory_bytes
        assert "NoNewPrivs:\t1" in proc(pid, "status")
        open_files = [each.readlink().name for each in Path(f"/proc/{pid}/fd").iterdir()]
        assert sorted(each.split(":")[0] for each in open_files) == ["null"] * 2 + ["pipe"] * 2


def test_a_worker_has_no_network(shared: Sandbox) -> None:
    alone = subprocess.run(["unshare", "--user", "--net", "true"], check=False)
    if alone.returncode:
        pytest.skip("NOT TESTED: this kernel gives no process a network of its own.")
    for pid in workers(shared):
        devices = [line.split(":")[0].strip() for line in proc(pid, "net/dev").splitlines()[2:]]
        assert devices == ["lo"]
        assert Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_a_worker_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHSVC_KEY", "hsk_secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    with Sandbox(LIMITS) as opened:
        (pid,) = workers(opened)
        known = {each.split("=")[0] for each in proc(pid, "environ").split("\0") if each}
    assert known <= {"PYTHONPATH", *sandbox.INHERITED_ENVIRONMENT, *sandbox.ENVIRONMENT}


def test_a_worker_imports_only_its_room() -> None:
    names = run("import sys, hashsvc.signals.worker; print(*sys.modules)").split()
    rooms = {name.split(".")[1] for name in names if name.startswith("hashsvc.")}
    assert rooms == {"signals"}
    assert not {"sqlalchemy", "fastapi", "pydantic", "httpx2", "faiss"} & set(names)


WARM = """
import sys
from numba.core.dispatcher import Dispatcher
from hashsvc.signals import sign_frames, worker
from tests.conftest import generated_photo
from tests.signals.forged import saved

def compiled():
    room = [vars(module).items() for name, module in sys.modules.items()
            if name.startswith("hashsvc.signals.")]
    return {n: len(f.signatures) for each in room for n, f in each if isinstance(f, Dispatcher)}

worker.warm_up()
before = compiled()
for size in ((640, 480), (1, 1), (16, 16), (3000, 100), (1300, 1400)):
    for mode in ("RGB", "L", "P", "1"):
        sign_frames(saved(generated_photo(1, size).convert(mode), "PNG"))
assert compiled() == before, (before, compiled())
print(sum(before.values()))
"""


def test_a_warm_worker_has_nothing_left_to_compile() -> None:
    assert int(run(WARM)) > 8


def test_an_image_that_takes_too_much_memory_is_refused() -> None:
    limits = Limits(max_seconds=20, max_memory_bytes=100_000_000)
    large = png(8000, 8000, bytes(8001 * 8000), colour=0)
    with Sandbox(limits) as opened:
        (pid,) = workers(opened)
        before = int(proc(pid, "status").split("VmHWM:")[1].split()[0]) * 1024
        with pytest.raises(ImageTooLargeError, match="memory than the limit, 100000000 bytes"):
            opened.sign_frames(large)
        until(lambda: opened.idle == 1)
        if not is_gone(pid):
            after = int(proc(pid, "status").split("VmHWM:")[1].split()[0]) * 1024
            # The limit is on new address space; pages that were mapped before may fill up besides.
            assert after - before <= limits.max_memory_bytes + 16_000_000
        assert opened.sign_frames(PHOTO) == sign_frames(PHOTO)


def test_a_library_that_calls_it_damage_to_get_no_memory_is_not_believed() -> None:
    data = saved(Image.new("L", (4500, 4000), "grey"), "WEBP", lossless=True, method=0)
    with Sandbox(Limits(max_seconds=20, max_memory_bytes=100_000_000)) as opened:
        with pytest.raises(ImageTooLargeError, match="memory than the limit, 100000000 bytes"):
            opened.sign_frames(data)
        with pytest.raises(BrokenImageError, match="damaged"):
            opened.sign_frames(HOSTILE["damaged"])


def test_an_image_that_takes_too_long_is_given_up() -> None:
    with Sandbox(Limits(max_seconds=1)) as opened:
        (pid,) = workers(opened)
        with pytest.raises(ImageTooSlowError, match="limit is 1 seconds"):
            opened.sign_frames(SLOW)
        assert is_gone(pid)
        assert opened.sign_frames(KINDS["PNG"]) == sign_frames(KINDS["PNG"])
        assert workers(opened) != [pid]


def test_a_worker_that_does_not_even_listen_is_given_up() -> None:
    with Sandbox(Limits(max_seconds=1)) as opened:
        (pid,) = workers(opened)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ImageTooSlowError):
            opened.sign_frames(PHOTO + bytes(1_000_000))
        assert is_gone(pid)


def test_a_worker_killed_at_work_is_a_crash_and_replaced(shared: Sandbox) -> None:
    pids = workers(shared)
    with ThreadPoolExecutor(2) as pool:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        at_work = [pool.submit(shared.sign_frames, PHOTO) for _ in pids]
        until(lambda: shared.idle == 0)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for each in at_work:
            with pytest.raises(ImageCrashError, match="died"):
                each.result()
    assert shared.sign_frames(PHOTO) == sign_frames(PHOTO)
    assert not set(workers(shared)) & set(pids)


def test_a_worker_killed_at_rest_costs_no_image(shared: Sandbox) -> None:
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
        monkeypatch.setattr(sandbox, "MAX_IMAGES", 2)
        opened.sign_frames(PHOTO)
        second = workers(opened)
        assert second != first
        (worker,) = opened.workers
        worker.pages_at_start -= LIMITS.max_memory_bytes // 4 // os.sysconf("SC_PAGE_SIZE") + 1000
        opened.sign_frames(PHOTO)
        assert workers(opened) != second


def test_workers_that_start_together_are_not_worn_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One is waited for before the next is started: minutes, where kernels are yet to be compiled.
    monkeypatch.setattr(sandbox.WorkerProcess, "becomes_ready", lambda _worker: True)
    with Sandbox(LIMITS, workers=3) as opened:
        until(lambda: len(opened.workers) == 3)
        ages = sorted(each.signed for each in opened.workers)
    assert ages == [0, sandbox.MAX_IMAGES // 3, 2 * sandbox.MAX_IMAGES // 3]


def test_whoever_waits_goes_on_when_a_worker_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    may_be_ready = threading.Event()
    becomes_ready = sandbox.WorkerProcess.becomes_ready

    def becomes_ready_when_it_may(worker: sandbox.WorkerProcess) -> bool:
        return may_be_ready.wait(60) and becomes_ready(worker)

    monkeypatch.setattr(sandbox.WorkerProcess, "becomes_ready", becomes_ready_when_it_may)
    with Sandbox(LIMITS) as opened, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(opened.wait)
        with pytest.raises(TimeoutError):
            waits.result(timeout=0.2)
        may_be_ready.set()
        waits.result(timeout=60)
        assert len(workers(opened)) == 1
        # It was only waited for: an image has it at once.
        opened.sign_frames(PHOTO)
    with pytest.raises(SandboxError):
        opened.wait()


def test_a_closed_sandbox_leaves_no_process_and_signs_nothing() -> None:
    threads = threading.active_count()
    opened = Sandbox(LIMITS)
    with pytest.raises(SandboxError, match="not open"):
        opened.sign_frames(PHOTO)
    with opened:
        (pid,) = workers(opened)
        os.kill(pid, signal.SIGSTOP)
        with ThreadPoolExecutor(3) as pool:
            # One is at work, two wait for a worker.
            calls = [pool.submit(opened.sign_frames, PHOTO) for _ in range(3)]
            until(lambda: opened.idle == 0)
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
    while opened.idle < 2:
        time.sleep(0.01)
    threading.Thread(target=opened.sign_frames, args=[slow_bmp(20_000_000)], daemon=True).start()
    while opened.idle == 2:
        time.sleep(0.01)
    print(*(worker.pid for worker in opened.workers), flush=True)
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
    limits = [json.dumps(each) for each in astuple(Limits(max_seconds=0.2))]
    module = [sys.executable, "-m", "hashsvc.signals.worker"]

    def started(parent: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*module, str(parent), *limits], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    # Its parent is another than it was told; there is no more to do; nobody ends its work.
    with (
        started(os.getppid()) as orphan,
        started(os.getpid()) as idle,
        started(os.getpid()) as busy,
    ):
        assert orphan.wait(20) == 1
        # Half an image is none.
        assert idle.communicate((9).to_bytes(4) + b"half", timeout=20) == (b"!", None)
        assert idle.returncode == 0
        with suppress(BrokenPipeError):
            busy.communicate(len(SLOW).to_bytes(4) + SLOW, timeout=20)
        assert busy.returncode == -signal.SIGALRM


def test_a_worker_stays_when_the_thread_that_used_it_ends() -> None:
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


def impostor(tmp_path: Path, script: str) -> str:
    """Return a program that is started instead of Python."""
    program = tmp_path / "impostor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return str(program)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff" * 8,
        struct.pack(">II", 4, 0) + b"null",
        struct.pack(">II", 2, 400_000_000) + b"{}",
        struct.pack(">II", 3, 0) + b"\xff\xfe\0",
        # An error as it should be, and one byte more.
        struct.pack(">II", 43, 0) + b'{"error":"NotAnImageError","message":"It."}.',
    ],
)
def test_a_worker_that_answers_nonsense_is_a_crash(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in answer)
    program = impostor(tmp_path, f"printf '!{octal}'; exec cat > /dev/null")
    monkeypatch.setattr(sys, "executable", program)
    with Sandbox(LIMITS) as opened:
        pids = workers(opened)
        with pytest.raises(ImageCrashError, match="invalid answer"):
            opened.sign_frames(PHOTO)
        assert workers(opened) != pids


def test_without_workers_there_is_an_error_at_each_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sys.executable
    monkeypatch.setattr(sys, "executable", impostor(tmp_path, "exit 1"))
    with Sandbox(LIMITS) as opened:
        with pytest.raises(SandboxError, match="No worker"):
            opened.sign_frames(PHOTO)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        for _ in range(2):
            with pytest.raises(SandboxError, match="No worker"):
                opened.sign_frames(PHOTO)
        monkeypatch.setattr(sys, "executable", real)
        # One more may have failed to start by now.
        with suppress(SandboxError):
            opened.sign_frames(PHOTO)
        assert opened.sign_frames(PHOTO) == sign_frames(PHOTO)


def test_it_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="Linux"):
        Sandbox()


def test_too_many_bytes_are_not_even_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageTooLargeError, match="limit is 10"):
        Sandbox(Limits(max_bytes=10)).sign_frames(bytes(11))


@pytest.mark.parametrize("data", [b"", b"<!doctype html>", b"\xff\xd8", b"sekrit"])
def test_what_begins_like_no_image_waits_for_no_worker(data: bytes) -> None:
    with pytest.raises(NotAnImageError, match="Supported formats: JPEG"):
        Sandbox().sign_frames(data)
    # A page to a browser, and a container of images all the same: what it is a worker tells.
    with pytest.raises(SandboxError, match="not open"):
        Sandbox().sign_frames(b"<!--ftypavif")


def test_settings_and_sandbox_have_the_same_limits() -> None:
    for name, value in asdict(Limits()).items():
        assert Settings.model_fields[f"image_{name}"].default == value


def test_the_errors_of_a_sandbox_are_told_apart() -> None:
    assert issubclass(ImageTooSlowError, ImageError)
    assert issubclass(ImageCrashError, ImageError)
    assert not issubclass(SandboxError, ImageError)
    assert not issubclass(ImageCrashError, BrokenImageError)
