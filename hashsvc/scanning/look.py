"""Finds the images at one URL and signs them; nothing but signatures and facts is kept."""

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from hashsvc.sandbox import SandboxError
from hashsvc.scanning.browsing import Browsing, Purpose
from hashsvc.scanning.downloads import BatchLimits, Download, Downloads, is_page
from hashsvc.scanning.errors import BadUrlError, FetchError
from hashsvc.scanning.facts import INCOMPLETE
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.pages import (
    LeftOut,
    Page,
    PageTooComplexError,
    refresh_target,
)
from hashsvc.scanning.pages.sandbox import PageReader, UnconfinedPageReader
from hashsvc.scanning.rendering import Renderer
from hashsvc.scanning.results import FIRST_ERROR, Look, SeenImage, Sign, failed, http_error
from hashsvc.scanning.urls import resolve_url
from hashsvc.scanning.visits import Visit
from hashsvc.signals import ImageError, NotAnImageError, sign_frames
from hashsvc.store.tallies import Tally

# How often a page may forward to another, as short links and pages that count visits do.
_MAX_MOVES = 3
_MAX_FRAME_DEPTH = 2
_LARGEST_IN_FRAME = 20
_MAX_STYLESHEETS = 8
# A page behind a thumbnail usually shows one large image, and many small ones that lead elsewhere.
_LARGEST_BEHIND_LINK = 3
# If a page has fewer images than this in its markup, run its scripts to find more.
_FEW_IMAGES = 3
# An image that was downloaded before the deadline may still be signed until this many seconds after
# it. A lease of the usual length leaves 24 seconds for signing.
_GRACE_S = 10.0


