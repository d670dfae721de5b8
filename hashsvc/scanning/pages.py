"""Finds the images, films and further pages that an HTML page refers to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hashsvc.scanning import markup
from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.markup import Tag, decoded, elements
from hashsvc.scanning.references import (
    in_css,
    in_json,
    in_script,
    is_film_file,
    is_image_file,
    is_other_file,
    largest,
    side,
    sides_in_style,
)
from hashsvc.scanning.urls import resolve_url

# Assumed pixels of an image, by where the page refers to it; a declared size takes precedence.
_LINKED = 2_000_000
_PREVIEW = 800_000  # Previews are usually 1200 × 630.
_UNKNOWN = 300_000
_BACKGROUND = 250_000
_FALLBACK = 60_000  # The same element also has a larger image.
_IN_SCRIPT = 10_000
_SMALL = 0.001  # Factor for a thumbnail that links to its large image: comes last.
_MOST_PIXELS = 100_000_000

_ICON_SIDE = 48
_INLINE_ICON = 1000  # Letters of a `data:` URL; shorter ones are placeholders and spinners.
# Limit on resolved references: resolving one costs as much as reading a page of text.
_MOST_REFERENCES = 10_000
_MOST_PAGES = 50
_MOST_BYTES = 10_000_000

# Attributes of image elements from which scripts load the image later.
_LAZY = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-url", "data-full",
    "data-large", "data-image", "data-hi-res-src", "data-echo", "lazy-src", "lazysrc",
)  # fmt: skip
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "imagesrcset")
_IMAGES = frozenset({"img", "image", "input", "amp-img", "amp-anim", "source", "embed", "object"})
_META = frozenset(
    {"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src",
     "thumbnail"}
)  # fmt: skip
_META_FILMS = frozenset({"og:video", "og:video:url", "og:video:secure_url"})


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """
    The references of a page.

    Attributes:
        images: URL of each image once, the largest first as far as the page says; an inline image
            is a `data:` URL.

        pages: URLs on the same site that thumbnails link to or that frames show.

        films: URLs of films.

        moved_to: URL of a `refresh`, which browsers follow by themselves.

        has_scripts: Whether the page has scripts, which may show more images.
    """

    images: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    films: tuple[str, ...] = ()
    moved_to: str | None = None
    has_scripts: bool = False


def read_page(page: bytes, page_url: str) -> Page:
    """
    Return the references of a page.

    If an image is offered in several sizes, only the largest is returned. Images declared as small
    as icons are left out. The image file behind a thumbnail's link comes first, and the thumbnail
    last; the thumbnail is kept because its link may lead to another image.
    """
    text = decoded(page[:_MOST_BYTES])
    reader = _Reader(page_url, _root(text, page_url))
    for element in elements(text):
        reader.read(element)
    return reader.result()


def _root(text: str, page_url: str) -> str:
    """Return the URL that the page's references are relative to."""
    if re.search("<base", text, re.IGNORECASE):
        for element in elements(text):
            if element.tag == "base" and "href" in element.attributes:
                try:
                    return resolve_url(page_url, element.attributes["href"])
                except BadUrlError:
                    break
    return page_url


