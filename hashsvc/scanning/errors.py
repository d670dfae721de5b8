"""
Errors of the scanning room.

    ScanError
    ├── UnknownScanError     no such scan
    ├── UnknownWatchError    no such watch
    ├── CancelledScanError   a cancelled scan has to be resumed first
    ├── OtherBatchError      an Idempotency-Key came before, with another batch
    ├── BadUrlError          a line that is no URL to be fetched
    ├── ProxyError           a proxy of the settings that cannot be used
    └── FetchError           a URL that could not be fetched, and the reason
"""

from collections.abc import Mapping


class ScanError(Exception):
    """Base of every error raised by hashsvc.scanning."""


class UnknownScanError(ScanError):
    """There is no such scan."""


class UnknownWatchError(ScanError):
    """There is no such watch."""


class CancelledScanError(ScanError):
    """The scan was cancelled; what was asked needs one that goes on."""


class OtherBatchError(ScanError):
    """An Idempotency-Key came before, with another batch."""


class BadUrlError(ScanError):
    """The text is no URL that can be fetched; the message gives the rule."""


class ProxyError(ScanError):
    """The settings name a proxy in a way that cannot be read; the message gives the rule."""


class FetchError(ScanError):
    """
    A URL could not be fetched.

    Attributes:
        reason: One of a small set of words, such as "timeout"; what an analyst is shown.

        retry: Whether it may work later.

        retry_after: Seconds that the site asks to be left alone first; None when it asks nothing.

        facts: What the record keeps of the answer, as in `Fetched`; empty when there was none.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after = retry_after
        self.facts = facts or {}
