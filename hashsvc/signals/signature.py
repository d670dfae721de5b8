"""Bytes of an image to its signature; the one place where the algorithms come together."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from hashsvc.signals.decode import Limits, decode
from hashsvc.signals.image_hashes import image_hash
from hashsvc.signals.pdq import luma_of, pdq
from hashsvc.signals.profiles import DHASH, PDQ, PHASH, REGION, Profile
from hashsvc.signals.regions import region_codes
from hashsvc.signals.types import Signal, Signature, View, ViewedSignal
from hashsvc.signals.views import trimmed


def sign_image(
    data: bytes,
    *,
    limits: Limits | None = None,
    exact: bool = False,
    also: Sequence[Profile] = (),
) -> Signature:
    """
    Return the signature of an image, of the first frame of an animation.

    It holds every signal of every view; `Signature.whole` leaves those that a bank keeps.

    Args:
        data: The file's bytes.

        limits: What the image may be at most.

        exact: Whether to decode at full size and in colour, as other systems do; the fast way
            changes few bits of PDQ (`python -m benchmarks.hashing` counts them).

        also: Further algorithms of the imagehash package, of OTHERS.

    Raises:
        ImageError: If they cannot be hashed; the subclass says why.
    """
    return _sign(next(decode(data, limits or Limits(), scaled=not exact)), also)


def sign_frames(data: bytes, *, limits: Limits | None = None) -> list[Signature]:
    """
    Return a signature for each looked-at frame of an image; an ordinary image has one.

    Raises:
        ImageError: If they cannot be hashed; the subclass says why.
    """
    return [_sign(frame) for frame in decode(data, limits or Limits())]


def _sign(image: Image.Image, also: Sequence[Profile] = ()) -> Signature:
    pixels = np.asarray(image)
    codes, quality = pdq(pixels)
    signals = [ViewedSignal(Signal(PDQ.name, code), view) for view, code in codes.items()]
    inner = trimmed(image)
    if inner is not None:
        inner_codes, _ = pdq(np.asarray(inner))
        signals.append(ViewedSignal(Signal(PDQ.name, inner_codes[View.WHOLE]), View.TRIMMED))
    for profile in (PHASH, DHASH, *also):
        signals.append(ViewedSignal(image_hash(image, profile), View.WHOLE))
        if inner is not None:
            signals.append(ViewedSignal(image_hash(inner, profile), View.TRIMMED))
    regions = region_codes(pixels if pixels.ndim == 2 else luma_of(pixels))
    for view, found in (
        (View.WHOLE, regions.kept),
        (View.PART, regions.more),
        (View.MIRROR, regions.mirrored),
    ):
        signals += [ViewedSignal(Signal(REGION.name, code.tobytes()), view) for code in found]
    return Signature(quality=quality, signals=tuple(signals))
