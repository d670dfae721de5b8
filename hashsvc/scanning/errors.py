"""
Errors of the scanning room.

    ScanError
    ├── UnknownScanError     no such scan
    ├── BadUrlError          a line that is no URL to be fetched
    └── FetchError           a URL that could not be fetched, and the reason
"""


class ScanError(Exception):
    """Base of every error raised by hashsvc.scanning."""


class UnknownScanError(ScanError):
    """There is no such scan."""


class BadUrlError(ScanError):
    """The text is no URL that can be fetched; the message gives the rule."""


class FetchError(ScanError):
    """
    A URL could not be fetched.

    Attributes:
        reason: One of a small set of words, such as "timeout"; what an analyst is shown.

        retry: Whether it may work later.
    """

    def __init__(self, reason: str, *, retry: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
