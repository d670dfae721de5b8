"""
Finds the images of an HTML page.

The markup is read tag by tag, as a browser's tokeniser does, and no tree is built: of 50 kB of
wrongly nested markup an HTML5 tree has gigabytes, and a million open elements take hours. Here each
step consumes what it has read, so that the time grows with the page's length and no faster.
"""

import codecs
import html
import re
from collections.abc import Iterator, Mapping

from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.urls import resolve_url

_LAZY = ("data-src", "data-original", "data-lazy-src", "data-url")
_SETS = ("srcset", "data-srcset")
# What is taken of each element. The `src` of a `source` is a film or a sound.
_TAKEN = {
    "a": ("href",),
    "base": ("href",),
    "img": (*_SETS, *_LAZY, "src"),
    "link": ("rel", "href"),
    "meta": ("property", "name", "content"),
    "source": _SETS,
    "video": ("poster",),
}
_META = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image"})
_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".bmp")

# HTML standard, "Tokenization". An unclosed comment, tag or quotation goes to the page's end.
_ATTRIBUTE = r"""[\s/]*+{name}(?:\s*+=\s*+{value})?+"""
_NAME = r"[^\s/>][^\s/>=]*+"
_VALUE = r"""(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+)"""
_ATTRIBUTES = re.compile(_ATTRIBUTE.format(name=f"({_NAME})", value=f"({_VALUE})"), re.ASCII)
_MARKUP = re.compile(
    rf"""
      <!--(?:-?>|(?:[^-]++|-(?!-!?>))*+)      # a comment
    | <[!?/][^>]*+                            # a declaration, the end of an element
    | <([a-z][^\s/>]*+)((?:{_ATTRIBUTE.format(name=_NAME, value=_VALUE)})*+)
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
# Between these no `<` begins a tag.
_END_OF_RAW = {
    tag: re.compile(rf"</{tag}[\s/>]", re.ASCII | re.IGNORECASE) for tag in ("script", "style")
}
# Of a `srcset`: a URL, and its width or density. A comma ends a candidate, but may be in a URL.
_CANDIDATE = re.compile(r"([^\s,](?:\S*[^\s,])?)(?:\s+(\d+(?:\.\d+)?)[wx])?[^,]*+(?:,|$)")
_MAX_VALUE = 100_000
# What is no UTF-8 on a page is most often of the Windows code page, whatever the page says.
_STRAY_BYTES = {
    0xDC00 + each: bytes([each]).decode("cp1252", "replace") for each in range(128, 256)
}


def image_urls(page: bytes, page_url: str, *, limit: int) -> list[str]:
    """
    Return the URLs of a page's images, in the page's order, each once, at most `limit`.

    Of a set of sizes the largest is taken; links to image files count, for a thumbnail leads there.
    """
    text = _decoded(page)
    root = _root(text, page_url)
    found: dict[str, None] = {}
    for tag, attributes in _elements(text):
        for reference in _references(tag, attributes):
            if len(found) == limit:
                return list(found)
            try:
                found[resolve_url(root, reference)] = None
            except BadUrlError:
                continue  # A data: URL, a script, or nothing that can be fetched.
    return list(found)


def _decoded(page: bytes) -> str:
    if page.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return page.decode("utf-16", "replace")
    return page.decode("utf-8", "surrogateescape")


def _elements(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield, of each element that may lead to an image, the name and what is taken of it."""
    place, ends = 0, dict(_END_OF_RAW)
    while markup := _MARKUP.search(text, place):
        place = markup.end()
        tag = (markup[1] or "").lower()
        if tag in _TAKEN:
            yield tag, _attributes(markup[2], _TAKEN[tag])
        elif tag in ends:
            if end := ends[tag].search(text, place):
                place = end.end()
            else:
                del ends[tag]  # Nor is there one further on.


def _attributes(text: str, names: tuple[str, ...]) -> dict[str, str]:
    taken: dict[str, str] = {}
    for attribute in _ATTRIBUTES.finditer(text):
        name, value = attribute[1].lower(), attribute[2] or ""
        if name in names and name not in taken:  # Of two of one name the first counts.
            if value.startswith(('"', "'")):
                value = value.strip(value[0])
            taken[name] = html.unescape(value[:_MAX_VALUE]).translate(_STRAY_BYTES).strip()
    return taken


def _root(text: str, page_url: str) -> str:
    """Return what the page's references are relative to."""
    if re.search("<base", text, re.IGNORECASE):
        for tag, attributes in _elements(text):
            if tag == "base" and "href" in attributes:
                try:
                    return resolve_url(page_url, attributes["href"])
                except BadUrlError:
                    break
    return page_url


def _references(tag: str, attributes: Mapping[str, str]) -> Iterator[str]:
    match tag:
        case "meta":
            what = attributes.get("property") or attributes.get("name") or ""
            if what.lower() in _META:
                yield from _given(attributes, ("content",))
        case "a" | "link":
            href = attributes.get("href", "")
            shown = attributes.get("rel", "").lower() == "image_src"
            if shown or re.split("[?#]", href)[0].lower().endswith(_IMAGE_ENDINGS):
                yield href
        case "img" | "source" | "video":
            for each in _given(attributes, _SETS):
                yield from _largest(each)
            yield from _given(attributes, (*_LAZY, "src", "poster"))


def _given(attributes: Mapping[str, str], names: tuple[str, ...]) -> Iterator[str]:
    return (attributes[name] for name in names if attributes.get(name))


def _largest(srcset: str) -> list[str]:
    """Return the URL with the largest width or density of a `srcset` attribute; none of none."""
    candidates = _CANDIDATE.findall(srcset)
    return [url for url, _ in sorted(candidates, key=lambda each: -float(each[1] or 1))[:1]]
