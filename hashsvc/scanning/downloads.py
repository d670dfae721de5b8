"""Downloads the images of a page, and takes images out of its `data:` URLs and SVG files."""

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hashsvc.scanning.browsing import Browsing, Purpose
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.pages import Page, PageImage, PageTooComplexError, is_inline, read_inline
from hashsvc.scanning.pages.sandbox import PageReader
from hashsvc.scanning.results import FIRST_ERROR, Look, failed
from hashsvc.scanning.visits import Visit
from hashsvc.signals import NotAnImageError
from hashsvc.signals.headers import begins_like_image
from hashsvc.signals.kinds import refusal
from hashsvc.signals.video import is_film

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_SVG = "image/svg+xml"
_BLANK = codecs.BOM_UTF8 + b" \t\n\f\r"
_MAX_INLINE_BYTES = 5_000_000
# How many URLs of one image are tried: the one that a browser takes, then other sizes.
_MAX_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """
    How much of a page to download before signing it.

    Images are downloaded and then signed in batches, which is faster than signing each after its
    download. A worker that has to stop does so between images. A batch ends when it reaches one of
    these limits.

    Attributes:
        images: Number of images.

        size_bytes: Bytes of the images together.

        seconds: Time since the batch began.
    """

    images: int = 8
    size_bytes: int = 2_000_000
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Download:
    """An image that was fetched, and the URL that led to it."""

    image_url: str
    fetched: Fetched


class Downloads:
    """
    Downloads the images of pages in batches.

    Args:
        fetcher: Makes all downloads.

        reader: Reads SVG images.

        limits: How large a batch is.

        clock: Returns seconds, as the fetcher's does.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        reader: PageReader,
        limits: BatchLimits,
        clock: Callable[[], float],
    ) -> None:
        self._fetcher = fetcher
        self._reader = reader
        self._limits = limits
        self._clock = clock

    def batches(
        self, images: Iterable[PageImage], fetched: Fetched, page: Page, visit: Visit
    ) -> Iterator[list[Download | Look]]:
        """Yield batches of downloads, and of results for images that could not be downloaded."""
        batch: list[Download | Look] = []
        size, since = 0, self._clock()
        browsing = visit.browsing(Purpose.IMAGE, fetched, page)
        for image in images:
            for each in self._download(image, fetched, visit, browsing):
                batch.append(each)
                size += len(each.fetched.body) if isinstance(each, Download) else 0
            if (
                len(batch) >= self._limits.images
                or size > self._limits.size_bytes
                or self._clock() - since > self._limits.seconds
            ):
                yield batch
                batch, size, since = [], 0, self._clock()
        yield batch

    def _download(
        self, image: PageImage, page: Fetched, visit: Visit, browsing: Browsing
    ) -> Iterator[Download | Look]:
        """Yield what the first working URL of an image gives; for an SVG, its bitmaps."""
        first: Look | None = None
        for url in image.urls[:_MAX_ALTERNATIVES]:
            if is_inline(url):
                yield from self._inline(url, page, visit)
                return
            try:
                fetched = visit.get(self._fetcher, url, browsing)
            except Exception as error:  # noqa: BLE001 - one image must not stop the others.
                first = first or failed(url, error)
                continue
            if _is_svg(fetched):
                yield from self._bitmaps_of(fetched, visit)
                return
            if begins_like_image(fetched.body) or is_film(fetched.body):
                yield Download(url, fetched)
                return
            if image.is_linked and is_page(fetched):
                # The link ends like an image file, but leads to a page that shows the image.
                visit.linked_pages.append(url)
                visit.seen.discard(url)
                return
            reason = (
                f"http-{fetched.status}"
                if fetched.status >= FIRST_ERROR
                else type(refusal(fetched.body)).__name__
            )
            first = first or Look(url, None, reason, facts=fetched.facts)
        if first is not None:
            yield first

    def _inline(self, reference: str, page: Fetched, visit: Visit) -> Iterator[Download | Look]:
        """Yield the image inside a `data:` URL, under a URL that does not contain its bytes."""
        image_url = f"{page.url}#inline"
        data = read_inline(reference, max_bytes=_MAX_INLINE_BYTES)
        if data is None:
            yield Look(image_url, None, NotAnImageError.__name__)
        elif len(data.body) > _MAX_INLINE_BYTES:
            yield Look(image_url, None, "too-large")
        else:
            image_url = f"{page.url}#inline-{hashlib.sha256(data.body).hexdigest()[:16]}"
            fetched = Fetched(image_url, data.media_type, data.body, page.facts)
            if _is_svg(fetched):
                yield from self._bitmaps_of(fetched, visit)
            else:
                yield Download(image_url, fetched)

    def _bitmaps_of(self, svg: Fetched, visit: Visit) -> Iterator[Download | Look]:
        """Yield the bitmaps inside an SVG image; browsers load no other files for it."""
        found = False
        try:
            drawing = self._reader.read_page(svg.body, svg.url, "")
        except PageTooComplexError:
            yield Look(svg.url, None, "page-too-complex")
            return
        visit.note_left_out(drawing)
        for url in (image.urls[0] for image in drawing.images if is_inline(image.urls[0])):
            if url.lower().startswith("data:image/svg"):
                visit.tally.images_over_limit += 1
                continue
            found = True
            yield from self._inline(url, svg, visit)
        if not found:
            yield Look(svg.url, None, "drawing")


def is_page(fetched: Fetched) -> bool:
    """Return whether a browser shows an answer as a page."""
    # If the server gives no media type, a browser treats markup as a page. It shows an SVG file as
    # one, too.
    return fetched.content_type in _HTML or _begins_with_tag(fetched)


def _is_svg(fetched: Fetched) -> bool:
    head = fetched.body[:1000]
    return (
        _begins_with_tag(fetched)
        and (fetched.content_type == _SVG or b"<svg" in head)
        and fetched.content_type not in _HTML
    )


def _begins_with_tag(fetched: Fetched) -> bool:
    return fetched.body[:1000].lstrip(_BLANK).startswith(b"<")
