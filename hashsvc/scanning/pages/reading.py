"""
Finds the images of a page in every place where a browser or the page's scripts find them.

The parsers are libraries that follow the standards. This module decides only which elements,
attributes, styles and strings show an image.
"""

import html
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from hashsvc.scanning.pages.attributes import (
    declared_pixels,
    declared_width,
    is_lazy,
    lazy_references,
)
from hashsvc.scanning.pages.encoding import decode_page
from hashsvc.scanning.pages.finds import ICON, Finds
from hashsvc.scanning.pages.json_ld import MAX_JSON, in_json_ld
from hashsvc.scanning.pages.kinds import (
    is_film_reference,
    is_image_reference,
    is_other_file,
)
from hashsvc.scanning.pages.media import media_matches
from hashsvc.scanning.pages.page import IN_SCRIPT, Page
from hashsvc.scanning.pages.scripts import MAX_FINDS, MAX_SCRIPT, in_script
from hashsvc.scanning.pages.srcsets import (
    SrcsetImage,
    in_order_of_choice,
    parse_srcset,
    width_of,
)
from hashsvc.scanning.pages.styles import imported, in_declarations, in_stylesheet, is_cut
from hashsvc.scanning.pages.tree import (
    elements_of,
    is_hidden,
    parse_tree,
    template_markup,
    text_of,
)

# How many pixels an image is assumed to have, by the place where it is found. If the page declares
# a size, that size is used.
LINKED = 2_000_000.0
PREVIEW = 800_000.0  # Previews are usually 1200 × 630 pixels.
UNKNOWN = 300_000.0
BACKGROUND = 250_000.0
PLACEHOLDER = 60_000.0  # The `src` of an image that a script replaces later.

_MAX_BYTES = 10_000_000
_MAX_MARKUP_DEPTH = 2
_MAX_MARKUP = 200_000
_IMAGE_TAGS = frozenset({"img", "input", "amp-img", "amp-anim", "source", "image"})
_NEVER_LAZY = frozenset({"meta", "link", "script", "style"})
_IMAGE_TYPES = frozenset({"", "image/jpeg", "image/png", "image/webp", "image/gif", "image/avif",
                          "image/apng", "image/svg+xml", "image/bmp", "image/x-icon"})  # fmt: skip
_META_IMAGES = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image",
                          "twitter:image:src", "thumbnail", "image", "thumbnailurl"})  # fmt: skip
_META_FILMS = frozenset({"og:video", "og:video:url", "og:video:secure_url"})
_REFRESH = re.compile(
    r"\s*[\d.]*\s*(?:[;,]\s*|\s+)(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE | re.DOTALL
)
_DATA_SCRIPTS = frozenset({"application/json", "application/vnd.api+json", "text/x-template"})
_MAX_CODE = 1_000_000
_PSEUDO = re.compile(r"::?(?:before|after|hover|focus|active|visited|-[\w-]+)(?:\([^)]*\))?")


def read_page(body: bytes, url: str, content_type: str = "") -> Page:
    """
    Return what a page shows and leads to.

    Args:
        body: The bytes of the page; only the first 10 MB are read.

        url: Where it came from, after redirects.

        content_type: The Content-Type header.

    Raises:
        PageTooComplexError: If the page's tree does not fit into memory.
    """
    page = decode_page(body[:_MAX_BYTES], content_type)
    finds = Finds(url, encoding=page.encoding)
    if len(body) > _MAX_BYTES:
        finds.leave_out("parts", "the end of the page")
    _Reader(finds).read(page.text)
    return finds.page()


def read_stylesheet(body: bytes, url: str, content_type: str, page: bytes | None = None) -> Page:
    """
    Return the images and the style sheets that a style sheet refers to.

    Args:
        page: The page that uses it. Rules that match no element of the page are left out. None
            reads all rules.
    """
    sheet = decode_page(body[:_MAX_BYTES], content_type)
    finds = Finds(url, encoding=sheet.encoding)
    if len(body) > _MAX_BYTES:
        finds.leave_out("parts", "the end of the style sheet")
    tree = parse_tree(decode_page(page[:_MAX_BYTES]).text) if page is not None else None
    _read_sheet(sheet.text, finds, tree)
    return finds.page()


