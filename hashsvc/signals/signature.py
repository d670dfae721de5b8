"""Turns an image's bytes into its signature. Only this module combines all algorithms."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from hashsvc.signals.decode import Limits, decode
from hashsvc.signals.image_hashes import image_hash
from hashsvc.signals.pdq import luma_of, pdq, pdq_poses
from hashsvc.signals.pictures import Pictures
from hashsvc.signals.profiles import DHASH, PDQ, PHASH, REGION, Profile
from hashsvc.signals.regions import region_codes
from hashsvc.signals.types import SignalGroup, Signature, SignedFrames, View
from hashsvc.signals.views import trimmed


def sign_image(
    data: bytes,
    *,
    limits: Limits | None = None,
    exact: bool = False,
    also: Sequence[Profile] = (),
) -> Signature:
    """
    Return the signature of an image, or of the first frame of an animation.

    The signature holds all signals of all views; `Signature.whole` selects those that a bank keeps.

    Args:
        data: The bytes of the file.

        limits: Limits for the image.

        exact: Whether to decode at full size and in colour, as other systems do. The fast way
            changes few bits of PDQ (`python -m benchmarks.hashing` counts them).

        also: Further algorithms of the imagehash package, from OTHERS.

    Raises:
        ImageError: If the bytes cannot be hashed; the subclass says why.
    """
    image = next(decode(data, limits or Limits(), scaled=not exact))
    return Signature.from_groups(*_signed(image, also))


def sign_frames(data: bytes, *, limits: Limits | None = None) -> SignedFrames:
    """
    Return a signature for each picture of an image; an ordinary image has one.

    An animation has one for each distinct frame, and a long image has further ones, for its
    sections. Frames of films are signed too, if PyAV is installed.

    Raises:
        ImageError: If the bytes cannot be hashed; the subclass says why.
    """
    frames, skipped = grouped_frames(data, limits or Limits())
    signatures = (Signature.from_groups(quality, groups) for quality, groups in frames)
    return SignedFrames(signatures, skipped=skipped)


def grouped_frames(data: bytes, limits: Limits) -> tuple[list[tuple[int, list[SignalGroup]]], int]:
    """
    Return quality and signals of each picture, as `Signature.from_groups` takes them.

    The second value is the number of pictures that were not signed, because of a limit.

    Raises:
        ImageError: If the bytes cannot be hashed; the subclass says why.
    """
    pictures = Pictures(data, limits)
    signed = [_signed(each) for each in pictures]
    return signed, pictures.skipped


def _signed(image: Image.Image, also: Sequence[Profile] = ()) -> tuple[int, list[SignalGroup]]:
    pixels = np.asarray(image)
    luma = luma_of(pixels)
    codes, quality = pdq_poses(luma)
    groups = [SignalGroup(PDQ.name, view, code) for view, code in codes.items()]
    inner = trimmed(image)
    if inner is not None:
        inner_code, _ = pdq(np.asarray(inner))
        groups.append(SignalGroup(PDQ.name, View.TRIMMED, inner_code))
    for profile in (PHASH, DHASH, *also):
        groups.append(SignalGroup(profile.name, View.WHOLE, image_hash(image, profile).code))
        if inner is not None:
            groups.append(SignalGroup(profile.name, View.TRIMMED, image_hash(inner, profile).code))
    regions = region_codes(luma)
    for view, found in (
        (View.WHOLE, regions.kept),
        (View.PART, regions.more),
        (View.MIRROR, regions.mirrored),
    ):
        if len(found):
            groups.append(SignalGroup(REGION.name, view, found.tobytes()))
    return quality, groups
