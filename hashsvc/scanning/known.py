"""Signs the same bytes once a day: what a site shows on every page is not decoded every time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from hashsvc.signals import (
    ImageCrashError,
    ImageError,
    ImageTooSlowError,
    Signature,
)

Sign = Callable[[bytes], list[Signature]]

_MOST_AGE_S = 24 * 3600
_MOST_BYTES = 64_000_000
_MOST_IMAGES = 20_000
# Another time the machine may be less busy, or the worker live.
_BY_CHANCE = (ImageTooSlowError, ImageCrashError)


@dataclass(frozen=True, slots=True)
class _Known:
    """What came of an image; it may still be in the making."""

    since: float
    answer: "Future[list[Signature] | ImageError]"


class KnownImages:
    """
    Signs images, and remembers the signatures by SHA-256; safe to share between threads.

    All is in memory, in this process, of bounded size, and forgotten after a day. Candidates are
    matched anew each time they are seen, for the bank may have grown.

    Args:
        sign: What signs an image that is not known.

        clock: Tells seconds; they only go forward.
    """

    def __init__(self, sign: Sign, clock: Callable[[], float] = time.monotonic) -> None:
        self._sign = sign
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many images are known."""
        return len(self._known)

    def sign_frames(self, data: bytes, sha256: bytes) -> list[Signature]:
        """
        Return a signature for each frame of an image, as the sandbox does.

        Args:
            sha256: Of the data.

        Raises:
            ImageError: If the image cannot be hashed; that is remembered too.

            SandboxError: If images cannot be signed at present.
        """
        mine = False
        with self._lock:
            known = self._get(sha256)
            if known is None:
                known, mine = _Known(self._clock(), Future()), True
                self._known[sha256] = known
        if mine:
            return self._make(sha256, known, data)
        # Of threads that have the same image at the same time one signs it, the others wait.
        answer = known.answer.result()
        if isinstance(answer, ImageError):
            raise _alone(answer)
        return answer

    def _make(self, digest: bytes, known: _Known, data: bytes) -> list[Signature]:
        try:
            frames = self._sign(data)
        except _BY_CHANCE as error:
            self._forget(digest, known)
            known.answer.set_result(_alone(error))
            raise
        except ImageError as error:
            self._keep(digest, known, _alone(error))
            raise
        except BaseException as error:
            self._forget(digest, known)
            known.answer.set_exception(error)
            raise
        self._keep(digest, known, frames)
        return frames

    def _get(self, digest: bytes) -> _Known | None:
        known = self._known.get(digest)
        if known is None:
            return None
        if self._clock() - known.since > _MOST_AGE_S:
            self._drop(digest)
            return None
        self._known.move_to_end(digest)
        return known

    def _keep(self, digest: bytes, known: _Known, answer: list[Signature] | ImageError) -> None:
        with self._lock:
            if self._known.get(digest) is known:
                self._bytes += _size(answer)
            known.answer.set_result(answer)
            while len(self._known) > _MOST_IMAGES or self._bytes > _MOST_BYTES:
                self._drop(next(iter(self._known)))

    def _forget(self, digest: bytes, known: _Known) -> None:
        with self._lock:
            if self._known.get(digest) is known:
                del self._known[digest]

    def _drop(self, digest: bytes) -> None:
        known = self._known.pop(digest)
        # What is still in the making is not counted yet, and will not be.
        if known.answer.done():
            self._bytes -= _size(known.answer.result())


def _alone(error: ImageError) -> ImageError:
    """Return the error without its traceback, which holds all that its callers have in hand."""
    return type(error)(str(error))


def _size(answer: list[Signature] | ImageError) -> int:
    if isinstance(answer, ImageError):
        return 0
    return sum(len(group.codes) for each in answer for group in each.groups)
