"""Looks at each page with the product and compares what it downloads with what Chromium shows."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from benchmarks.pages.browser import Seen
from benchmarks.pages.making import PICTURE, MadePage
from benchmarks.pages.pictures import hash_key
from benchmarks.pages.serving import PageServer
from hashsvc.scanning import Fetcher, Looker
from hashsvc.scanning.rendering import Renderer
from hashsvc.settings import Settings
from hashsvc.signals import NotAnImageError, SignedFrames
from hashsvc.signals.headers import begins_like_image

# The product looks at linked and declared images on purpose, although a browser shows none of them.
_LINK = re.compile(
    r"""<(?:a|area)\b[^>]*\shref=["']?[^"'\s>]*|<meta\b[^>]*>|<link\b[^>]*\srel=["']?image_src[^>]*>""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PageResult:
    """
    What was found on one page; images are named by `PageServer.key_of`.

    Attributes:
        page: The page.

        shown: Images that Chromium shows.

        found: Images that the product downloaded and would have signed.

        linked: Requests that Chromium does not make, for images that the page links to or declares,
            or for images of the pages to which its thumbnails lead.

        needless: All other requests for images that Chromium does not make.

        seconds: How long the product took.
    """

    page: MadePage
    shown: frozenset[str]
    found: frozenset[str]
    linked: tuple[str, ...]
    needless: tuple[str, ...]
    seconds: float

    @property
    def missed(self) -> list[str]:
        """The images that Chromium shows and the product did not download."""
        return sorted(self.shown - self.found)

    @property
    def missed_in_every_size(self) -> list[str]:
        """The missed images of which the product downloaded no other size either."""
        pictures = {picture_of(key) for key in self.found}
        return [key for key in self.missed if picture_of(key) not in pictures]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a set of pages."""

    results: Sequence[PageResult]

    @property
    def shown(self) -> int:
        """How many images Chromium shows."""
        return sum(len(each.shown) for each in self.results)

    @property
    def share_found(self) -> float:
        """Share of the shown images that the product downloaded from the same URL."""
        missed = sum(len(each.missed) for each in self.results)
        return 1 - missed / self.shown if self.shown else 0.0

    @property
    def share_found_in_some_size(self) -> float:
        """Share of the shown images that the product downloaded in this or another size."""
        missed = sum(len(each.missed_in_every_size) for each in self.results)
        return 1 - missed / self.shown if self.shown else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        needless = sum(len(each.needless) for each in self.results)
        linked = sum(len(each.linked) for each in self.results)
        requests = needless + linked + sum(len(each.found) for each in self.results)
        seconds = sorted(each.seconds for each in self.results)
        return {
            "pages": len(self.results),
            "pages_with_a_miss": sum(bool(each.missed) for each in self.results),
            "images_shown": self.shown,
            "share_found": round(self.share_found, 4),
            "share_found_in_some_size": round(self.share_found_in_some_size, 4),
            "linked_images": linked,
            "needless_requests": needless,
            "share_needless": round(needless / requests, 4) if requests else 0.0,
            "ms_per_page": round(sum(seconds) / len(seconds) * 1e3, 1) if seconds else 0.0,
            "ms_per_page_median": round(seconds[len(seconds) // 2] * 1e3, 1) if seconds else 0.0,
        }


def picture_of(key: str) -> str:
    """Return the part of an image's name that all its sizes have in common."""
    found = PICTURE.findall(key)
    return found[-1] if found and not key.startswith("inline ") else key


def look_with_product(
    pages: Sequence[MadePage],
    seen: Seen,
    on_page: Callable[[], object] = lambda: None,
    *,
    renderer: str = "",
) -> list[PageResult]:
    """
    Return the results of the pages on which Chromium reported.

    Args:
        renderer: Command of the browser that runs scripts for the product; empty for none.
    """
    defaults = Settings(_env_file=None)
    results = []
    with PageServer(pages) as server:
        settings = defaults.model_copy(
            update={
                "fetch_networks": (ip_network("127.0.0.1/32"),),
                "fetch_ports": frozenset({server.port}),
            }
        )
        with Fetcher(settings) as fetcher:
            runner = None
            if renderer:
                runner = Renderer(renderer, fetcher, user_agent=settings.fetch_user_agent)
                runner.check()  # The service does this once, when it starts.
            looker = Looker(
                fetcher,
                images_per_page=settings.scan_images_per_page,
                links_per_page=settings.scan_links_per_page,
                sign=_sign_nothing,
                renderer=runner,
            )
            for page in pages:
                if page.name in seen.shown:
                    results.append(_look_at(page, looker, server, seen))
                on_page()
    return results


def _look_at(page: MadePage, looker: Looker, server: PageServer, seen: Seen) -> PageResult:
    server.asked.clear()
    start = time.perf_counter()
    looks = list(looker.look(server.url + page.path))
    seconds = time.perf_counter() - start
    found = set()
    for look in looks:
        if look.image is not None:
            found |= {server.key_of(look.image.image_url), hash_key(look.image.sha256)}
    links = _linked(page)
    linked: list[str] = []
    needless: list[str] = []
    behind = _behind(page)
    for key in server.asked:
        if key in seen.asked:
            continue
        is_linked = picture_of(key) in behind or key.partition("?")[0].rpartition("/")[2] in links
        (linked if is_linked else needless).append(key)
    asked = set(server.asked)
    shown = seen.shown[page.name]
    kept = found & (asked | {key for key in shown if key.startswith("inline ")})
    return PageResult(page, shown, frozenset(kept), tuple(linked), tuple(needless), seconds)


def _linked(page: MadePage) -> frozenset[str]:
    """Return the file names of the images that a page links to or declares."""
    return frozenset(
        reference.partition("?")[0].rpartition("/")[2]
        for document in page.documents.values()
        for match in _LINK.finditer(document.body.decode("latin-1"))
        for reference in re.findall(r"[^\s\"'=<>]+", match[0])
        if PICTURE.search(reference)
    )


def _behind(page: MadePage) -> frozenset[str]:
    """Return the names of the pictures in the documents to which a page's thumbnails lead."""
    return frozenset(
        found
        for path in page.behind
        for found in PICTURE.findall(page.documents[path].body.decode("latin-1"))
    )


def _sign_nothing(data: bytes, _sha256: bytes) -> SignedFrames:
    """Stand in for signing, which is not measured here."""
    if not begins_like_image(data):
        raise NotAnImageError("This is not an image.")
    return SignedFrames()
