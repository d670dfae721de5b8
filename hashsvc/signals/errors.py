"""
Errors of the signals room.

    SignalsError
    ├── SignalFormatError        text or code that is no signal
    ├── SandboxError             no worker can be started, or the sandbox is closed
    └── ImageError               the bytes cannot be hashed
        ├── NotAnImageError      no format that is read here
        ├── ImageTooLargeError   over a limit of bytes, pixels or memory
        ├── ImageTooSlowError    over the limit of time, in a sandbox
        ├── BrokenImageError     a known format, too damaged to decode
        └── ImageCrashError      the worker that signed it died, in a sandbox
"""


class SignalsError(Exception):
    """Base of every error raised by hashsvc.signals."""


class SignalFormatError(SignalsError):
    """The text or code does not follow the format of its algorithm."""


class SandboxError(SignalsError):
    """The sandbox does not work; that has nothing to do with the image."""


class ImageError(SignalsError):
    """The bytes cannot be turned into signals."""


class NotAnImageError(ImageError):
    """The bytes are in none of the formats that are read here."""


class ImageTooLargeError(ImageError):
    """The image is over a limit; the message gives the limit."""


class ImageTooSlowError(ImageError):
    """The image took longer than the limit, which the message gives."""


class BrokenImageError(ImageError):
    """The format is known, but too little of the image can be decoded."""


class ImageCrashError(ImageError):
    """The worker that was signing the image died, or answered nonsense."""
