"""The image sizes and the lazily loaded images that an element's attributes declare."""

import json
import re
from collections.abc import Iterator, Mapping

import tinycss2
from tinycss2 import ast

from hashsvc.scanning.pages.kinds import is_image_reference, is_other_file, is_page_reference
from hashsvc.scanning.pages.srcsets import in_order_of_choice, parse_srcset

_ICON_SIDE = 48
_MAX_PIXELS = 100_000_000
_RATIO_SIDE = 32
_PIXELS = re.compile(r"\s*+(\d{1,6})(?:\.\d*+)?\s*+(?:px)?\s*+", re.IGNORECASE)
_MAX_VALUE = 100_000
# These attributes are read elsewhere, or never hold an image's address.
_NOT_LAZY = frozenset(
    {"src", "href", "xlink:href", "srcset", "style", "poster", "background", "data", "class", "id",
     "alt", "title", "name", "type", "value", "action", "formaction", "content", "property", "rel",
     "sizes", "width", "height", "srcdoc", "cite", "ping", "usemap", "longdesc", "integrity",
     "imagesrcset", "media", "lang", "role", "target", "download", "lowsrc", "icon", "accept"}
)  # fmt: skip
# Words in the names of attributes from which scripts load an image.
_LAZY_NAME = re.compile(
    r"(?:^|[-_:])(?:src|srcs|img|image|photo|picture|original|lazy|lazysrc|full|fullsize|large|big|"
    r"hires|retina|echo|bg|background|poster|thumb|thumbnail|zoom|media|url|source|pin)(?:$|[-_:])"
    r"|lazysrc|dataurl|imgsrc|imgurl|imageurl",
    re.IGNORECASE,
)
_SET_NAME = re.compile(r"srcset|bgset|[-_]set$", re.IGNORECASE)
_COPY_NAME = re.compile(r"thumb|retina|2x$|hidpi|[-_]pin[-_]", re.IGNORECASE)
# The names of handlers, of texts for screen readers, and of further links to a shown file begin so.
_NEVER = ("on", "aria-", "data-download")
_QUOTED = re.compile(r"(['\"])([^'\"]+)\1")
_SET = re.compile(r"\S+\s+\d+(?:\.\d+)?[wx](?:\s*,|\s*$)")
_REFERENCE = re.compile(
    r"(?:https?:)?//[^\s\"'<>]+|(?:\.{0,2}/)?[^\s\"'<>{}|\\^`:]+", re.IGNORECASE
)
_WIDTH_TEMPLATE = re.compile(r"\{\s*width\s*\}|%7Bwidth%7D", re.IGNORECASE)
_DEFAULT_WIDTH = "1080"


def declared_pixels(attributes: Mapping[str, str]) -> float | None:
    """Return the pixels that an element declares: 0 for an icon, None if it declares nothing."""
    if attributes.keys().isdisjoint(("style", "width", "height")):
        return None
    styled = _sides_in_style(attributes.get("style", ""))
    width, height = (
        _side(styled.get(name, attributes.get(name, ""))) for name in ("width", "height")
    )
    known = [each for each in (width, height) if each is not None]
    if not known or _is_ratio(width, height, styled):
        return None
    if max(known) <= _ICON_SIDE:
        return 0
    one, other = known if len(known) == 2 else (known[0], known[0] * 0.75)
    return min(one * other, _MAX_PIXELS)


def is_lazy(attributes: Mapping[str, str]) -> bool:
    """Return whether an element names an image that a script will load in place of its `src`."""
    return next(lazy_references(attributes), None) is not None


def lazy_references(attributes: Mapping[str, str]) -> Iterator[list[str]]:
    """
    Yield the references from which scripts load images later, the preferred URL of each first.

    Any attribute may hold one. Its value decides, and its name helps if the value is unclear.
    Previews and copies for dense screens come after the image that they belong to.
    """
    images: list[list[str]] = []
    copies: list[str] = []
    for name, raw in attributes.items():
        if name in _NOT_LAZY or name.startswith(_NEVER) or not 3 < len(raw) < _MAX_VALUE:
            continue
        urls = _in_value(name, raw.strip(), attributes)
        if urls and _COPY_NAME.search(name):
            copies += urls
        elif urls:
            images.append(urls)
    if not images:
        yield from ([each] for each in copies)
    for place, urls in enumerate(images):
        yield urls if place else [*urls, *copies]


def _in_value(name: str, value: str, attributes: Mapping[str, str]) -> list[str]:
    """Return the URLs of the one image that an attribute names; empty if it names none."""
    if "url(" in value or "image-set(" in value:
        return []  # This is CSS.
    if _SET_NAME.search(name) or (_SET.search(value) and is_image_reference(value)):
        return in_order_of_choice(
            parse_srcset(value), _sizes_of(attributes), width=declared_width(attributes)
        )
    if _WIDTH_TEMPLATE.search(value):
        return [_WIDTH_TEMPLATE.sub(_width_of(attributes), value)]
    if quoted := _QUOTED.fullmatch(value):
        value = quoted[2]  # An expression, as in Vue's `v-lazy="'1.jpg'"`.
    if not _REFERENCE.fullmatch(value) or is_other_file(value) or is_page_reference(value):
        return []
    if is_image_reference(value) or (_LAZY_NAME.search(name) and _looks_like_path(value)):
        return [value]
    return []


def _sizes_of(attributes: Mapping[str, str]) -> str:
    """Return the sizes for a `srcset` that a script sets later, as in `data-sizes`."""
    return next((each for name, each in attributes.items() if name.endswith("sizes")), "auto")


def declared_width(attributes: Mapping[str, str]) -> float | None:
    """Return the width in pixels that an element declares; None if it declares none."""
    styled = _sides_in_style(attributes.get("style", ""))
    return _side(styled.get("width", attributes.get("width", "")))


def _looks_like_path(value: str) -> bool:
    return value.startswith(("http://", "https://", "/", "./", "../")) and value.strip("/") != ""


def _width_of(attributes: Mapping[str, str]) -> str:
    """Return the largest width that a lazy loader may put into its URL template."""
    try:
        widths = json.loads(attributes.get("data-widths", ""))
        return str(max(int(each) for each in widths))
    except (ValueError, TypeError):
        return _DEFAULT_WIDTH


def _side(value: str) -> float | None:
    """Return a length in pixels; None for a length in other units."""
    read = _PIXELS.fullmatch(value[:20])
    return float(read[1]) if read else None


def _is_ratio(width: float | None, height: float | None, styled: Mapping[str, str]) -> bool:
    """Return whether the sides are only a ratio, as in `width=16 height=9`, and not pixels."""
    if width is None or height is None or styled:
        return False
    return width != height and max(width, height) <= _RATIO_SIDE


def _sides_in_style(style: str) -> dict[str, str]:
    """Return the width and height that a `style` attribute sets, as written."""
    if "width" not in style.lower() and "height" not in style.lower():
        return {}
    return {
        each.lower_name: tinycss2.serialize(each.value).strip()
        for each in tinycss2.parse_blocks_contents(style[:2_000], skip_whitespace=True)
        if isinstance(each, ast.Declaration) and each.lower_name in ("width", "height")
    }
