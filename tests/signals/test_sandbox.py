"""Images are signed in processes that may safely crash, run out of memory or be taken over."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from hashsvc.sandbox import SandboxError
from hashsvc.sandbox import pool as worker_pool
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
    Signature,
    sign_frames,
)
from tests.conftest import generated_photo, jpeg
from tests.sandbox.processes import is_gone, proc, until, workers
from tests.signals.damage import NO_IMAGES, damaged
from tests.signals.forged import bombs, png, saved, slow_bmp
from tests.signals.interpreters import run
from tests.signals.kinds import UNSUPPORTED


def cut_off(image: Image.Image, form: str) -> bytes:
    data = saved(image, form)
    return data[: len(data) * 2 // 3]


PHOTO = jpeg(generated_photo(1))
FRAMES = [generated_photo(seed, (300, 200)) for seed in range(3)]
KINDS = {
    "photo": PHOTO,
    "animation": saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    # This file is larger than the buffer of a pipe.
    "large": saved(generated_photo(1, (1000, 800)), "BMP"),
    "bordered": saved(Image.new("RGB", (400, 300), "white"), "PNG"),
    **{form: saved(FRAMES[0], form) for form in ("PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP")},
    **{f"cut-{form}": cut_off(FRAMES[0], form) for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP")},
}
# This is decoded in Python, which takes seconds.
SLOW = slow_bmp(4_000_000)
LIMITS = Limits(max_seconds=20)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as opened:
        yield opened


@pytest.mark.parametrize("name", KINDS)
def test_the_sandbox_signs_like_this_process(name: str, shared: Sandbox) -> None:
    assert shared.sign_frames(KINDS[name]) == sign_frames(KINDS[name])


HOSTILE = {
    **bombs(),
    "no-image": NO_IMAGES["html"],
    "empty": b"",
    "cut-off": PHOTO[:700],
    "damaged": saved(FRAMES[0], "AVIF")[:-100],
    "other-kind": UNSUPPORTED["JPEG XL"],
    "other-variant": UNSUPPORTED["JPEG of 12 bits"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_sandbox_raises_the_same_error_as_this_process(name: str, shared: Sandbox) -> None:
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
def test_damaged_bytes_give_the_same_outcome_as_in_this_process(
    shared: Sandbox, data: bytes
) -> None:
    there, here = outcome(shared.sign_frames, data), outcome(sign_frames, data)
    # An image that claims to be large finds too little memory in the sandbox.
    assert there == here or (there, here) == (ImageTooLargeError, BrokenImageError)


def outcome(sign: Callable[[bytes], list[Signature]], data: bytes) -> object:
    try:
        return sign(data)
    except ImageError as error:
        return type(error)
    except Exception:  # noqa: BLE001 - any other error is a crash in the sandbox.
        assert sign is sign_frames
        return ImageCrashError


def test_a_worker_has_few_rights(shared: Sandbox) -> None:
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
    assert known <= {"PYTHONPATH", *worker_pool.INHERITED_ENVIRONMENT, *worker_pool.ENVIRONMENT}


def test_a_worker_imports_only_its_packages() -> None:
    names = run(
        "import sys, hashsvc.sandbox.worker, hashsvc.signals.signing_job; print(*sys.modules)"
    ).split()
    rooms = {name.split(".")[1] for name in names if name.startswith("hashsvc.")}
    assert rooms == {"sandbox", "signals", "lazy"}
    assert not {"sqlalchemy", "fastapi", "pydantic", "httpx2", "faiss"} & set(names)


WARM = """
import sys
from numba.core.dispatcher import Dispatcher
from hashsvc.signals import sign_frames, signing_job
from tests.conftest import generated_photo
from tests.signals.forged import saved

def compiled():
    room = [vars(module).items() for name, module in sys.modules.items()
            if name.startswith("hashsvc.signals.")]
    return {n: len(f.signatures) for each in room for n, f in each if isinstance(f, Dispatcher)}

signing_job.warm_up()
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
    large = png(12_000, 12_000, bytes(12_001 * 12_000), colour=0)
    with Sandbox(limits) as opened:
        (pid,) = workers(opened)
        before = int(proc(pid, "status").split("VmHWM:")[1].split()[0]) * 1024
        with pytest.raises(ImageTooLargeError, match="memory than the limit, 100000000 bytes"):
            opened.sign_frames(large)
        until(lambda: opened.pool.idle == 1)
        if not is_gone(pid):
            after = int(proc(pid, "status").split("VmHWM:")[1].split()[0]) * 1024
            # The limit is on new address space; pages that were mapped before may still fill up.
            assert after - before <= limits.max_memory_bytes + 16_000_000
        assert opened.sign_frames(PHOTO) == sign_frames(PHOTO)


def test_damage_reported_for_lack_of_memory_is_reported_as_too_large() -> None:
    data = saved(Image.new("L", (4500, 4000), "grey"), "WEBP", lossless=True, method=0)
    with Sandbox(Limits(max_seconds=20, max_memory_bytes=100_000_000)) as opened:
        with pytest.raises(ImageTooLargeError, match="memory than the limit, 100000000 bytes"):
            opened.sign_frames(data)
        with pytest.raises(BrokenImageError, match="damaged"):
            opened.sign_frames(HOSTILE["damaged"])


def test_signing_stops_at_the_time_limit() -> None:
    with Sandbox(Limits(max_seconds=1)) as opened:
        (pid,) = workers(opened)
        with pytest.raises(ImageTooSlowError, match="limit is 1 seconds"):
            opened.sign_frames(SLOW)
        assert is_gone(pid)
        assert opened.sign_frames(KINDS["PNG"]) == sign_frames(KINDS["PNG"])
        assert workers(opened) != [pid]


def impostor(tmp_path: Path, script: str) -> str:
    """Return the path of a program that is started instead of Python."""
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
        # A valid error, followed by one byte too many.
        struct.pack(">II", 43, 0) + b'{"error":"NotAnImageError","message":"It."}.',
    ],
)
def test_an_invalid_answer_counts_as_a_crash(
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


def test_without_workers_every_image_raises_an_error(
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
        # One more start may have failed by now.
        with suppress(SandboxError):
            opened.sign_frames(PHOTO)
        assert opened.sign_frames(PHOTO) == sign_frames(PHOTO)


def test_it_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="Linux"):
        Sandbox()


def test_an_image_over_the_size_limit_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageTooLargeError, match="limit is 10"):
        Sandbox(Limits(max_bytes=10)).sign_frames(bytes(11))


@pytest.mark.parametrize("data", [b"", b"<!doctype html>", b"\xff\xd8", b"sekrit"])
def test_bytes_that_do_not_begin_like_an_image_wait_for_no_worker(data: bytes) -> None:
    with pytest.raises(NotAnImageError, match="Supported formats: JPEG"):
        Sandbox().sign_frames(data)
    # A browser shows this as a page, but it may hold an image, so a worker must decide.
    with pytest.raises(SandboxError, match="not open"):
        Sandbox().sign_frames(b"<!--ftypavif")


def test_settings_and_sandbox_have_the_same_limits() -> None:
    for name, value in asdict(Limits()).items():
        assert Settings.model_fields[f"image_{name}"].default == value


def test_the_errors_of_a_sandbox_are_distinct() -> None:
    assert issubclass(ImageTooSlowError, ImageError)
    assert issubclass(ImageCrashError, ImageError)
    assert not issubclass(SandboxError, ImageError)
    assert not issubclass(ImageCrashError, BrokenImageError)