class Looker:
    """
    Fetches URLs and signs the images there.

    Args:
        fetcher: Makes all downloads.

        images_per_page: Most images to sign on a page; the largest come first.

        links_per_page: Most pages to visit behind a page's thumbnails and in its frames.

        films_per_page: Most films to sign on a page.

        sign: Signs images, as described at `Sign`; a service passes one that uses a sandbox.

        renderer: Runs the scripts of pages that show few images without them; None runs no scripts.

        reader: Reads pages; a service passes one that uses a sandbox. None reads in this process.

        batch_limits: How much to download before signing; None for the usual limits.

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
        reader: PageReader | None = None,
        batch_limits: BatchLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._images_per_page = images_per_page
        self._links_per_page = links_per_page
        self._films_per_page = films_per_page
        self._sign_data = sign
        self._renderer = renderer
        self._reader = reader or UnconfinedPageReader()
        self._downloads = Downloads(fetcher, self._reader, batch_limits or BatchLimits(), clock)

    def look(
        self,
        url: str,
        *,
        deadline: float | None = None,
        via: str | None = None,
        on_fetched: Callable[[Mapping[str, object]], object] = lambda _facts: None,
        tally: Tally | None = None,
    ) -> Iterator[Look]:
        """
        Yield a result for each image at a URL, which is an image or a page with images.

        Args:
            url: Where to look.

            deadline: When to give up, by the clock. Images not downloaded by then fail, and so do
                images not signed ten seconds later.

            via: Name of a proxy in the settings; None means the default.

            on_fetched: Called with the facts about the download of the URL itself.

            tally: Counts what becomes of the images, and what is left out. It is complete when
                this iterator ends, even if it ends with an error.

        Raises:
            FetchError: If the URL itself cannot be fetched, or is neither a page nor an image.

            SandboxError: If no image can be signed at present.
        """
        visit = Visit(deadline, via, tally or Tally())
        try:
            fetched = visit.get(self._fetcher, url, visit.browsing(Purpose.PAGE))
            on_fetched(fetched.facts)
            yield from self._look(fetched, url, visit)
            if fetched.status >= FIRST_ERROR and not visit.has_signed:
                raise http_error(fetched)
        finally:
            visit.count_what_is_left()

    def _look(self, fetched: Fetched, url: str, visit: Visit) -> Iterator[Look]:
        """Yield the results of what was fetched, and of the pages to which it leads."""
        page = yield from self._look_at(fetched, url, visit, most=self._images_per_page)
        visit.links.update(page.pages)
        for _ in range(_MAX_MOVES):
            if page.moved_to is None:
                break
            page = yield from self._look_behind(page.moved_to, visit, self._images_per_page)
            visit.links.update(page.pages)
        links = (*visit.linked_pages, *page.pages)
        for link in links[: self._links_per_page]:
            yield from self._look_behind(link, visit, _LARGEST_BEHIND_LINK)

    def _look_behind(
        self,
        link: str,
        visit: Visit,
        most: int,
        browsing: Browsing | None = None,
        depth: int = 0,
    ) -> Generator[Look, None, Page]:
        """Yield the results of a linked page; no results if the link is broken for good."""
        if link in visit.seen:
            return Page()
        visit.seen.add(link)
        try:
            fetched = visit.get(self._fetcher, link, browsing or visit.browsing(Purpose.PAGE))
            if fetched.status >= FIRST_ERROR:
                visit.unread.add(link)
            return (yield from self._look_at(fetched, link, visit, most=most, depth=depth))
        except FetchError as error:
            visit.unread.add(link)
            if error.retry:
                yield Look(link, None, error.reason, retry=True)
            return Page()

    def _look_at(
        self, fetched: Fetched, url: str, visit: Visit, *, most: int, depth: int = 0
    ) -> Generator[Look, None, Page]:
        """Yield the result for the fetched file itself and, if it is a page, for its images."""
        # A file can be both: a browser may show it as a page although it starts like an image.
        shows_page = is_page(fetched)
        try:
            itself = Look(url, self._sign(fetched, visit, page_url=url), None)
        except NotAnImageError as error:
            if not shows_page:
                raise http_error(fetched, "neither-page-nor-image") from error
        except ImageError as error:
            yield visit.counted(Look(url, None, type(error).__name__))
        else:
            yield visit.counted(itself)
        if not shows_page:
            return Page()
        page = self._read(fetched, visit)
        visit.seen.update((url, fetched.url))
        visit.note(page)
        if INCOMPLETE in fetched.facts:
            visit.unread.add(url)
        yield from self._look_at_images(page, fetched, url, visit, most)
        if depth < _MAX_FRAME_DEPTH:
            for frame in page.frames[: self._links_per_page]:
                browsing = visit.browsing(Purpose.FRAME, fetched, page)
                yield from self._look_behind(frame, visit, _LARGEST_IN_FRAME, browsing, depth + 1)
        return page

    def _look_at_images(
        self, page: Page, fetched: Fetched, url: str, visit: Visit, most: int
    ) -> Iterator[Look]:
        """Yield the results for the images of a page."""
        new = visit.choose(page, most=most, most_films=self._films_per_page)
        for batch in self._downloads.batches(new, fetched, page, visit):
            while batch:
                # Remove the download from the batch, so that its bytes are freed once it is signed.
                each = batch.pop(0)
                look = (
                    each
                    if isinstance(each, Look)
                    else self._sign_download(each, visit, page_url=url)
                )
                yield visit.counted(look)

    def _read(self, fetched: Fetched, visit: Visit) -> Page:
        """Return the references of a page, with what its style sheets and its scripts add."""
        header = fetched.headers.get("content-type", "")
        try:
            page = self._reader.read_page(fetched.body, fetched.url, header)
        except PageTooComplexError as error:
            raise FetchError("page-too-complex") from error
        if page.moved_to is None and (target := refresh_target(fetched.headers.get("refresh", ""))):
            page = replace(page, moved_to=_resolved(fetched.url, target))
        page = self._with_stylesheets(page, fetched, visit)
        if self._renderer is None or not page.has_scripts or page.shown_count() >= _FEW_IMAGES:
            return page
        dom = self._renderer.dom(fetched.url, deadline=visit.deadline, via=visit.via)
        with suppress(PageTooComplexError):
            if dom is not None:
                # `page` and `dom` are the same page, so count what is left out of it only once.
                before = replace(page, left_out=LeftOut())
                return self._reader.read_page(dom, fetched.url, "").with_more(before)
        visit.unread.add(fetched.url)
        return page

    def _with_stylesheets(self, page: Page, fetched: Fetched, visit: Visit) -> Page:
        waiting, seen = list(page.stylesheets), set[str]()
        while waiting and len(seen) < _MAX_STYLESHEETS:
            url = waiting.pop(0)
            if url in seen:
                continue
            seen.add(url)
            try:
                sheet = visit.get(self._fetcher, url, visit.browsing(Purpose.STYLE, fetched, page))
                found = self._reader.read_stylesheet(
                    sheet.body, sheet.url, sheet.headers.get("content-type", ""), fetched.body
                )
            except (FetchError, PageTooComplexError):
                visit.unread.add(url)
                continue
            if sheet.status >= FIRST_ERROR or INCOMPLETE in sheet.facts:
                visit.unread.add(url)
            waiting += found.stylesheets
            page = page.with_more(found)
        visit.unread.update(set(waiting) - seen)
        return page

    def _sign_download(self, download: Download, visit: Visit, *, page_url: str) -> Look:
        if visit.deadline is not None and self._clock() >= visit.deadline + _GRACE_S:
            return Look(download.image_url, None, "timeout", retry=True)
        try:
            seen = self._sign(download.fetched, visit, page_url=page_url)
        except SandboxError:
            raise  # The image is not at fault: the whole page is retried later.
        except ImageError as error:
            if download.fetched.status >= FIRST_ERROR:
                return failed(download.image_url, http_error(download.fetched))
            return failed(download.image_url, error)
        except Exception as error:  # noqa: BLE001 - one image must not stop the others.
            return failed(download.image_url, error)
        return Look(download.image_url, seen, None)

    def _sign(self, fetched: Fetched, visit: Visit, *, page_url: str) -> SeenImage:
        sha256 = hashlib.sha256(fetched.body).digest()
        frames = self._sign_data(fetched.body, sha256)
        visit.tally.pictures_left_out += frames.skipped
        return SeenImage(
            page_url=page_url,
            image_url=fetched.url,
            sha256=sha256,
            frames=tuple(frames),
            facts=fetched.facts,
        )


def _resolved(root: str, reference: str) -> str | None:
    try:
        url = resolve_url(root, reference)
    except BadUrlError:
        return None
    return None if url == root else url
