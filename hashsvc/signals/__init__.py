"""
Turns images into signals: decoding, views, and the perceptual hashes themselves.

The package uses no network, no service and no database, and writes no file. The same code runs on a
victim's or an analyst's machine and in the service's scanner.

`sign_image` turns the bytes of an image into a `Signature`; `sign_images` does so for many images,
on all cores. For untrusted bytes use a `Sandbox`: it signs images in worker processes that have
limits, and checks every answer of a worker.

Where to look:

- The path of an image: `headers` (what the file says about itself), `decode` (bytes to pixels),
  `tiles` (large HEIF and AVIF photos), `pictures` (distinct frames, sections of a long image),
  `views` (trimmed borders), `signature` (all algorithms together). `video` reads films.
- Pixels as browsers show them: `salvage` (damaged images), `bitmaps` (BMP), `layers` with `gifs`
  and `apngs` (animations), `kinds` (images that are not supported).
- What a viewer shows: `viewing` (transparency, pixels of more than 8 bits) and `colours`.
  `colour_tags`, `container_colours`, `av1` and `icc` read what a file says about its colours;
  `encodings` and `tones` have the formulas.
- Algorithms: `pdq`; `image_hashes` (pHash, dHash, wHash); `regions`, built from `scales`, `blobs`,
  `directions` and `patches`. `profiles` has every threshold with its source.
- The sandbox: `sandbox` (in the service), `signing_job` (in a worker process), `answers` (checks
  what a worker answers). `hashsvc.sandbox` starts and stops the workers.
- Values and errors: `types`, `errors`.
"""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
from hashsvc.signals.errors import (
    BrokenImageError,
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    ImageTooSlowError,
    NotAnImageError,
    SignalFormatError,
    SignalsError,
    UnsupportedImageError,
)
from hashsvc.signals.profiles import (
    CERTAIN_CONTRAST,
    DHASH,
    LIKELY_CONTRAST,
    MOST_CONTRAST,
    NO_CONTRAST,
    OTHERS,
    PDQ,
    PHASH,
    POSSIBLE_REGIONS,
    PROFILES,
    REGION,
    SIGNED,
    Profile,
)
from hashsvc.signals.types import Signal, SignalGroup, Signature, SignedFrames, View, ViewedSignal

if TYPE_CHECKING:
    from hashsvc.signals.batch import sign_each, sign_images
    from hashsvc.signals.decode import Limits
    from hashsvc.signals.regions import STEADIEST
    from hashsvc.signals.sandbox import Sandbox
    from hashsvc.signals.signature import sign_frames, sign_image
else:
    # Import Numba, Pillow and SciPy only when a caller uses a name that signs images.
    __getattr__ = lazy_names(
        __name__,
        {
            "batch": "sign_each sign_images",
            "decode": "Limits",
            "regions": "STEADIEST",
            "sandbox": "Sandbox",
            "signature": "sign_frames sign_image",
        },
    )

__all__ = [
    "CERTAIN_CONTRAST",
    "DHASH",
    "LIKELY_CONTRAST",
    "MOST_CONTRAST",
    "NO_CONTRAST",
    "OTHERS",
    "PDQ",
    "PHASH",
    "POSSIBLE_REGIONS",
    "PROFILES",
    "REGION",
    "SIGNED",
    "STEADIEST",
    "BrokenImageError",
    "ImageCrashError",
    "ImageError",
    "ImageTooLargeError",
    "ImageTooSlowError",
    "Limits",
    "NotAnImageError",
    "Profile",
    "Sandbox",
    "Signal",
    "SignalFormatError",
    "SignalGroup",
    "SignalsError",
    "Signature",
    "SignedFrames",
    "UnsupportedImageError",
    "View",
    "ViewedSignal",
    "sign_each",
    "sign_frames",
    "sign_image",
    "sign_images",
]
