"""
Errors of the signals room.

    SignalsError
    ├── SignalFormatError        text or code that is no signal
    └── ImageError               the bytes cannot be hashed
        ├── NotAnImageError      no format that is read here
        ├── ImageTooLargeError   over a limit of bytes, pixels or frames
        └── BrokenImageError     a known format, too damaged to decode
"""


class SignalsError(Exception):
    """Base of every error raised by hashsvc.signals."""


class SignalFormatError(SignalsError):
    """The text or code does not follow the format of its algorithm."""


class ImageError(SignalsError):
    """The bytes cannot be turned into signals."""


class NotAnImageError(ImageError):
    """The bytes are in none of the formats that are read here."""


class ImageTooLargeError(ImageError):
    """The image is over a limit; the message gives the limit."""


class BrokenImageError(ImageError):
    """The format is known, but too little of the image can be decoded."""
