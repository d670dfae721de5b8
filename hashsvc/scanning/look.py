"""Looks at one URL: what images are there, and their signatures; nothing else is kept."""

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
# A page that a thumbnail leads to shows one image large, and many small ones that lead elsewhere.
_LARGEST_BEHIND_LINK = 3
# A page that shows no more without its scripts may show more with them.
_FEW_IMAGES = 3
# So much of a page is downloaded before the first of it is signed: one after another that takes
# less time. Who is told to stop does so in between.
_AHEAD_IMAGES = 8
_AHEAD_BYTES = 2_000_000
_AHEAD_S = 1.0
# What was downloaded in time is signed for so long still: half of what a lease leaves for it.
_GRACE_S = 10.0
_log = structlog.get_logger()

Sign = Callable[[bytes, bytes], list[Signature]]
"""Signs the frames of an image, given its bytes and their SHA-256."""


@dataclass(frozen=True, slots=True, repr=False)
class SeenImage:
    """
    One image that was looked at.

    Attributes:
        page_url: The page that shows it; behind a thumbnail's link, the page that it leads to.

        image_url: Where its bytes came from; of an image inside the page's markup the page, with a
            fragment that tells it from others.

        sha256: Digest of the bytes as they came; the bytes themselves are gone.

        frames: The signature of each frame; an ordinary image has one.

        facts: What the record keeps of the download, as in `Fetched`; can be written as JSON.
    """

    page_url: str
    image_url: str
    sha256: bytes
    frames: tuple[Signature, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Look:
    """
    One image of a page, or why it could not be looked at.

    Attributes:
        image: None when it failed.

        reason: Why; None when it did not fail.

        retry: Whether it may work later.

        facts: Of a download that failed, what the record keeps of the answer.
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
        images_per_page: Most images that are looked at on a page, the largest.

        links_per_page: Most pages that are looked at behind a page's thumbnails and in its frames.

        films_per_page: Most films that are looked at on a page.

        sign: As `Sign` says; a service hands in what signs in a sandbox.

        renderer: What runs the scripts of pages that show few images without; None leaves them.

        clock: Tells seconds, as `time.monotonic` does, and the fetcher's own.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._images_per_page = images_per_page
        self._links_per_page = links_per_page
        self._films_per_page = films_per_page
        self._signed = sign
        self._renderer = renderer

    def look(
        self,
        url: str,
        *,
        deadline: float | None = None,
        via: str | None = None,
        told: Callable[[Mapping[str, object]], object] = lambda _facts: None,
    ) -> Iterator[Look]:
        """
        Yield each image at a URL: the one it is, or those of the page it is.

        Args:
            url: Where to look.

            deadline: When to give up, by the clock; what was not fetched then has failed, and what
                was not signed ten seconds later.

            via: Name of the proxy of the settings to go through.

            told: Called with what the record keeps of the download of the URL itself.

        Raises:
            FetchError: If the URL itself cannot be fetched, or is neither page nor image.

            SandboxError: If images cannot be signed at present.
        """
        visit = _Visit(deadline, via)
        fetched = self._fetcher.get(url, deadline=deadline, via=via)
        told(fetched.facts)
        page = yield from self._look_at(fetched, url, visit, most=self._images_per_page)
        if page.moved_to is not None:
            page = yield from self._look_behind(page.moved_to, visit, self._images_per_page)
        for link in page.pages[: self._links_per_page]:
            yield from self._look_behind(link, visit, _LARGEST_BEHIND_LINK)

    def _look_behind(self, link: str, visit: "_Visit", most: int) -> Generator[Look, None, Page]:
        """Look at a page that another one leads to; one that leads nowhere is no failure."""
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
        """Look at what was fetched, and at the images of the page that it is."""
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
        if not is_page:
            return Page()
        page = self._read(fetched, visit)
        new = [each for each in page.images if each not in visit.seen][:most]
        visit.seen.update((url, fetched.url, *new))
        new += [each for each in page.films if each not in visit.seen][: self._films_per_page]
        visit.seen.update(new)
        for some in self._downloads(new, fetched, visit):
            while some:
                # What is signed is let go of, though others of its batch still wait.
                each = some.pop(0)
                yield each if isinstance(each, Look) else self._looked(each, visit, page_url=url)
        return page

    def _read(self, fetched: Fetched, visit: "_Visit") -> Page:
        """Return what a page leads to, with what its scripts add where they seem to matter."""
        page = read_page(fetched.body, fetched.url)
        if self._renderer is None or not page.has_scripts or len(page.images) >= _FEW_IMAGES:
            return page
        dom = self._renderer.dom(fetched.url, deadline=visit.deadline, via=visit.via)
        if dom is None:
            return page
        made = read_page(dom, fetched.url)
        return Page(
            images=tuple(dict.fromkeys((*made.images, *page.images))),
            pages=tuple(dict.fromkeys((*made.pages, *page.pages))),
            films=tuple(dict.fromkeys((*made.films, *page.films))),
            moved_to=page.moved_to,
        )

    def _downloads(
        self, references: Iterable[str], page: Fetched, visit: "_Visit"
    ) -> Iterator["list[_Download | Look]"]:
        """Yield what was downloaded, or why it was not, some at a time."""
        some: list[_Download | Look] = []
        size, since = 0, self._clock()
        for reference in references:
            if reference[:5].lower() == _INLINE:
                some.append(_inline(reference, page))
            else:
                some.append(self._download(reference, visit))
            if isinstance(some[-1], _Download):
                size += len(some[-1].fetched.body)
            is_long = self._clock() - since > _AHEAD_S
            if is_long or len(some) == _AHEAD_IMAGES or size > _AHEAD_BYTES:
                yield some
                some, size, since = [], 0, self._clock()
        yield some

    def _download(self, image_url: str, visit: "_Visit") -> "_Download | Look":
        try:
            got = self._fetcher.get(image_url, deadline=visit.deadline, via=visit.via)
        except Exception as error:  # noqa: BLE001 - whatever one image does, the others are seen.
            return _failed(image_url, error)
        return _Download(image_url, got)

    def _looked(self, download: "_Download", visit: "_Visit", *, page_url: str) -> Look:
        if visit.deadline is not None and self._clock() >= visit.deadline + _GRACE_S:
            return Look(download.image_url, None, "timeout", retry=True)
        try:
            seen = self._sign(download.fetched, page_url=page_url)
        except SandboxError:
            raise  # Nothing is wrong with the image: the whole page is looked at again later.
        except Exception as error:  # noqa: BLE001 - as above.
            return _failed(download.image_url, error)
        return Look(download.image_url, seen, None)

    def _sign(self, fetched: Fetched, *, page_url: str) -> SeenImage:
        sha256 = hashlib.sha256(fetched.body).digest()
        return SeenImage(
            page_url=page_url,
            image_url=fetched.url,
            sha256=sha256,
            frames=tuple(self._signed(fetched.body, sha256)),
            facts=fetched.facts,
        )


@dataclass(frozen=True, slots=True)
class _Visit:
    """What belongs to one look: how it fetches, and what it has taken up so far."""

    deadline: float | None
    via: str | None
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Download:
    """An image that was fetched, and the URL that led to it."""

    image_url: str
    fetched: Fetched


def _inline(reference: str, page: Fetched) -> _Download | Look:
    """Return the image that a reference itself is, which nobody may keep."""
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
    # The message may hold a URL, so that only the kind of error is told.
    _log.error("scan.image_crashed", error=type(error).__name__)
    return Look(image_url, None, "internal")


def _is_page(fetched: Fetched) -> bool:
    # Where a server names no type, a browser takes markup for a page.
    return fetched.content_type in _HTML or fetched.body[:1000].lstrip(_BLANK).startswith(b"<")
