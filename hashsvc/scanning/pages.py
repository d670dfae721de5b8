"""Finds the images of an HTML page."""

from collections.abc import Iterable
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.urls import normalise_url

_LAZY = ("data-src", "data-original", "data-lazy-src", "data-url")
_LAZY_SETS = ("srcset", "data-srcset")
_META = (
    'meta[property="og:image"]',
    'meta[property="og:image:url"]',
    'meta[name="twitter:image"]',
)
_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".bmp")


def image_urls(html: bytes, page_url: str, *, limit: int) -> list[str]:
    """
    Return the URLs of a page's images, in the page's order, each once, at most `limit`.

    Of a set of sizes the largest is taken; links to image files count, for a thumbnail leads there.
    """
    tree = LexborHTMLParser(html)
    base = tree.css_first("base[href]")
    root = urljoin(page_url, base.attributes["href"] or "") if base else page_url
    found: dict[str, None] = {}
    for reference in _references(tree):
        if len(found) == limit:
            break
        try:
            found[normalise_url(urljoin(root, reference.strip()))] = None
        except (BadUrlError, ValueError):
            continue  # A data: URL, a script, or nothing that can be fetched.
    return list(found)


def _references(tree: LexborHTMLParser) -> Iterable[str]:
    for selector in _META:
        for node in tree.css(selector):
            yield from _attributes(node, ("content",))
    for node in tree.css("img, source, video[poster]"):
        for name in _LAZY_SETS:
            if value := node.attributes.get(name):
                yield _largest(value)
        yield from _attributes(node, (*_LAZY, "src", "poster"))
    for node in tree.css("a[href], link[rel=image_src]"):
        href = node.attributes.get("href") or ""
        if href.partition("?")[0].lower().endswith(_IMAGE_ENDINGS):
            yield href


def _attributes(node: LexborNode, names: Iterable[str]) -> Iterable[str]:
    for name in names:
        if value := node.attributes.get(name):
            yield value


def _largest(srcset: str) -> str:
    """Return the URL with the largest width or density of a `srcset` attribute."""

    def size(candidate: str) -> float:
        descriptor = candidate.rsplit(maxsplit=1)[-1]
        try:
            return float(descriptor[:-1])
        except ValueError:
            return 1.0

    candidates = [part.strip() for part in srcset.split(", ") if part.strip()]
    return max(candidates, key=size).split()[0] if candidates else ""
