"""The state of one visit to a URL: how it downloads, what it has tried, and what it leaves out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx2

from hashsvc.scanning.browsing import Browsing, Purpose
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.pages import Page, PageImage
from hashsvc.scanning.results import Look
from hashsvc.store.tallies import Tally


@dataclass(slots=True)
class Visit:
    """
    The state of one visit to a URL.

    Attributes:
        tally: Counts what becomes of the images; complete once `count_what_is_left` was called.

        seen: The URLs that were tried so far.

        unread: The URLs of pages and style sheets that were not read, or were read only in part.

        frames: The URLs of all frames of the pages.

        links: The URLs of all linked pages that may be followed.

        linked_pages: Links that looked like images, and turned out to be pages.
    """

    deadline: float | None
    via: str | None
    tally: Tally = field(default_factory=Tally)
    seen: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    frames: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    linked_pages: list[str] = field(default_factory=list)
    cookies: httpx2.Cookies = field(default_factory=httpx2.Cookies)
    has_signed: bool = False
    # Whether each image that was left out is an icon. The keys are hashes of the images' URLs,
    # because a `data:` URL is as large as its image.
    _left_out: dict[int, bool] = field(default_factory=dict)

    def browsing(
        self, purpose: Purpose, shown_by: Fetched | None = None, page: Page | None = None
    ) -> Browsing:
        """Return why a request is made: by the page `shown_by`, or by a person if that is None."""
        policy = "" if page is None else page.referrer_policy
        if shown_by is not None and not policy:
            policy = shown_by.headers.get("referrer-policy", "")
        return Browsing(purpose, shown_by.url if shown_by else "", policy, self.cookies)

    def get(self, fetcher: Fetcher, url: str, browsing: Browsing) -> Fetched:
        """Return what is at a URL, within this visit's deadline and through its proxy."""
        return fetcher.get(url, deadline=self.deadline, via=self.via, browsing=browsing)

    def choose(self, page: Page, *, most: int, most_films: int) -> list[PageImage]:
        """Return the images and films of a page to look at, without those that were tried."""
        images = [each for each in page.images if self.seen.isdisjoint(each.urls)]
        chosen = images[:most]
        self._leave_out(images[most:])
        self.seen.update(url for image in chosen for url in image.urls)
        films = [PageImage((each,), 0) for each in page.films if each not in self.seen]
        self._leave_out(films[most_films:])
        self.seen.update(url for film in films[:most_films] for url in film.urls)
        return chosen + films[:most_films]

    def counted(self, look: Look) -> Look:
        """Return a result, after counting it."""
        if look.image is None:
            self.tally.images_failed += 1
        else:
            self.tally.images += 1
            self.has_signed = True
        return look

    def note(self, page: Page) -> None:
        """Note the frames of a page, the page that it forwards to, and what was left out of it."""
        self.frames.update(page.frames)
        if page.moved_to is not None:
            self.links.add(page.moved_to)
        self.note_left_out(page)

    def note_left_out(self, page: Page) -> None:
        """Note what was left out when a page or an SVG image was read."""
        for url in page.icons:
            self._left_out.setdefault(hash(url), True)
        self.tally.images_failed += page.left_out.failed
        self.tally.images_over_limit += page.left_out.over_limit
        self.tally.frames_not_followed += page.left_out.frames
        self.tally.parts_not_read += page.left_out.parts

    def _leave_out(self, images: Iterable[PageImage]) -> None:
        for image in images:
            key = hash(image.urls[0])
            self._left_out[key] = image.is_icon and self._left_out.get(key, True)

    def count_what_is_left(self) -> None:
        """Count what was found and never tried. An image left out once may be tried later."""
        tried = {hash(url) for url in self.seen}
        for key in self._left_out.keys() - tried:
            if self._left_out[key]:
                self.tally.icons_left_out += 1
            else:
                self.tally.images_over_limit += 1
        read = self.seen - self.unread
        self.tally.frames_not_followed += len(self.frames - read)
        links = self.links.union(self.linked_pages) - read
        self.tally.parts_not_read += len((links | self.unread) - self.frames)
