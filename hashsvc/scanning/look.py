"""Finds the images at one URL and signs them; nothing but signatures and facts is kept."""

import codecs
import hashlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.fetch import Fact, Fetched, Fetcher
from hashsvc.scanning.pages import Page, read_page
from hashsvc.scanning.references import inline_image
from hashsvc.scanning.render import Renderer
from hashsvc.signals import ImageError, NotAnImageError, SandboxError, Signature, sign_frames

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_BLANK = codecs.BOM_UTF8 + b" \t\n\f\r"
_INLINE = "data:"
_MOST_INLINE_BYTES = 5_000_000
# A page behind a thumbnail usually shows one large image, and many small ones that lead elsewhere.
_LARGEST_BEHIND_LINK = 3
# If a page has fewer images than this in its markup, run its scripts to find more.
_FEW_IMAGES = 3
# Images that were downloaded before the deadline may be signed until this long after it: half of
# what a lease leaves for signing.
_GRACE_S = 10.0
_log = structlog.get_logger()

Sign = Callable[[bytes, bytes], list[Signature]]
"""Returns a signature for each frame of an image, given its bytes and their SHA-256."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """
    How much of a page to download before signing it.

    Images are downloaded in batches and then signed, which is faster than alternating. A worker
    that has to stop does so between images. A batch ends when it reaches one of these limits.

    Attributes:
        images: Number of images.

        size_bytes: Bytes of the images together.

        seconds: Time since the batch began.
    """

    images: int = 8
    size_bytes: int = 2_000_000
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, repr=False)
class SeenImage:
    """
    An image that was found and signed.

    Attributes:
        page_url: The page that shows it; for an image behind a thumbnail, the page linked to.

        image_url: Where its bytes came from. For an inline image this is the page's URL with a
            fragment that is unique to the image.

        sha256: Digest of the downloaded bytes, which are not kept.

        frames: The signature of each frame; an ordinary image has one.

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


