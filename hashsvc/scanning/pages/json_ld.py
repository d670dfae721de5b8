"""Finds the images in a page's JSON-LD, even if its JSON breaks the rules."""

import html
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_JSON = 1_000_000
"""How many characters of a script are read."""
_MAX_IMAGES = 1_000
# schema.org's names, in lower case.
_IMAGES = frozenset({"image", "thumbnail", "thumbnailurl", "contenturl", "primaryimageofpage"})
_WITHIN_IMAGE = frozenset({"url", "@id"})
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_PAIR = re.compile(
    r'"(?:image|thumbnail|thumbnailUrl|contentUrl|primaryImageOfPage|url)"\s*:\s*"((?:[^"\\]|(?=\\.)\\.)*+)"',
    re.IGNORECASE,
)


def in_json_ld(text: str) -> Iterator[str]:
    """Yield the image URLs in a JSON-LD script; a broken script gives those that can be read."""
    text = text[:MAX_JSON]
    value = _parsed(text)
    found = _in_broken(text) if value is None else _in_value(value)
    yield from itertools.islice(found, _MAX_IMAGES)


def _parsed(text: str) -> Any:
    """Return the JSON value, or None."""
    unescaped = html.unescape(text)
    for attempt in (text, unescaped, _TRAILING_COMMA.sub(r"\1", unescaped)):
        # Skip what stands around the JSON, such as a comment or a CDATA mark.
        begun = re.search(r"[\[{]", attempt)
        try:
            decoder = json.JSONDecoder(strict=False)
            return decoder.raw_decode(attempt, begun.start() if begun else 0)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _in_value(value: Any) -> Iterator[str]:
    waiting = [(value, False)]
    while waiting:
        part, is_image = waiting.pop()
        match part:
            case str() if is_image:
                yield html.unescape(part.strip())
            case list():
                waiting += [(each, is_image) for each in reversed(part)]
            case dict():
                waiting += [
                    (each, key.lower() in _IMAGES or (is_image and key.lower() in _WITHIN_IMAGE))
                    for key, each in reversed(part.items())
                ]


def _in_broken(text: str) -> Iterator[str]:
    for found in _PAIR.finditer(html.unescape(text)):
        yield found[1].replace("\\/", "/")
