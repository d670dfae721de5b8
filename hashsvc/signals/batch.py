"""Signs many images on all cores."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import ImageError
from hashsvc.signals.profiles import Profile
from hashsvc.signals.signature import sign_image
from hashsvc.signals.types import Signature

Signed = TypeVar("Signed")

_READ_AHEAD = 2
"""Images in memory per thread: the one being signed, and the next."""


def sign_images(
    datas: Iterable[bytes],
    *,
    limits: Limits | None = None,
    exact: bool = False,
    also: Sequence[Profile] = (),
    workers: int | None = None,
) -> Generator[Signature | ImageError, None, None]:
    """
    Yield, for each image in order, its signature or the ImageError that `sign_image` raises.

    Decoding and compiled code release the interpreter lock, so threads run in parallel.

    Args:
        datas: Bytes of the files. An iterator is read only a little ahead of the results: at most
            two images for each thread.

        limits: Limits for each image.

        exact: As in `sign_image`.

        also: As in `sign_image`.

        workers: Number of images to sign at once; by default the number of cores.
    """
    one = partial(sign_image, limits=limits, exact=exact, also=also)
    yield from sign_each(datas, one, workers=workers)


def sign_each(
    datas: Iterable[bytes], sign: Callable[[bytes], Signed], *, workers: int | None = None
) -> Generator[Signed | ImageError, None, None]:
    """
    Yield, for each image in order, what `sign` returns or the ImageError that it raises.

    Args:
        datas: As in `sign_images`.

        sign: Signs one image, as `sign_image` and `sign_frames` do.

        workers: As in `sign_images`.
    """
    workers = workers or _cores()

    def signed(data: bytes) -> Signed | ImageError:
        try:
            return sign(data)
        except ImageError as error:
            return error

    pool = ThreadPoolExecutor(workers, thread_name_prefix="sign")
    waiting: deque[Future[Signed | ImageError]] = deque()
    try:
        for data in datas:
            waiting.append(pool.submit(signed, data))
            if len(waiting) >= _READ_AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
