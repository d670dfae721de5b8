"""
Errors of the signals room.

    SignalsError
    ├── SignalFormatError        text or code that is not a signal
    └── ImageError               the bytes cannot be hashed
        ├── NotAnImageError        no image, as far as the first bytes tell
        ├── UnsupportedImageError  an image of a kind that is not supported
        ├── ImageTooLargeError     over a limit of bytes, pixels or memory
        ├── ImageTooSlowError      over the time limit, in a sandbox
        ├── BrokenImageError       a supported format, too damaged to decode
        └── ImageCrashError        in a sandbox, the worker died or gave an invalid answer
"""


class SignalsError(Exception):
    """Base class of every error raised by hashsvc.signals."""


class SignalFormatError(SignalsError):
    """The text or code does not follow the format of its algorithm."""


class ImageError(SignalsError):
    """The bytes cannot be turned into signals."""


class NotAnImageError(ImageError):
    """The bytes are not an image of any known kind."""


class UnsupportedImageError(ImageError):
    """The bytes are an image, but its kind, which the message names, is not supported."""


class ImageTooLargeError(ImageError):
    """The image is over a limit, which the message gives."""


class ImageTooSlowError(ImageError):
    """Signing the image took longer than the limit, which the message gives."""


class BrokenImageError(ImageError):
    """The format is supported, but too little of the image can be decoded."""


class ImageCrashError(ImageError):
    """The worker that was signing the image died, or gave an invalid answer."""