def refresh_target(value: str) -> str | None:
    """Return where a `Refresh` header or a <meta> of that name leads; None if it only reloads."""
    found = _REFRESH.match(value)
    return found[1].strip() if found and found[1].strip() else None


class _Reader:
    """
    Goes through the elements of a page, of its frames' `srcdoc` and of markup in its scripts.

    Args:
        most: The largest number of pixels that an image may count as having.
    """

    def __init__(self, finds: Finds, *, depth: int = 0, most: float = math.inf) -> None:
        self._finds = finds
        self._depth = depth
        self._most = most
        self._links: dict[int, str] = {}
        self._hidden: dict[int, bool] = {}
        self._readers: dict[str, Callable[[Mapping[str, str]], object]] = {
            "object": self._read_embedded,
            "embed": self._read_embedded,
            "a": self._read_link,
            "area": self._read_link,
            "video": self._read_film,
            "amp-video": self._read_film,
            "iframe": self._read_frame,
            "frame": self._read_frame,
            "meta": self._read_meta,
            "link": self._read_relation,
        }

    def read(self, text: str) -> None:
        tree = parse_tree(text)
        if self._depth == 0 and (base := tree.css_first("base[href]")):
            self._finds.set_base(base.attributes.get("href") or "")
        self._links = _links_around_images(tree)
        for node in elements_of(tree):
            self._read_element(node, tree)
        for template in tree.css("template"):
            self._read_markup(template_markup(template))

    def _read_element(self, node: LexborNode, tree: LexborHTMLParser) -> None:
        tag = node.tag or ""
        attributes = {name: value or "" for name, value in node.attributes.items()}
        if tag == "style":
            _read_sheet(text_of(node), self._finds, tree)
        elif tag == "script":
            self._read_script(node, attributes)
        elif tag == "code":
            self._read_code(node)
        elif tag in _IMAGE_TAGS:
            self._read_image(node, tag, attributes)
        elif read := self._readers.get(tag):
            read(attributes)
        self._read_any(node, tag, attributes)

    def _read_any(self, node: LexborNode, tag: str, attributes: Mapping[str, str]) -> None:
        """Read the attributes that show an image on any element."""
        if "poster" in attributes:
            self._add([attributes["poster"]], PREVIEW)
        if "background" in attributes:
            self._add([attributes["background"]], BACKGROUND, node)
        for url in in_declarations(attributes.get("style", "")):
            if is_hidden(node, self._hidden):
                self._finds.add_hidden([url])
            else:
                self._add([url], declared_pixels(attributes) or BACKGROUND, node)
        if tag not in _NEVER_LAZY:
            self._read_lazy(node, attributes)

    def _read_image(self, node: LexborNode, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "input" and attributes.get("type", "").lower() != "image":
            return
        if tag == "source":
            self._read_source(attributes)
            return
        declared = declared_pixels(attributes)
        pixels = UNKNOWN if declared is None else max(declared, ICON)
        src = attributes.get("src") or attributes.get("href") or attributes.get("xlink:href") or ""
        candidates, sizes = self._source_of(node)
        if not candidates:
            candidates = parse_srcset(attributes.get("srcset", ""))
            sizes = attributes.get("sizes", "")
        urls = in_order_of_choice(candidates, sizes, width=declared_width(attributes))
        if urls and declared is None and (width := width_of(candidates, urls[0])):
            pixels = width**2 * 0.75
        if is_lazy(attributes):
            pixels = min(pixels, PLACEHOLDER)
        if attributes.get("loading", "").lower() == "lazy" and is_hidden(node, self._hidden):
            self._finds.add_hidden([*urls, src])
        else:
            self._add([*urls, src], pixels, node)

    def _add(self, urls: Sequence[str], pixels: float, node: LexborNode | None = None) -> None:
        link = None if node is None else self._links.get(node.mem_id)
        self._finds.add_image(urls, min(pixels, self._most), link=link)

    def _source_of(self, node: LexborNode) -> tuple[list[SrcsetImage], str]:
        """Return the images and sizes of the <source> that a browser takes in a <picture>."""
        parent = node.parent
        if parent is None or parent.tag != "picture":
            return [], ""
        for source in parent.css("source"):
            kind, media, srcset, sizes = (
                source.attributes.get(name) or "" for name in ("type", "media", "srcset", "sizes")
            )
            if kind.lower() in _IMAGE_TYPES and media_matches(media):
                found = parse_srcset(srcset)
                if found:
                    return found, sizes
        return [], ""

    def _read_source(self, attributes: Mapping[str, str]) -> None:
        # The sources in a <picture> are read with its <img>, so read only `src` here.
        src = attributes.get("src", "")
        if is_image_reference(src):
            self._add([src], UNKNOWN)
        elif attributes.get("type", "").startswith("video/") or is_film_reference(src):
            self._finds.add_film(src)

    def _read_embedded(self, attributes: Mapping[str, str]) -> None:
        url = attributes.get("data") or attributes.get("src") or ""
        kind = attributes.get("type", "").lower()
        if (
            kind.startswith("image/")
            or is_image_reference(url)
            or url.lower().startswith("data:image")
        ):
            self._add([url], declared_pixels(attributes) or UNKNOWN)
        elif kind.startswith("video/") or is_film_reference(url):
            self._finds.add_film(url)
        elif not is_other_file(url) and kind in ("", "text/html", "image/svg+xml"):
            self._finds.add_frame(url)

    def _read_film(self, attributes: Mapping[str, str]) -> None:
        self._finds.add_film(attributes.get("src", ""))

    def _read_link(self, attributes: Mapping[str, str]) -> None:
        href = attributes.get("href", "")
        if is_film_reference(href):
            self._finds.add_film(href)
        elif is_image_reference(href):
            self._finds.add_image([href], min(LINKED, self._most), is_linked=True)

    def _read_frame(self, attributes: Mapping[str, str]) -> None:
        if "srcdoc" in attributes:
            markup = attributes["srcdoc"]
            if self._can_read(markup):
                self._read_markup(markup)
            elif "<" in markup:
                self._finds.leave_out("frames", markup)
        else:
            self._finds.add_frame(attributes.get("src", ""))

    def _read_meta(self, attributes: Mapping[str, str]) -> None:
        name = (
            attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        )
        content = attributes.get("content", "")
        if name.lower() in _META_IMAGES:
            self._add([content], PREVIEW)
        elif name.lower() in _META_FILMS:
            self._finds.add_film(content)
        elif name.lower() == "referrer":
            self._finds.referrer_policy = content.strip().lower()
        elif attributes.get("http-equiv", "").lower() == "refresh" and self._depth == 0:
            self._finds.move_to(refresh_target(content) or "")

    def _read_relation(self, attributes: Mapping[str, str]) -> None:
        relations = attributes.get("rel", "").lower().split()
        href = attributes.get("href", "")
        if "stylesheet" in relations and "alternate" not in relations:
            if media_matches(attributes.get("media", "")):
                self._finds.add_stylesheet(href)
        elif "preload" in relations and attributes.get("as", "").lower() == "image":
            found = parse_srcset(attributes.get("imagesrcset", ""))
            urls = in_order_of_choice(found, attributes.get("imagesizes", ""))
            self._add([*urls, href], UNKNOWN)
        elif "image_src" in relations:
            self._add([href], PREVIEW)
        elif any("icon" in each for each in relations):
            self._finds.add_icon(href)
        elif is_image_reference(href):
            self._add([href], PLACEHOLDER)

    def _read_script(self, node: LexborNode, attributes: Mapping[str, str]) -> None:
        kind = attributes.get("type", "").strip().lower()
        text = text_of(node)
        if "ld+json" in kind:
            if len(text) > MAX_JSON:
                self._finds.leave_out("parts", text)
            self._add_all(in_json_ld(text), PREVIEW)
            return
        if kind not in _DATA_SCRIPTS:
            self._finds.has_scripts = True
        if kind in ("text/template", "text/x-template", "text/html", "text/x-handlebars-template"):
            self._read_markup(text)
            return
        self._read_source_text(text)

    def _read_source_text(self, text: str) -> None:
        """Read the strings of a script, or of data that is written in JavaScript's notation."""
        found = list(in_script(text))
        if len(text) > MAX_SCRIPT or len(found) == MAX_FINDS:
            self._finds.leave_out("parts", text)
        for find in found:
            self._read_markup(find.markup, most=IN_SCRIPT)
            self._finds.add_from_script(find.url)

    def _read_code(self, node: LexborNode) -> None:
        """Read a comment in <code>, where sites keep markup and data for their scripts."""
        _, _, begun = (node.html or "")[:_MAX_CODE].partition("<!--")
        comment, end, _ = begun.partition("-->")
        if end:
            if comment.lstrip().startswith(("{", "[")):
                self._read_source_text(f"({html.unescape(comment)})")
            else:
                self._read_markup(comment, most=IN_SCRIPT)

    def _read_lazy(self, node: LexborNode, attributes: Mapping[str, str]) -> None:
        pixels = declared_pixels(attributes) or UNKNOWN
        for urls in lazy_references(attributes):
            self._add(urls, pixels, node)
        for name, value in attributes.items():
            if name.startswith("data-") and value.lstrip().startswith("<"):
                self._read_markup(value, most=IN_SCRIPT)
            elif name.startswith("data-") and ("url(" in value or "image-set(" in value):
                self._add_all(in_declarations(f"background:{value}"), BACKGROUND)
            elif value.lstrip().startswith(("{", "[")):
                self._read_source_text(f"({value})")
            elif name == "onclick":
                self._read_source_text(value)

    def _can_read(self, markup: str) -> bool:
        return self._depth < _MAX_MARKUP_DEPTH and len(markup) <= _MAX_MARKUP

    def _read_markup(self, markup: str, *, most: float = math.inf) -> None:
        if self._can_read(markup) and "<" in markup:
            most = min(most, self._most)
            _Reader(self._finds, depth=self._depth + 1, most=most).read(markup)
        elif len(markup) > _MAX_MARKUP:
            self._finds.leave_out("parts", markup)

    def _add_all(self, urls: Iterable[str], pixels: float) -> None:
        for url in urls:
            self._add([url], pixels)


def _links_around_images(tree: LexborHTMLParser) -> dict[int, str]:
    """Return the link target of each link and of each image inside it, by `mem_id`."""
    found: dict[int, str] = {}
    for link in tree.css("a[href]"):
        found[link.mem_id] = link.attributes.get("href") or ""
        for image in link.css("img, image, picture, amp-img, [data-src], [style]"):
            found[image.mem_id] = link.attributes.get("href") or ""
    return found


def _read_sheet(text: str, finds: Finds, tree: LexborHTMLParser | None) -> None:
    if is_cut(text):
        finds.leave_out("parts", text)
    for url in imported(text):
        finds.add_stylesheet(url)
    for image in in_stylesheet(text):
        if tree is None or _is_used(image.selector, tree):
            finds.add_image([image.url], BACKGROUND)


def _is_used(selector: str, tree: LexborHTMLParser) -> bool:
    """Return whether a rule matches an element; True if the selector cannot be read."""
    plain = _PSEUDO.sub("", selector).strip()
    if not plain or plain.endswith((">", "+", "~")):
        return True
    try:
        return tree.css_first(plain) is not None
    except Exception:  # noqa: BLE001 - the library's own error for a selector it does not know.
        return True
