"""The imagehash package's pHash, dHash and wHash, of 64 and 256 bits, as signals."""

from collections.abc import Callable

import imagehash
import numpy as np
from PIL import Image

from hashsvc.signals.profiles import (
    DHASH,
    PHASH,
    WHASH,
    WIDE_DHASH,
    WIDE_PHASH,
    WIDE_WHASH,
    Profile,
)
from hashsvc.signals.types import Signal

_HASH_FUNCTIONS: dict[str, Callable[[Image.Image], imagehash.ImageHash]] = {
    PHASH.name: imagehash.phash,
    DHASH.name: imagehash.dhash,
    WHASH.name: imagehash.whash,
    WIDE_PHASH.name: lambda image: imagehash.phash(image, hash_size=16),
    WIDE_DHASH.name: lambda image: imagehash.dhash(image, hash_size=16),
    WIDE_WHASH.name: lambda image: imagehash.whash(image, hash_size=16),
}


def image_hash(image: Image.Image, profile: Profile) -> Signal:
    """
    Return one of imagehash's hashes of an image, as a signal.

    The code in hexadecimal equals imagehash's own `str()` on the same pixels.

    Args:
        profile: One of PHASH, DHASH, WHASH, WIDE_PHASH, WIDE_DHASH, WIDE_WHASH.
    """
    found = _HASH_FUNCTIONS[profile.name](image)
    return Signal(profile.name, np.packbits(found.hash.ravel()).tobytes())