class _Reader:
    """Collects the references of a page, element by element."""

    def __init__(self, page_url: str, root: str) -> None:
        self._page_url = page_url
        self._root = root
        self._images: dict[str, float] = {}
        self._pages: dict[str, None] = {}
        self._films: dict[str, None] = {}
        self._moved_to: str | None = None
        self._has_scripts = False
        self._left = _MOST_REFERENCES
        self._link: str | None = None

    def result(self) -> Page:
        """Return the references collected so far."""
        # Python's sort keeps the page's order among equals.
        images = sorted(self._images, key=lambda url: -self._images[url])
        return Page(
            images=tuple(images),
            pages=tuple(self._pages),
            films=tuple(self._films),
            moved_to=self._moved_to,
            has_scripts=self._has_scripts,
        )

    def read(self, element: Tag) -> None:
        """Collect the references of one element."""
        tag, attributes = element.tag, element.attributes
        if tag in _IMAGES:
            self._read_image(tag, attributes)
            return
        match tag:
            case "a" | "area" | markup.LINK_END:
                self._read_link(tag, attributes.get("href"))
            case "meta":
                self._read_meta(attributes)
            case "link":
                self._read_relation(attributes)
            case "script" | "style":
                self._read_raw(element)
            case "video":
                self._see(attributes.get("poster", ""), _PREVIEW)
                self._see_film(attributes.get("src", ""))
            case "iframe" | "frame":
                self._lead(attributes.get("src", ""))
        self._read_ground(attributes)

    def _read_image(self, tag: str, attributes: Mapping[str, str]) -> None:
        declared = _declared(attributes)
        sized = declared or _UNKNOWN
        before = len(self._images)
        sets = [attributes[name] for name in _SETS if name in attributes]
        candidates = [each for value in sets if (each := largest(value))]
        if declared == 0 and not any(each.width > _ICON_SIDE for each in candidates):
            return  # An icon.
        for each in candidates:
            pixels = each.width**2 * 0.75 if each.width else sized * max(each.density, 1) ** 2
            self._see(each.url, pixels)
        for name in _LAZY:
            if name in attributes:
                self._see(attributes[name], sized)
        self._read_ground(attributes)
        # The `src` of a `source` is a film or a sound.
        src = attributes.get("src") or attributes.get("href") or attributes.get("xlink:href") or ""
        if tag == "object":
            src = attributes.get("data", "")
        if tag in ("source", "embed", "object") and not is_image_file(src):
            self._see_film(src)
        else:
            self._see(src, sized if len(self._images) == before else min(sized, _FALLBACK))

    def _read_ground(self, attributes: Mapping[str, str]) -> None:
        """Collect background images, and references in `data-` attributes for scripts."""
        for name, value in attributes.items():
            if name == "style":
                self._see_all(in_css(value), _BACKGROUND)
            elif name == "background":
                self._see(value, _BACKGROUND)
            elif name.startswith("data-") and name not in _LAZY and name not in _SETS:
                if "url(" in value:
                    self._see_all(in_css(value), _BACKGROUND)
                elif value.startswith(("{", "[")):
                    self._see_all(in_script(value), _IN_SCRIPT)
                elif is_image_file(value) and not any(sign in value for sign in ' {}"<>'):
                    self._see(value, _UNKNOWN)

    def _read_link(self, tag: str, href: str | None) -> None:
        if tag != "area":
            self._link = href
        if href is not None and is_image_file(href):
            self._see(href, _LINKED, in_link=False)
        elif href is not None and is_film_file(href):
            self._see_film(href)

    def _read_meta(self, attributes: Mapping[str, str]) -> None:
        what = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        content = attributes.get("content", "")
        if what and (what.lower() in _META or what.lower() in ("image", "thumbnailurl")):
            self._see(content, _PREVIEW)
        elif what and what.lower() in _META_FILMS:
            self._see_film(content)
        elif attributes.get("http-equiv", "").lower() == "refresh":
            _, mark, target = content.partition("=")
            if mark and "url" in content.lower():
                url = self._resolved(target.strip("'\" "))
                self._moved_to = url if url not in ("", self._page_url) else None

    def _read_relation(self, attributes: Mapping[str, str]) -> None:
        relations = attributes.get("rel", "").lower().split()
        href = attributes.get("href", "")
        if "preload" in relations and attributes.get("as", "").lower() == "image":
            best = largest(attributes.get("imagesrcset", ""))
            self._see(best.url if best else href, _UNKNOWN)
        elif "image_src" in relations:
            self._see(href, _PREVIEW)
        elif is_image_file(href) and not any("icon" in each for each in relations):
            self._see(href, _FALLBACK)

    def _read_raw(self, element: Tag) -> None:
        if element.tag == "style":
            self._see_all(in_css(element.text), _BACKGROUND)
            return
        self._has_scripts = True
        if "ld+json" in element.attributes.get("type", "").lower():
            self._see_all(in_json(element.text), _PREVIEW)
        self._see_all(in_script(element.text), _IN_SCRIPT)

    def _see_all(self, references: Iterator[str], pixels: float) -> None:
        for reference in references:
            self._see(reference, pixels)

    def _see(self, reference: str, pixels: float, *, in_link: bool = True) -> None:
        """Collect an image, with its known or assumed number of pixels."""
        if not reference or not self._left or is_other_file(reference):
            return
        if in_link and self._link is not None:
            if is_image_file(self._link):
                pixels *= _SMALL
            else:
                self._lead(self._link)
        if reference[:5].lower() == "data:":
            url = reference if len(reference) > _INLINE_ICON else ""
        else:
            url = self._resolved(reference)
        if url:
            self._images[url] = max(pixels, self._images.get(url, 0))

    def _see_film(self, reference: str) -> None:
        if reference and len(self._films) < _MOST_PAGES and (url := self._resolved(reference)):
            self._films[url] = None

    def _lead(self, reference: str) -> None:
        """Collect a page that this page shows in a frame or links to."""
        if not reference or len(self._pages) == _MOST_PAGES:
            return
        url = self._resolved(reference)
        if url and url != self._page_url and self._is_ours(url):
            self._pages[url] = None

    def _is_ours(self, url: str) -> bool:
        """Return whether a URL is on the same site and is not its front page."""
        there, here = urlsplit(url), urlsplit(self._page_url)
        hosts = [f".{(each.hostname or '').removeprefix('www.')}" for each in (there, here)]
        is_same = hosts[0].endswith(hosts[1]) or hosts[1].endswith(hosts[0])
        return is_same and (there.path not in ("", "/") or bool(there.query))

    def _resolved(self, reference: str) -> str:
        if self._left == 0:
            return ""
        self._left -= 1
        try:
            return resolve_url(self._root, reference)
        except BadUrlError:
            return ""  # A script, or a URL that cannot be fetched.


def _declared(attributes: Mapping[str, str]) -> float | None:
    """Return the declared pixels of an image: 0 for an icon, None if no size is declared."""
    if attributes.keys().isdisjoint(("style", "width", "height")):
        return None
    styled = sides_in_style(attributes.get("style", ""))
    # A style overrides an attribute, even in other units, which leaves the size unknown.
    width, height = (
        side(styled.get(name, attributes.get(name, ""))) for name in ("width", "height")
    )
    known = [each for each in (width, height) if each is not None]
    if not known:
        return None
    if max(known) <= _ICON_SIDE:
        return 0
    one, other = known if len(known) == 2 else (known[0], known[0] * 0.75)
    return min(one * other, _MOST_PIXELS)
