"""
Images to signals: decoding, views, and the perceptual hashes themselves.

Needs no network, no service and no database; writes nothing. The same code runs on a victim's or
analyst's machine and in the service's scanner.
"""

from hashsvc.signals.batch import sign_images
from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import (
    BrokenImageError,
    ImageCrashError,
    ImageError,
    ImageTooLargeError,
    ImageTooSlowError,
    NotAnImageError,
    SandboxError,
    SignalFormatError,
    SignalsError,
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
from hashsvc.signals.regions import STEADIEST
from hashsvc.signals.sandbox import Sandbox
from hashsvc.signals.signature import sign_frames, sign_image
from hashsvc.signals.types import Signal, SignalGroup, Signature, View, ViewedSignal

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
    "SandboxError",
    "Signal",
    "SignalFormatError",
    "SignalGroup",
    "SignalsError",
    "Signature",
    "View",
    "ViewedSignal",
    "sign_frames",
    "sign_image",
    "sign_images",
]
