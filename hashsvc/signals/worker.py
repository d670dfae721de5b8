"""
A sandbox worker: signs the images that arrive through a pipe, with as few rights as possible.

    python -m hashsvc.signals.worker PARENT LIMITS…

`hashsvc.signals.sandbox` starts it and describes what goes through the pipes.
"""

import ctypes
import gc
import io
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from hashsvc.signals import video
from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import ImageCrashError, ImageError, ImageTooLargeError
from hashsvc.signals.signature import grouped_frames

# sched.h, prctl.h.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_WARM_UP_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


def main() -> None:
    """Sign images until the pipe is closed."""
    parent_pid, *values = sys.argv[1:]
    limits = Limits(*map(json.loads, values))
    _bind_to(int(parent_pid))
    requests, answers = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    warm_up()
    # Objects that exist now stay for good, so exclude them from garbage collection after each
    # image.
    gc.freeze()
    _confine(limits, answers)
    os.write(answers, b"!")
    while len(length := requests.read(4)) == 4:
        data = requests.read(int.from_bytes(length))
        if len(data) < int.from_bytes(length):
            break
        # The parent kills a worker that is too slow. If the parent is gone, this timer does.
        signal.setitimer(signal.ITIMER_REAL, limits.max_seconds + 1)
        answer = memoryview(_answer(data, limits))
        while answer:
            answer = answer[os.write(answers, answer) :]
        signal.setitimer(signal.ITIMER_REAL, 0)


def warm_up() -> None:
    """Run all code once, because later nothing can be compiled or read from files."""
    noise = np.random.default_rng(1).integers(0, 256, (20, 60, 3), dtype=np.uint8)
    # Long enough to be reduced for regions; with a border, so that it is trimmed.
    picture = Image.fromarray(noise).resize((1100, 200), Image.Resampling.BICUBIC)
    picture.paste("white", (0, 0, 1100, 20))
    for each in (picture, picture.convert("L")):
        grouped_frames(_saved(each, "PNG"), Limits())
    for format_name in _WARM_UP_FORMATS:
        grouped_frames(_saved(picture.resize((40, 20)), format_name), Limits())
    video.warm_up()


def _saved(picture: Image.Image, format_name: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_name)
    return file.getvalue()


def _bind_to(parent_pid: int) -> None:
    """
    Leave the network, if the kernel allows it, and make the kernel kill this process with its
    parent.
    """
    libc = ctypes.CDLL(None)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After `unshare`, which resets this setting.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(1)


def _confine(limits: Limits, answers: int) -> None:
    """Give up the right to more memory, to open files and to write files."""
    nothing = os.open(os.devnull, os.O_RDWR)
    # Discard what libraries print: it is not an answer, and must not reach a log.
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for resource_id, wanted in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + limits.max_memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, answers + 1),
    ):
        _, hard = resource.getrlimit(resource_id)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource_id, (limit, limit))


def _answer(data: bytes, limits: Limits) -> bytes:
    try:
        frames = grouped_frames(data, limits)
    except (ImageError, MemoryError) as error:
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            error = ImageTooLargeError(
                f"The image needs more memory than the limit, {limits.max_memory_bytes} bytes."
            )
        return _message({"error": type(error).__name__, "message": str(error)}, b"")
    except Exception:  # noqa: BLE001 - the worker goes on with the next image.
        name = ImageCrashError.__name__
        return _message({"error": name, "message": "The image could not be signed."}, b"")
    described = [
        {"quality": quality, "groups": [[each.algorithm, each.view, len(each)] for each in groups]}
        for quality, groups in frames
    ]
    codes = b"".join(group.codes for _, groups in frames for group in groups)
    return _message({"frames": described}, codes)


def _message(content: object, codes: bytes) -> bytes:
    header = json.dumps(content).encode("ascii")
    return struct.pack(">II", len(header), len(codes)) + header + codes


if __name__ == "__main__":
    main()
