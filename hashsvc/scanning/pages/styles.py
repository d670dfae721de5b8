"""Finds the images that CSS shows with `url()`, `image-set()` and similar, using tinycss2."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import tinycss2
from tinycss2 import ast

# tinycss2 reads about 300 kB a second. So in style sheets longer than this, it reads only the rules
# that may show an image.
_MAX_WHOLE = 50_000
_MAX_RULES = 2_000
_MAX_DEPTH = 8
_MAY_SHOW = re.compile(r"url\s*\(|image-set\s*\(|src\s*\(|\\", re.IGNORECASE)
_SETS = frozenset({"image-set", "-webkit-image-set"})
_URLS = frozenset({"url", "src"})
# These properties load something that is not an image, or that nobody sees as an image.
_NO_IMAGES = frozenset({"cursor", "src", "behavior", "-moz-binding", "clip-path", "filter"})
_IMPORT = "import"


@dataclass(frozen=True, slots=True)
class StyleImage:
    """
    An image that a style rule shows.

    Attributes:
        selector: The rule's selector as written; empty in a `style` attribute.

        url: The URL as written, but unescaped.
    """

    selector: str
    url: str


def in_declarations(text: str) -> Iterator[str]:
    """Yield the URLs of the images that a `style` attribute shows."""
    if _MAY_SHOW.search(text):
        for each in _in_contents(text, "", 0):
            yield each.url


def in_stylesheet(text: str) -> Iterator[StyleImage]:
    """Yield the images of a style sheet."""
    for part in _parts(text):
        yield from _in_rules(tinycss2.parse_stylesheet(part, skip_comments=True), 0)


def imported(text: str) -> Iterator[str]:
    """Yield the URLs of the style sheets that a style sheet imports."""
    if "@import" not in text[:_MAX_WHOLE].lower():
        return
    for rule in tinycss2.parse_stylesheet(text[:_MAX_WHOLE], skip_comments=True):
        if isinstance(rule, ast.AtRule) and rule.lower_at_keyword == _IMPORT:
            for token in rule.prelude:
                if isinstance(token, ast.URLToken | ast.StringToken):
                    yield token.value
                    break
                if isinstance(token, ast.FunctionBlock):
                    yield from _urls([token])
                    break


def _parts(text: str) -> Iterator[str]:
    if not _MAY_SHOW.search(text):
        return
    if len(text) <= _MAX_WHOLE:
        yield text
        return
    # Yield the rule around each such place: from the brace before its selector to its own end.
    begun = 0
    for number, found in enumerate(re.finditer(r"url\s*\(|image-set\s*\(", text, re.IGNORECASE)):
        if number == _MAX_RULES:
            return
        if found.start() < begun:
            continue
        opened = text.rfind("{", 0, found.start())
        start = max(text.rfind("}", 0, opened), text.rfind("{", 0, opened), begun - 1) + 1
        end = text.find("}", found.end())
        begun = len(text) if end < 0 else end + 1
        yield text[start : min(begun, start + 10_000_000)]


def _in_rules(rules: Iterable[ast.Node], depth: int) -> Iterator[StyleImage]:
    if depth > _MAX_DEPTH:
        return
    for rule in rules:
        if isinstance(rule, ast.QualifiedRule):
            yield from _in_tokens(rule.content, tinycss2.serialize(rule.prelude).strip(), depth)
        elif (
            isinstance(rule, ast.AtRule)
            and rule.content is not None
            and rule.lower_at_keyword != "font-face"
        ):
            yield from _in_tokens(rule.content, "", depth)


def _in_contents(text: str, selector: str, depth: int) -> Iterator[StyleImage]:
    yield from _in_parsed(tinycss2.parse_blocks_contents(text), selector, depth)


def _in_tokens(tokens: Sequence[ast.Node], selector: str, depth: int) -> Iterator[StyleImage]:
    yield from _in_parsed(tinycss2.parse_blocks_contents(tokens), selector, depth)


def _in_parsed(nodes: Iterable[ast.Node], selector: str, depth: int) -> Iterator[StyleImage]:
    for node in nodes:
        if isinstance(node, ast.Declaration):
            if node.lower_name not in _NO_IMAGES:
                for url in _urls(node.value):
                    yield StyleImage(selector, url)
        else:
            yield from _in_rules([node], depth + 1)


def _urls(tokens: Iterable[ast.Node]) -> Iterator[str]:
    for token in tokens:
        if isinstance(token, ast.URLToken):
            yield token.value
        elif isinstance(token, ast.FunctionBlock):
            if token.lower_name in _URLS:
                yield from (each.value for each in token.arguments if each.type == "string")
            elif token.lower_name in _SETS:
                yield from _in_set(token.arguments)
            else:
                yield from _urls(token.arguments)


def _in_set(tokens: Sequence[ast.Node]) -> Iterator[str]:
    """Yield the image that a browser takes from an image-set() on a screen of density 1."""
    options: list[tuple[float, str]] = []
    url, density = "", 1.0
    for token in [*tokens, None]:
        if token is None or (token.type == "literal" and token.value == ","):
            if url:
                options.append((density, url))
            url, density = "", 1.0
        elif token.type == "string":
            url = token.value
        elif isinstance(token, ast.DimensionToken):
            density = token.value / (96 if token.lower_unit == "dpi" else 1)
        else:
            url = next(_urls([token]), url)
    if options:
        ranked = sorted(options, key=lambda each: each[0])
        yield next((url for number, url in ranked if number >= 1), ranked[-1][1])