class Looker:
    """
    Fetches URLs and signs the images there.

    Args:
        fetcher: Makes all downloads.

        images_per_page: Most images to sign on a page; the largest come first.

        links_per_page: Most pages to visit behind a page's thumbnails and in its frames.

        films_per_page: Most films to sign on a page.

        sign: Signs images, as described at `Sign`; a service passes one that uses a sandbox.

        renderer: Runs the scripts of pages that show few images without them; None never does.

        batch_limits: How much to download before signing it.

        clock: Returns seconds, as `time.monotonic` does; the fetcher must use the same clock.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        images_per_page: int,
        links_per_page: int = 8,
        films_per_page: int = 0,
        sign: Sign = lambda data, _sha256: sign_frames(data),
        renderer: Renderer | None = None,
        batch_limits: BatchLimits = BatchLimits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._images_per_page = images_per_page
        self._links_per_page = links_per_page
        self._films_per_page = films_per_page
        self._sign_data = sign
        self._renderer = renderer
        self._batch_limits = batch_limits

    def look(
        self,
        url: str,
        *,
        deadline: float | None = None,
        via: str | None = None,
        on_fetched: Callable[[Mapping[str, object]], object] = lambda _facts: None,
    ) -> Iterator[Look]:
        """
        Yield a result for each image at a URL, which is an image or a page with images.

        Args:
            url: Where to look.

            deadline: When to give up, by the clock. Images not downloaded by then fail, and so do
                images not signed ten seconds later.

            via: Name of a proxy in the settings; None means the default.

            on_fetched: Called with the facts about the download of the URL itself.

        Raises:
            FetchError: If the URL itself cannot be fetched, or is neither a page nor an image.

            SandboxError: If no image can be signed at present.
        """
        visit = _Visit(deadline, via)
        fetched = self._fetcher.get(url, deadline=deadline, via=via)
        on_fetched(fetched.facts)
        page = yield from self._look_at(fetched, url, visit, most=self._images_per_page)
        if page.moved_to is not None:
            page = yield from self._look_behind(page.moved_to, visit, self._images_per_page)
        for link in page.pages[: self._links_per_page]:
            yield from self._look_behind(link, visit, _LARGEST_BEHIND_LINK)

    def _look_behind(self, link: str, visit: "_Visit", most: int) -> Generator[Look, None, Page]:
        """Yield the results of a linked page; a link that is broken for good is not a failure."""
        if link in visit.seen:
            return Page()
        visit.seen.add(link)
        try:
            fetched = self._fetcher.get(link, deadline=visit.deadline, via=visit.via)
            return (yield from self._look_at(fetched, link, visit, most=most))
        except FetchError as error:
            if error.retry:
                yield Look(link, None, error.reason, retry=True)
            return Page()

    def _look_at(
        self, fetched: Fetched, url: str, visit: "_Visit", *, most: int
    ) -> Generator[Look, None, Page]:
        """Yield the result for what was fetched, and those for the images if it is a page."""
        # A file can be both: a browser may show it as a page although it starts like an image.
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
        if not is_page:
            return Page()
        page = self._read(fetched, visit)
        new = [each for each in page.images if each not in visit.seen][:most]
        visit.seen.update((url, fetched.url, *new))
        new += [each for each in page.films if each not in visit.seen][: self._films_per_page]
        visit.seen.update(new)
        for batch in self._downloads(new, fetched, visit):
            while batch:
                # Remove each download from the batch, so that its bytes are freed once signed.
                each = batch.pop(0)
                yield (
                    each
                    if isinstance(each, Look)
                    else self._sign_download(each, visit, page_url=url)
                )
        return page

    def _read(self, fetched: Fetched, visit: "_Visit") -> Page:
        """Return the references of a page, and run its scripts if it shows few images."""
        page = read_page(fetched.body, fetched.url)
        if self._renderer is None or not page.has_scripts or len(page.images) >= _FEW_IMAGES:
            return page
        dom = self._renderer.dom(fetched.url, deadline=visit.deadline, via=visit.via)
        if dom is None:
            return page
        rendered = read_page(dom, fetched.url)
        return Page(
            images=tuple(dict.fromkeys((*rendered.images, *page.images))),
            pages=tuple(dict.fromkeys((*rendered.pages, *page.pages))),
            films=tuple(dict.fromkeys((*rendered.films, *page.films))),
            moved_to=page.moved_to,
        )

    def _downloads(
        self, references: Iterable[str], page: Fetched, visit: "_Visit"
    ) -> Iterator["list[_Download | Look]"]:
        """Yield batches of downloads, and of results for images that could not be downloaded."""
        batch: list[_Download | Look] = []
        size, since = 0, self._clock()
        for reference in references:
            if reference[:5].lower() == _INLINE:
                batch.append(_inline(reference, page))
            else:
                batch.append(self._download(reference, visit))
            if isinstance(batch[-1], _Download):
                size += len(batch[-1].fetched.body)
            if (
                len(batch) >= self._batch_limits.images
                or size > self._batch_limits.size_bytes
                or self._clock() - since > self._batch_limits.seconds
            ):
                yield batch
                batch, size, since = [], 0, self._clock()
        yield batch

    def _download(self, image_url: str, visit: "_Visit") -> "_Download | Look":
        try:
            fetched = self._fetcher.get(image_url, deadline=visit.deadline, via=visit.via)
        except Exception as error:  # noqa: BLE001 - one image must not stop the others.
            return _failed(image_url, error)
        return _Download(image_url, fetched)

    def _sign_download(self, download: "_Download", visit: "_Visit", *, page_url: str) -> Look:
        if visit.deadline is not None and self._clock() >= visit.deadline + _GRACE_S:
            return Look(download.image_url, None, "timeout", retry=True)
        try:
            seen = self._sign(download.fetched, page_url=page_url)
        except SandboxError:
            raise  # The image is not at fault: the whole page is retried later.
        except Exception as error:  # noqa: BLE001 - one image must not stop the others.
            return _failed(download.image_url, error)
        return Look(download.image_url, seen, None)

    def _sign(self, fetched: Fetched, *, page_url: str) -> SeenImage:
        sha256 = hashlib.sha256(fetched.body).digest()
        return SeenImage(
            page_url=page_url,
            image_url=fetched.url,
            sha256=sha256,
            frames=tuple(self._sign_data(fetched.body, sha256)),
            facts=fetched.facts,
        )


@dataclass(frozen=True, slots=True)
class _Visit:
    """State of one look: how it downloads, and which URLs it has tried so far."""

    deadline: float | None
    via: str | None
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Download:
    """An image that was fetched, and the URL that led to it."""

    image_url: str
    fetched: Fetched


def _inline(reference: str, page: Fetched) -> _Download | Look:
    """Return the image inside a `data:` URL, under a URL that does not contain its bytes."""
    image_url = f"{page.url}#inline"
    data = inline_image(reference, max_bytes=_MOST_INLINE_BYTES)
    if data is None:
        return Look(image_url, None, NotAnImageError.__name__)
    if len(data) > _MOST_INLINE_BYTES:
        return Look(image_url, None, "too-large")
    image_url = f"{page.url}#inline-{hashlib.sha256(data).hexdigest()[:16]}"
    return _Download(image_url, Fetched(image_url, "", data, page.facts))


def _failed(image_url: str, error: Exception) -> Look:
    if isinstance(error, FetchError):
        return Look(image_url, None, error.reason, retry=error.retry, facts=error.facts)
    if isinstance(error, ImageError):
        return Look(image_url, None, type(error).__name__)
    # The message may contain a URL, so log only the type of the error.
    _log.error("scan.image_crashed", error=type(error).__name__)
    return Look(image_url, None, "internal")


def _is_page(fetched: Fetched) -> bool:
    # If the server gives no media type, a browser treats markup as a page.
    return fetched.content_type in _HTML or fetched.body[:1000].lstrip(_BLANK).startswith(b"<")
