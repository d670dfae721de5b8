"""
Errors of the scanning room.

    ScanError
    ├── UnknownScanError     no such scan
    ├── UnknownWatchError    no such watch
    ├── CancelledScanError   the scan was cancelled and has to be resumed first
    ├── OtherBatchError      an Idempotency-Key was used before, with another batch
    ├── BadListError         a file of URLs is damaged or too large
    ├── BadUrlError          a text is not a URL that can be fetched
    ├── ProxyError           the settings name a proxy in an unreadable way
    ├── IsolationError       the renderer's browser cannot be kept behind its proxy
    └── FetchError           a URL could not be fetched, with the reason
"""

from collections.abc import Mapping


class ScanError(Exception):
    """Base of every error raised by hashsvc.scanning."""


class UnknownScanError(ScanError):
    """There is no such scan."""


class UnknownWatchError(ScanError):
    """There is no such watch."""


class CancelledScanError(ScanError):
    """The scan was cancelled; resume it before retrying its items."""


class OtherBatchError(ScanError):
    """An Idempotency-Key was used before, with another batch."""


class BadListError(ScanError):
    """A file of URLs is damaged or too large; the message states the limit."""


class BadUrlError(ScanError):
    """The text is not a URL that can be fetched; the message states the rule."""


class ProxyError(ScanError):
    """The settings name a proxy in an unreadable way; the message states the format."""


class IsolationError(ScanError):
    """The renderer's browser cannot be kept behind its proxy; the message says why."""


class FetchError(ScanError):
    """
    A URL could not be fetched.

    Attributes:
        reason: A word from a small set, such as "timeout", that is shown to analysts.

        retry: Whether a later attempt may succeed.

        retry_after: Seconds that the site asks clients to wait; None if it does not ask.

        facts: Facts about the answer, as in `Fetched`; empty if there was no answer.
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
