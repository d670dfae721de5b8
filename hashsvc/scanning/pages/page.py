"""What a page shows and leads to: the result of reading one."""

from dataclasses import dataclass, replace

IN_SCRIPT = 10_000.0
"""The pixels that a string in a script is taken to have, which may be an image's URL."""


@dataclass(frozen=True, slots=True, repr=False)
class PageImage:
    """
    One image that a page shows.

    Attributes:
        urls: Where it is: first the URL that a browser loads, then others of the same image (other
            sizes, say), to be tried if that fails. An image in the markup has a `data:` URL.

        pixels: How many pixels the page gives it, as far as the page tells; a guess otherwise.

        is_linked: Whether the page only links to it. The link may lead to a page.
    """

    urls: tuple[str, ...]
    pixels: float
    is_linked: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """
    What a page shows and leads to. All URLs are absolute and in one spelling.

    Attributes:
        images: The largest first, as far as the page tells; icons last.

        pages: URLs of the same site that thumbnails link to.

        frames: URLs of pages that this page shows in frames, of any site.

        stylesheets: URLs of style sheets.

        films: URLs of films.

        moved_to: Where a browser goes on to from the page by itself.

        referrer_policy: As the page declares it; empty if it declares none.

        has_scripts: Whether scripts may show more.
    """

    images: tuple[PageImage, ...] = ()
    pages: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    stylesheets: tuple[str, ...] = ()
    films: tuple[str, ...] = ()
    moved_to: str | None = None
    referrer_policy: str = ""
    has_scripts: bool = False

    def shown_count(self) -> int:
        """Return the number of images in the markup, without strings in scripts that may be one."""
        return sum(image.pixels > IN_SCRIPT for image in self.images)

    def with_more(self, other: "Page") -> "Page":
        """Return this page with what another one adds to it, as a style sheet does."""
        known = {url for image in self.images for url in image.urls}
        more = [image for image in other.images if known.isdisjoint(image.urls)]
        return replace(
            self,
            images=tuple(sorted((*self.images, *more), key=lambda image: -image.pixels)),
            pages=tuple(dict.fromkeys((*self.pages, *other.pages))),
            frames=tuple(dict.fromkeys((*self.frames, *other.frames))),
            films=tuple(dict.fromkeys((*self.films, *other.films))),
            moved_to=self.moved_to or other.moved_to,
        )
