"""Finds images in a script's string literals, with tree-sitter's grammar of JavaScript."""

import html
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node, Parser, Query, QueryCursor, Tree

from hashsvc.scanning.pages.inline import MIN_INLINE_LENGTH, is_inline
from hashsvc.scanning.pages.joined import JAVASCRIPT, Joins, unescape
from hashsvc.scanning.pages.kinds import is_image_reference, is_other_file

_STRINGS = Query(JAVASCRIPT, "[(string) (template_string)] @string")
MAX_SCRIPT = 3_000_000
"""How many characters of a script are read."""
MAX_FINDS = 1_000
"""How many images and pieces of markup are taken from one script."""
_MAX_STRINGS = 20_000
# Data in a script is often JSON in a string, and sometimes that JSON holds JSON in a string.
_MAX_DEPTH = 3
# Broken scripts can make the parser slow. Their strings are then found by a regular expression.
_MAX_PARSE_S = 1.0
_CHUNK = 65_536
# Alternatives in a repetition that never goes back (`*+`) look ahead before they take anything.
# Before 3.11.5, Python did not give back what an alternative had taken when it failed.
_QUOTED = re.compile(r""""(?:[^"\\\n]|(?=\\.)\\.)*+"|'(?:[^'\\\n]|(?=\\.)\\.)*+'""")
_MAY_HOLD = re.compile(
    r"\.(?:jpe?g|jfif|png|webp|gif|avif|hei[cf]|bmp|tiff?)|<(?:img|pic|vid|amp)|format=|"
    r"image|img|thumb|photo|picture|poster|media|display_?url|original_?url",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r"<(?:img|picture|source|video|a|div|figure|iframe|svg|amp-img)\b", re.IGNORECASE
)
_URL = re.compile(r"(?:https?:)?//[^\s<>\"']+|(?:\.{0,2}/)?[^\s<>\"'{}|\\]+", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:https?:)?//[^\s/]+/\S+|/[^/\s]\S*", re.IGNORECASE)
# Names that sites give to an image's address in their data, in lower case, without underscores.
_KEYS = frozenset(
    {"image", "img", "imageurl", "imgurl", "imagesrc", "thumbnail", "thumbnailurl", "contenturl",
     "displayurl", "mediaurl", "mediaurlhttps", "poster", "posterurl", "photo", "photourl",
     "picture", "pictureurl", "originalurl", "fullurl", "largeurl", "highresurl"}
)  # fmt: skip
_REFERENCE_KEYS = frozenset({"src", "href", "url", "file", "path", "thumb", "full", "large"})


@dataclass(frozen=True, slots=True)
class ScriptFind:
    """What one string of a script holds: the URL of an image, or markup."""

    url: str = ""
    markup: str = ""


def in_script(text: str) -> Iterator[ScriptFind]:
    """Yield the image URLs and the pieces of markup in a script's strings, in order."""
    yield from itertools.islice(_in_source(text[:MAX_SCRIPT], 0), MAX_FINDS)


def _in_source(source: str, depth: int) -> Iterator[ScriptFind]:
    if not _MAY_HOLD.search(source):
        return
    encoded = source.encode("utf-8", "surrogatepass")
    tree = _parsed(encoded)
    if tree is None:
        for quoted in itertools.islice(_QUOTED.finditer(source), _MAX_STRINGS):
            yield from _in_string(unescape(quoted[0][1:-1]), None, depth)
        return
    joins = Joins(tree.root_node, encoded)
    captured = QueryCursor(_STRINGS).captures(tree.root_node).get("string", [])
    texts = [
        (node, unescape(raw))
        for node, raw in _affordable(captured, encoded)
        if node.id not in joins.parts
    ]
    for node, text in sorted([*texts, *joins.texts], key=lambda each: each[0].start_byte):
        yield from _in_string(text, node, depth)


def _affordable(strings: list[Node], source: bytes) -> Iterator[tuple[Node, str]]:
    """Yield strings in order, up to twice the script's length, as strings can be nested."""
    left = 2 * len(source)
    for node in sorted(strings, key=lambda each: each.start_byte)[:_MAX_STRINGS]:
        raw = source[node.start_byte + 1 : node.end_byte - 1]
        left -= len(raw)
        if left < 0:
            return
        yield node, raw.decode("utf-8", "replace")


def _parsed(source: bytes) -> Tree | None:
    """Return the syntax tree of a script, or None if finding it takes too long."""
    until = time.monotonic() + _MAX_PARSE_S
    try:
        return Parser(JAVASCRIPT).parse(
            lambda offset, _point: source[offset : offset + _CHUNK],
            progress_callback=lambda *_state: time.monotonic() > until,
        )
    except ValueError:
        return None


def _in_string(value: str, node: Node | None, depth: int) -> Iterator[ScriptFind]:
    value = value.strip()
    if len(value) < 4:
        return
    if _MARKUP.search(value):
        yield ScriptFind(markup=value)
    elif is_inline(value) and len(value) > MIN_INLINE_LENGTH:
        yield ScriptFind(url=value)
    elif reference := as_image_reference(value):
        key = _key_of(node)
        # Under other keys, a name without a folder is only part of an address, or no address.
        if not key or "/" in reference or key in _KEYS or key in _REFERENCE_KEYS:
            yield ScriptFind(url=reference)
    elif _is_absolute(value) and _key_of(node) in _KEYS:
        yield ScriptFind(url=html.unescape(value))
    elif depth < _MAX_DEPTH and _holds_strings(value):
        yield from _in_source(value, depth + 1)
    elif "&quot;" in value or "&lt;" in value:
        yield from _in_string(html.unescape(value), node, _MAX_DEPTH)


def as_image_reference(value: str) -> str:
    """Return a string as a reference if it refers to an image; empty if it does not."""
    reference = html.unescape(value) if "&" in value else value
    if _URL.fullmatch(reference) and is_image_reference(reference):
        return "" if is_other_file(reference) else reference
    return ""


def _is_absolute(value: str) -> bool:
    return bool(_ABSOLUTE.fullmatch(value)) and not is_other_file(value)


def _holds_strings(value: str) -> bool:
    return len(value) > 8 and "/" in value and ('"' in value or "'" in value)


def _key_of(node: Node | None) -> str:
    parent = None if node is None else node.parent
    if parent is None or parent.type != "pair":
        return ""
    key = parent.child_by_field_name("key")
    if key is None or key.text is None or key == node:
        return ""
    return re.sub(r"[^a-z]", "", key.text.decode("utf-8", "replace").lower())
