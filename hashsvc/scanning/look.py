"""Looks at one URL: what images are there, and their signatures; nothing else is kept."""

import codecs
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.pages import image_urls
from hashsvc.signals import ImageError, NotAnImageError, SandboxError, Signature, sign_frames

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_BLANK = codecs.BOM_UTF8 + b" \t\n\f\r"
_log = structlog.get_logger()

Sign = Callable[[bytes], list[Signature]]


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
    """
    Fetches URLs and signs the images there.

    Args:
        sign: Signs the frames of an image; a service hands in that of a sandbox.
    """

    def __init__(self, fetcher: Fetcher, *, images_per_page: int, sign: Sign = sign_frames) -> None:
        self._fetcher = fetcher
        self._images_per_page = images_per_page
        self._signed = sign

    def look(self, url: str, *, deadline: float | None = None) -> Iterator[Look]:
        """
        Yield each image at a URL: the one it is, or those of the page it is.

        Args:
            url: Where to look.

            deadline: When to give up, by `time.monotonic()`; what was not fetched then has failed.

        Raises:
            FetchError: If the URL itself cannot be fetched, or is neither page nor image.

            SandboxError: If images cannot be signed at present.
        """
        fetched = self._fetcher.get(url, deadline=deadline)
        # What a browser shows as a page may begin like an image, and still be one.
        is_page = _is_page(fetched)
        try:
            itself = Look(url, self._sign(fetched, page_url=url), None)
        except NotAnImageError as error:
            if not is_page:
                raise FetchError("neither-page-nor-image") from error
        except ImageError as error:
            yield Look(url, None, type(error).__name__)
        else:
            yield itself
        if is_page:
            for image_url in image_urls(fetched.body, fetched.url, limit=self._images_per_page):
                yield self._look_at_image(image_url, page_url=url, deadline=deadline)

    def _look_at_image(self, image_url: str, *, page_url: str, deadline: float | None) -> Look:
        try:
            fetched = self._fetcher.get(image_url, deadline=deadline)
            return Look(image_url, self._sign(fetched, page_url=page_url), None)
        except FetchError as error:
            return Look(image_url, None, error.reason)
        except ImageError as error:
            return Look(image_url, None, type(error).__name__)
        except SandboxError:
            raise  # Nothing is wrong with the image: the whole page is looked at again later.
        except Exception as error:  # noqa: BLE001 - whatever one image does, the others are seen.
            # The message may hold a URL, so that only the kind of error is told.
            _log.error("scan.image_crashed", error=type(error).__name__)
            return Look(image_url, None, "internal")

    def _sign(self, fetched: Fetched, *, page_url: str) -> SeenImage:
        return SeenImage(
            page_url=page_url,
            image_url=fetched.url,
            sha256=hashlib.sha256(fetched.body).digest(),
            frames=tuple(self._signed(fetched.body)),
        )


def _is_page(fetched: Fetched) -> bool:
    # Where a server names no type, a browser takes markup for a page.
    return fetched.content_type in _HTML or fetched.body[:1000].lstrip(_BLANK).startswith(b"<")
