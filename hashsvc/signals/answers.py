"""
Reads what a worker of the sandbox answers, and believes none of it.

An image may have taken the worker over. So an answer is checked field by field, and whatever is
wrong with it counts as a crash of the worker.
"""

import io
import json

from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import (
    BrokenImageError,
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    NotAnImageError,
)
from hashsvc.signals.profiles import PROFILES
from hashsvc.signals.types import SignalGroup, Signature, View

_ERRORS = {
    each.__name__: each
    for each in (NotAnImageError, ImageTooLargeError, BrokenImageError, ImageCrashError)
}

# An answer of 8 frames has about 4 kB of JSON. 800 blobs have at most 3200 region codes.
_MOST_JSON = 2000
_MOST_SIGNALS = 5000
_MOST_BITS = max(profile.bits for profile in PROFILES.values())
_MOST_MESSAGE = 200

_VIEWS = {view.value: view for view in View}


def check_sizes(header: int, codes: int, limits: Limits) -> None:
    """
    Check how many bytes are to come.

    Raises:
        ImageCrashError: If no answer has so many.
    """
    most_codes = limits.max_frames * _MOST_SIGNALS * _MOST_BITS // 8
    if header > limits.max_frames * _MOST_JSON or codes > most_codes:
        raise nonsense()


def read_answer(header: bytes, codes: bytes, limits: Limits) -> list[Signature] | ImageError:
    """
    Return what a worker has answered.

    Raises:
        ImageCrashError: If anything about it is not as it must be.
    """
    try:
        told = json.loads(header.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise nonsense() from error
    match told:
        case {"error": str(name), "message": str(text)}:
            if name in _ERRORS and len(text) <= _MOST_MESSAGE and text.isprintable():
                return _ERRORS[name](text)
        case {"frames": [*frames]} if 1 <= len(frames) <= limits.max_frames:
            packed = io.BytesIO(codes)
            signatures = [_signature(frame, packed) for frame in frames]
            if packed.tell() == len(codes):
                return signatures
    raise nonsense()


def _signature(frame: object, packed: io.BytesIO) -> Signature:
    match frame:
        case {"quality": int(quality), "groups": [*told]} if 0 <= quality <= 100:
            groups: list[SignalGroup] = []
            left = _MOST_SIGNALS
            for each in told:
                groups.append(_group(each, packed, most=left))
                left -= len(groups[-1])
            return Signature.from_groups(quality, groups)
    raise nonsense()


def _group(told: object, packed: io.BytesIO, *, most: int) -> SignalGroup:
    match told:
        case [str(algorithm), str(view), int(count)] if 1 <= count <= most:
            if algorithm in PROFILES and view in _VIEWS:
                size = count * PROFILES[algorithm].bits // 8
                codes = packed.read(size)
                if len(codes) == size:
                    return SignalGroup(algorithm, _VIEWS[view], codes)
    raise nonsense()


def nonsense() -> ImageCrashError:
    """Return the error of an answer that no worker of ours gives."""
    return ImageCrashError("The worker that was signing the image answered nonsense.")
