"""Remembers signatures for a day, so that an image on every page of a site is decoded once."""

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
    SignedFrames,
)

Sign = Callable[[bytes], SignedFrames]

_MOST_AGE_S = 24 * 3600
# These errors are not remembered: the next attempt may meet a less busy machine, or a decoder that
# does not crash.
_TRANSIENT = (ImageTooSlowError, ImageCrashError)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The result for an image, which may still be on its way."""

    since: float
    answer: "Future[SignedFrames | ImageError]"


class KnownImages:
    """
    Signs images, and remembers the signatures by SHA-256; safe to share between threads.

    Signatures are kept in the memory of this process only, within a size limit, for a day. Matches
    are not remembered: a candidate is matched again each time, because the bank may have grown.

    Args:
        sign: Signs an image that is not remembered.

        clock: Returns seconds, and never goes back.

        most_images: Most images that are remembered.

        most_bytes: Most bytes of codes that are remembered.
    """

    def __init__(
        self,
        sign: Sign,
        clock: Callable[[], float] = time.monotonic,
        *,
        most_images: int = 20_000,
        most_bytes: int = 64_000_000,
    ) -> None:
        self._sign = sign
        self._most_images = most_images
        self._most_bytes = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many images are remembered."""
        return len(self._entries)

    def sign_frames(self, data: bytes, sha256: bytes) -> SignedFrames:
        """
        Return a signature for each picture of an image, as the sandbox does.

        Args:
            data: The bytes of the image.

            sha256: SHA-256 of `data`.

        Raises:
            ImageError: If the image cannot be signed; this is remembered too.

            SandboxError: If no image can be signed at present.
        """
        is_new = False
        with self._lock:
            entry = self._get(sha256)
            if entry is None:
                entry, is_new = _Entry(self._clock(), Future()), True
                self._entries[sha256] = entry
        if is_new:
            return self._sign_new(sha256, entry, data)
        # If several threads have the same image, one signs it and the others wait for the result.
        answer = entry.answer.result()
        if isinstance(answer, ImageError):
            raise _without_traceback(answer)
        return answer

    def _sign_new(self, digest: bytes, entry: _Entry, data: bytes) -> SignedFrames:
        try:
            frames = self._sign(data)
        except _TRANSIENT as error:
            self._forget(digest, entry)
            entry.answer.set_result(_without_traceback(error))
            raise
        except ImageError as error:
            self._keep(digest, entry, _without_traceback(error))
            raise
        except BaseException as error:
            self._forget(digest, entry)
            entry.answer.set_exception(error)
            raise
        self._keep(digest, entry, frames)
        return frames

    def _get(self, digest: bytes) -> _Entry | None:
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if self._clock() - entry.since > _MOST_AGE_S:
            self._drop(digest)
            return None
        self._entries.move_to_end(digest)
        return entry

    def _keep(self, digest: bytes, entry: _Entry, answer: SignedFrames | ImageError) -> None:
        with self._lock:
            if self._entries.get(digest) is entry:
                self._bytes += _size(answer)
            entry.answer.set_result(answer)
            while len(self._entries) > self._most_images or self._bytes > self._most_bytes:
                self._drop(next(iter(self._entries)))

    def _forget(self, digest: bytes, entry: _Entry) -> None:
        with self._lock:
            if self._entries.get(digest) is entry:
                del self._entries[digest]

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest)
        # An entry without a result was not counted yet, and _keep will not count it any more.
        if entry.answer.done():
            self._bytes -= _size(entry.answer.result())


def _without_traceback(error: ImageError) -> ImageError:
    """Return a copy of the error whose traceback does not keep the callers' data in memory."""
    return type(error)(str(error))


def _size(answer: SignedFrames | ImageError) -> int:
    if isinstance(answer, ImageError):
        return 0
    return sum(len(group.codes) for each in answer for group in each.groups)
