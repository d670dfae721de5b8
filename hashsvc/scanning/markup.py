"""
Reads HTML tag by tag, as a browser's tokeniser does, without building a tree.

An HTML5 tree of 50 kB of wrongly nested markup takes gigabytes, and a million open elements take
hours. Here each step consumes what it has read, so the time is linear in the page's length.
"""

import codecs
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# HTML standard, "Tokenization". An unclosed comment, tag or quotation runs to the end of the page.
_ATTRIBUTE = r"""[\s/]*+{name}(?:\s*+=\s*+{value})?+"""
_NAME = r"[^\s/>][^\s/>=]*+"
_VALUE = r"""(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+)"""
_ATTRIBUTES = re.compile(_ATTRIBUTE.format(name=f"({_NAME})", value=f"({_VALUE})"), re.ASCII)
_MARKUP = re.compile(
    rf"""
      <!--(?:-?>|(?:[^-]++|-(?!-!?>))*+)      # a comment
    | <(/a)(?=[\s/>])[^>]*+                   # the end of a link
    | <[!?/][^>]*+                            # a declaration, the end of another element
    | <([a-z][^\s/>]*+)((?:{_ATTRIBUTE.format(name=_NAME, value=_VALUE)})*+)
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
# In these elements, `<` does not begin a tag.
_END_OF_RAW = {
    tag: re.compile(rf"</{tag}[\s/>]", re.ASCII | re.IGNORECASE) for tag in ("script", "style")
}
_MAX_VALUE = 100_000
# Attribute values are cut at _MAX_VALUE, except when an inline image occurs near the beginning.
_INLINE, _BEGINNING = "data:", 200
# Bytes that are not UTF-8 are most often Windows-1252, whatever the page declares.
_STRAY_BYTES = {
    0xDC00 + each: bytes([each]).decode("cp1252", "replace") for each in range(128, 256)
}

LINK_END = "/a"


@dataclass(frozen=True, slots=True)
class Tag:
    """
    The beginning of an element, or the end of a link.

    Attributes:
        tag: In lower case; LINK_END for the end of a link.

        attributes: By name in lower case; the first wins if a name is repeated.

        text: The content of a script or style sheet; empty for other elements.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""


def decoded(page: bytes) -> str:
    """Return a page's text; undecodable bytes are kept as surrogates or replaced."""
    if page.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return page.decode("utf-16", "replace")
    return page.decode("utf-8", "surrogateescape")


def elements(text: str) -> Iterator[Tag]:
    """Yield the elements of a page, in its order."""
    place, ends = 0, dict(_END_OF_RAW)
    while markup := _MARKUP.search(text, place):
        place = markup.end()
        tag = (markup[2] or markup[1] or "").lower()
        if not tag:
            continue
        attributes = _attributes(markup[3]) if markup[3] else {}
        raw = ""
        if tag in ends:
            if end := ends[tag].search(text, place):
                raw, place = text[place : end.start()], end.end()
            else:
                del ends[tag]  # There is no later end tag either.
        yield Tag(tag, attributes, raw)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute in _ATTRIBUTES.finditer(text):
        name, value = attribute[1].lower(), attribute[2] or ""
        if name not in found:
            if value.startswith(('"', "'")):
                value = value.strip(value[0])
            found[name] = _read(value)
    return found


def _read(value: str) -> str:
    if _INLINE not in value[:_BEGINNING]:
        value = value[:_MAX_VALUE]
    if "&" in value:
        value = html.unescape(value)
    return (value if value.isascii() else value.translate(_STRAY_BYTES)).strip()
