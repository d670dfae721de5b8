"""What a visit to a URL gives: signed images, and reasons why others could not be signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.facts import Fact
from hashsvc.scanning.fetch import Fetched
from hashsvc.signals import ImageError, Signature, SignedFrames

FIRST_ERROR = 400
"""The lowest HTTP status of an error."""

_log = structlog.get_logger()

Sign = Callable[[bytes, bytes], SignedFrames]
"""Returns a signature for each picture of an image, given its bytes and their SHA-256."""


@dataclass(frozen=True, slots=True, repr=False)
class SeenImage:
    """
    An image that was found and signed.

    Attributes:
        page_url: The page that shows it; for an image behind a thumbnail, the thumbnail's target.

        image_url: Where its bytes came from. For an inline image this is the page's URL with a
            fragment that is unique to the image.

        sha256: Digest of the downloaded bytes, which are not kept.

        frames: The signature of each picture of the image; an ordinary image has one.

        facts: Facts about the download, as in `Fetched`; can be written as JSON.
    """

    page_url: str
    image_url: str
    sha256: bytes
    frames: tuple[Signature, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Look:
    """
    The result for one image of a page: the image, or why it could not be signed.

    Attributes:
        image_url: The URL that was tried.

        image: The signed image; None if it failed.

        reason: Why it failed; None if it did not fail.

        retry: Whether a later attempt may succeed.

        facts: Facts about the answer, if the download failed.
    """

    image_url: str
    image: SeenImage | None
    reason: str | None
    retry: bool = False
    facts: Mapping[str, object] = field(default_factory=dict, compare=False)


def failed(image_url: str, error: Exception) -> Look:
    """Return the result for an image that an error kept from being signed."""
    if isinstance(error, FetchError):
        return Look(image_url, None, error.reason, retry=error.retry, facts=error.facts)
    if isinstance(error, ImageError):
        return Look(image_url, None, type(error).__name__)
    # The message may contain a URL, so log only the type of the error.
    _log.error("scan.image_crashed", error=type(error).__name__)
    return Look(image_url, None, "internal")


def http_error(fetched: Fetched, reason: str = "") -> FetchError:
    """Return the error for an answer without an image: its HTTP status, or else `reason`."""
    if fetched.status >= FIRST_ERROR or not reason:
        return FetchError(f"http-{fetched.status}", facts=fetched.facts)
    return FetchError(reason)
