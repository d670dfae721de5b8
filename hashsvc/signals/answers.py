"""
Reads the answers of sandbox workers, and trusts none of them.

A hostile image may have taken control of the worker. So every field of an answer is checked, and
an invalid answer counts as a crash of the worker.
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
    UnsupportedImageError,
)
from hashsvc.signals.profiles import PROFILES
from hashsvc.signals.types import SignalGroup, Signature, SignedFrames, View

_ERRORS = {
    each.__name__: each
    for each in (
        NotAnImageError,
        UnsupportedImageError,
        ImageTooLargeError,
        BrokenImageError,
        ImageCrashError,
    )
}

# One picture takes about 500 bytes of JSON. It has at most 1000 blobs, each with up to two
# directions, and each direction has a code and a mirrored code: at most 4000 region codes.
_MAX_JSON_PER_FRAME = 2000
_MAX_SIGNALS = 5000
_MAX_SKIPPED = 1_000_000
_MAX_BITS = max(profile.bits for profile in PROFILES.values())
_MAX_MESSAGE = 200

_VIEWS = {view.value: view for view in View}


def max_sizes(limits: Limits) -> tuple[int, int]:
    """Return how long an answer's JSON and its packed codes can be, in bytes."""
    max_codes = limits.max_frames * _MAX_SIGNALS * _MAX_BITS // 8
    return limits.max_frames * _MAX_JSON_PER_FRAME, max_codes


def read_answer(header: bytes, codes: bytes, limits: Limits) -> SignedFrames | ImageError:
    """
    Return the signatures, or the error, that a worker answered.

    Raises:
        ValueError: If the answer is not valid.
    """
    try:
        answer = json.loads(header.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise invalid_answer() from error
    match answer:
        case {"error": str(name), "message": str(text)}:
            if name in _ERRORS and len(text) <= _MAX_MESSAGE and text.isprintable():
                return _ERRORS[name](text)
        case {"frames": [*frames], "skipped": int(skipped)} if (
            1 <= len(frames) <= limits.max_frames and 0 <= skipped <= _MAX_SKIPPED
        ):
            packed = io.BytesIO(codes)
            signatures = SignedFrames(
                (_signature(frame, packed) for frame in frames), skipped=skipped
            )
            if packed.tell() == len(codes):
                return signatures
    raise invalid_answer()


def _signature(frame: object, packed: io.BytesIO) -> Signature:
    match frame:
        case {"quality": int(quality), "groups": [*described]} if 0 <= quality <= 100:
            groups: list[SignalGroup] = []
            left = _MAX_SIGNALS
            for each in described:
                groups.append(_group(each, packed, max_count=left))
                left -= len(groups[-1])
            return Signature.from_groups(quality, groups)
    raise invalid_answer()


def _group(described: object, packed: io.BytesIO, *, max_count: int) -> SignalGroup:
    match described:
        case [str(algorithm), str(view), int(count)] if 1 <= count <= max_count:
            if algorithm in PROFILES and view in _VIEWS:
                size = count * PROFILES[algorithm].bits // 8
                codes = packed.read(size)
                if len(codes) == size:
                    return SignalGroup(algorithm, _VIEWS[view], codes)
    raise invalid_answer()


def invalid_answer() -> ValueError:
    """Return the error for an answer that our own worker would never give."""
    return ValueError("The worker that was signing the image gave an invalid answer.")
