"""The result of reading a page: what it shows, and where it leads."""

import operator
from dataclasses import astuple, dataclass, replace

IN_SCRIPT = 10_000.0
"""How many pixels to assume for an image whose URL is only a string in a script."""


@dataclass(frozen=True, slots=True, repr=False)
class PageImage:
    """
    One image that a page shows.

    Attributes:
        urls: URLs of the image. The first is the one that a browser loads. The others, such as
            other sizes, are tried if it fails. An image in the markup has a `data:` URL.

        pixels: How many pixels the page declares for it; a guess if the page declares nothing.

        is_linked: Whether the page only links to it. The link may lead to a page.

        is_icon: Whether the page declares it as 48 × 48 pixels or smaller.
    """

    urls: tuple[str, ...]
    pixels: float
    is_linked: bool = False
    is_icon: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    How much of a page was left out when it was read.

    Attributes:
        failed: Images whose URL the service does not fetch, such as one that is too long.

        over_limit: Images and films beyond the limits for one page.

        frames: Frames beyond the limit, and frames that cannot be fetched or are nested too deeply.

        parts: Other parts beyond a limit: linked pages, style sheets, scripts, the end of the page.
    """

    failed: int = 0
    over_limit: int = 0
    frames: int = 0
    parts: int = 0

    def __add__(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(*map(operator.add, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """
    What a page shows and leads to. All URLs are absolute and in one spelling.

    Attributes:
        images: Images, the largest first as far as the page declares sizes, and icons last.

        pages: URLs of the same site that thumbnails link to.

        frames: URLs of pages that this page shows in frames, of any site.

        stylesheets: URLs of style sheets.

        films: URLs of films.

        moved_to: URL to which the page forwards a browser; None if it does not.

        referrer_policy: The policy that the page declares; empty if it declares none.

        has_scripts: Whether the page has scripts that may show more images.

        icons: URLs of icons that are not among the images: `.ico` files, icons of the site, and
            `data:` URLs of fewer than 1,000 characters.

        left_out: How much else was left out.
    """

    images: tuple[PageImage, ...] = ()
    pages: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    stylesheets: tuple[str, ...] = ()
    films: tuple[str, ...] = ()
    moved_to: str | None = None
    referrer_policy: str = ""
    has_scripts: bool = False
    icons: tuple[str, ...] = ()
    left_out: LeftOut = LeftOut()

    def shown_count(self) -> int:
        """Return the number of images in the markup, not counting strings in scripts."""
        return sum(image.pixels > IN_SCRIPT for image in self.images)

    def with_more(self, other: "Page") -> "Page":
        """Return this page together with what another one, or a style sheet, shows and leads to."""
        known = {url for image in self.images for url in image.urls}
        more = [image for image in other.images if known.isdisjoint(image.urls)]
        return replace(
            self,
            images=tuple(sorted((*self.images, *more), key=lambda image: -image.pixels)),
            pages=tuple(dict.fromkeys((*self.pages, *other.pages))),
            frames=tuple(dict.fromkeys((*self.frames, *other.frames))),
            films=tuple(dict.fromkeys((*self.films, *other.films))),
            moved_to=self.moved_to or other.moved_to,
            icons=tuple(dict.fromkeys((*self.icons, *other.icons))),
            left_out=self.left_out + other.left_out,
        )
