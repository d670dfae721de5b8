"""Looks at one URL: what images are there, and their signatures; nothing else is kept."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.pages import image_urls
from hashsvc.signals import ImageError, NotAnImageError, Signature, sign_frames

_HTML = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True, repr=False)
class SeenImage:
    """
    One image that was looked at.

    Attributes:
        sha256: Digest of the bytes as they came; the bytes themselves are gone.

        frames: The signature of each frame; an ordinary image has one.
    """

    page_url: str
    image_url: str
    sha256: bytes
    frames: tuple[Signature, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Look:
    """
    One image of a page, or why it could not be looked at.

    Attributes:
        image: None when it failed.

        reason: Why; None when it did not fail.
    """

    image_url: str
    image: SeenImage | None
    reason: str | None


class Looker:
    """Fetches URLs and signs the images there."""

    def __init__(self, fetcher: Fetcher, *, images_per_page: int) -> None:
        self._fetcher = fetcher
        self._images_per_page = images_per_page

    def look(self, url: str) -> Iterator[Look]:
        """
        Yield each image at a URL: the one it is, or those of the page it is.

        Raises:
            FetchError: If the URL itself cannot be fetched, or is neither page nor image.
        """
        fetched = self._fetcher.get(url)
        try:
            seen = _sign(fetched, page_url=url)
        except NotAnImageError as error:
            if fetched.content_type not in _HTML:
                raise FetchError("neither-page-nor-image") from error
        except ImageError as error:
            yield Look(url, None, type(error).__name__)
            return
        else:
            yield Look(url, seen, None)
            return
        for image_url in image_urls(fetched.body, fetched.url, limit=self._images_per_page):
            yield self._look_at_image(image_url, page_url=url)

    def _look_at_image(self, image_url: str, *, page_url: str) -> Look:
        try:
            fetched = self._fetcher.get(image_url)
            return Look(image_url, _sign(fetched, page_url=page_url), None)
        except FetchError as error:
            return Look(image_url, None, error.reason)
        except ImageError as error:
            return Look(image_url, None, type(error).__name__)


def _sign(fetched: Fetched, *, page_url: str) -> SeenImage:
    return SeenImage(
        page_url=page_url,
        image_url=fetched.url,
        sha256=hashlib.sha256(fetched.body).digest(),
        frames=tuple(sign_frames(fetched.body)),
    )
