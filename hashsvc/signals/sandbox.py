"""Signs untrusted images in worker processes that have limits on time and memory, and may die."""

from dataclasses import astuple
from typing import Self

from hashsvc.sandbox import CrashError, TooSlowError, WorkerPool, WorkLimits
from hashsvc.signals.answers import max_sizes, read_answer
from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import (
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    ImageTooSlowError,
)
from hashsvc.signals.headers import begins_like_image
from hashsvc.signals.kinds import refusal
from hashsvc.signals.types import SignedFrames
from hashsvc.signals.video import is_film

JOB = "hashsvc.signals.signing_job"


class Sandbox:
    """
    A pool of worker processes that sign images; threads may share one sandbox.

        with Sandbox(limits, workers=2) as sandbox:
            signatures = sandbox.sign_frames(data)

    Args:
        limits: Limits for each image.

        workers: Number of images signed at once; others wait.

    Raises:
        SandboxError: If the system is not Linux, whose resource limits are needed.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int = 1) -> None:
        self._limits = limits or Limits()
        max_header, max_codes = max_sizes(self._limits)
        work_limits = WorkLimits(
            self._limits.max_seconds, self._limits.max_memory_bytes, max_header, max_codes
        )
        self.pool = WorkerPool(JOB, astuple(self._limits), limits=work_limits, workers=workers)
        """The worker processes."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def open(self) -> None:
        """Begin to start the workers. An image waits until a worker is ready."""
        self.pool.open()

    def close(self) -> None:
        """End all workers. Calls that wait or are being served raise SandboxError."""
        self.pool.close()

    def wait(self) -> None:
        """
        Return once a worker is ready.

        Raises:
            SandboxError: If no worker can be started, or the sandbox is not open.
        """
        self.pool.wait()

    def sign_frames(self, data: bytes) -> SignedFrames:
        """
        Return a signature for each picture of an image, as the function `sign_frames` does.

        Raises:
            ImageTooSlowError: If signing takes too long.

            ImageCrashError: If the worker dies, or gives an invalid answer.

            ImageError: If the image cannot be hashed; the subclass says why.

            SandboxError: If no worker can be started, or the sandbox is not open.
        """
        if len(data) > self._limits.max_bytes:
            raise ImageTooLargeError(
                f"The image has {len(data)} bytes; the limit is {self._limits.max_bytes}."
            )
        if not begins_like_image(data) and not is_film(data):
            # Don't wait for a worker only to learn that the bytes are a web page.
            raise refusal(data)
        try:
            answer = self.pool.ask(data, self._read)
        except TooSlowError as error:
            raise ImageTooSlowError(
                "The image takes too long to sign; "
                f"the limit is {self._limits.max_seconds:g} seconds."
            ) from error
        except CrashError as error:
            raise ImageCrashError(f"The image could not be signed. {error}") from error
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def _read(self, header: bytes, codes: bytes) -> SignedFrames | ImageError:
        return read_answer(header, codes, self._limits)
