"""Finds the images that CSS shows with `url()`, `image-set()` and similar, using tinycss2."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import tinycss2
from tinycss2 import ast

from hashsvc.scanning.pages.media import media_matches

# Imports stand at the beginning of a style sheet.
_MAX_BEGINNING = 50_000
_MAX_RULES = 2_000
_MAX_RULE = 1_000_000
_MAX_DEPTH = 8
# Comments, strings and URLs, which may hold braces, and the marks around rules and blocks.
_MARKS = re.compile(
    r"/\*(?:(?!\*/)[\s\S])*+(?:\*/)?|\"(?:[^\"\\\n]|(?=\\[\s\S])\\[\s\S])*+\"?"
    r"|'(?:[^'\\\n]|(?=\\[\s\S])\\[\s\S])*+'?"
    r"|url\(\s*+(?![\"'])(?:[^)\\]|(?=\\[\s\S])\\[\s\S])*+|\\[\s\S]|[{};]",
    re.IGNORECASE,
)
# Groups of rules. The rules inside a group are read one by one.
_GROUPS = re.compile(
    r"(?:\s|<!--|-->|/\*(?:(?!\*/)[\s\S])*+\*/)*"
    r"@(media|supports|layer|container|scope|starting-style|(?:-moz-)?document)\b",
    re.IGNORECASE,
)
_MAY_SHOW = re.compile(r"url\s*\(|image-set\s*\(|src\s*\(|\\", re.IGNORECASE)
_TAKES_BACK = re.compile(r"(?:background|mask|image|content)\s*+:\s*+none", re.IGNORECASE)
_SETS = frozenset({"image-set", "-webkit-image-set"})
_URLS = frozenset({"url", "src"})
# These properties load something that is not an image, or that nobody sees as an image.
_NO_IMAGES = frozenset({"cursor", "src", "behavior", "-moz-binding", "clip-path", "filter"})
_IMPORT = "import"
_NO_MEDIA = frozenset({"layer", "supports"})
# Properties that count as one with another: a later declaration of either takes back what an
# earlier one shows.
_TOGETHER = {
    "background-image": "background", "mask-image": "mask", "-webkit-mask": "mask",
    "-webkit-mask-image": "mask", "border-image-source": "border-image",
    "list-style-image": "list-style",
}  # fmt: skip
# What `\\9` stands for. Only old browsers read a declaration that has it.
_IE_HACK = "\t"


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
        shown = _Shown()
        shown.read(tinycss2.parse_blocks_contents(text, skip_comments=True), ())
        yield from (each.url for each in shown.images())


def in_stylesheet(text: str) -> Iterator[StyleImage]:
    """
    Yield the images that a style sheet shows on our screen.

    If several rules have the same selector, the last one counts, as for a browser.
    """
    if not _MAY_SHOW.search(text):
        return
    shown = _Shown()
    for groups, rule in itertools.islice(_rules(text), _MAX_RULES):
        shown.read(tinycss2.parse_stylesheet(rule, skip_comments=True), groups)
    yield from shown.images()


def is_cut(text: str) -> bool:
    """Return whether a style sheet has more rules with images than `in_stylesheet` reads."""
    return next(itertools.islice(_rules(text), _MAX_RULES, None), None) is not None


def imported(text: str) -> Iterator[str]:
    """Yield the URLs of the style sheets that a style sheet imports for our screen."""
    if "@import" not in text[:_MAX_BEGINNING].lower():
        return
    for rule in tinycss2.parse_stylesheet(text[:_MAX_BEGINNING], skip_comments=True):
        if isinstance(rule, ast.AtRule) and rule.lower_at_keyword == _IMPORT:
            for place, token in enumerate(rule.prelude):
                if isinstance(token, ast.URLToken | ast.StringToken):
                    url = token.value
                elif isinstance(token, ast.FunctionBlock):
                    url = next(_urls([token]), "")
                else:
                    continue
                if url and media_matches(_media_of_import(rule.prelude[place + 1 :])):
                    yield url
                break


def _media_of_import(tokens: Iterable[ast.Node]) -> str:
    """Return the media queries of an import, without its layer and its `supports()`."""
    rest: str = tinycss2.serialize(
        [
            each
            for each in tokens
            if not (isinstance(each, ast.FunctionBlock) and each.lower_name in _NO_MEDIA)
            and not (isinstance(each, ast.IdentToken) and each.lower_value in _NO_MEDIA)
        ]
    )
    return rest


def _rules(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """
    Yield each rule that may show an image, with the heads of the groups that it stands in.

    tinycss2 reads about 300 kB a second, and few rules of a long style sheet show an image. So
    only these rules are handed to it.
    """
    groups: list[tuple[str, bool]] = []  # The heads of the open groups, and whether they hold.
    inner = 0  # How many blocks are open inside the rule.
    begun = 0  # Where the rule began.
    for mark in _MARKS.finditer(text):
        match mark[0]:
            case "{" if (
                inner == 0
                and len(groups) < _MAX_DEPTH
                and (group := _GROUPS.match(text, begun, mark.start()))
            ):
                head = text[group.end() : mark.start()]
                is_media = group[1].lower() == "media"
                groups.append((group[1] + head, not is_media or media_matches(head)))
                begun = mark.end()
            case "{":
                inner += 1
            case "}" if inner > 1:
                inner -= 1
            case "}":
                if inner == 1:
                    yield from _rule(groups, text[begun : mark.end()])
                elif groups:
                    groups.pop()
                inner, begun = 0, mark.end()
            case ";" if inner == 0:
                begun = mark.end()
    if inner:  # The end of the style sheet closes all blocks.
        yield from _rule(groups, text[begun:])


def _rule(groups: Sequence[tuple[str, bool]], rule: str) -> Iterator[tuple[tuple[str, ...], str]]:
    rule = rule[:_MAX_RULE]
    if all(holds for _, holds in groups) and (_MAY_SHOW.search(rule) or _TAKES_BACK.search(rule)):
        # A rule inside @media counts like one outside it, but a rule in a layer does not.
        yield tuple(head for head, _ in groups if head[:5].lower() != "media"), rule


class _Shown:
    """Which images rules show, by selector and property; a later rule takes back an earlier one."""

    def __init__(self) -> None:
        self._images: dict[tuple[tuple[str, ...], str], tuple[bool, list[str]]] = {}

    def images(self) -> Iterator[StyleImage]:
        """Yield the images that the rules read so far show together."""
        for (scope, _), (_, urls) in self._images.items():
            for url in urls:
                yield StyleImage("" if scope == () else scope[-1], url)

    def read(self, nodes: Iterable[ast.Node], scope: tuple[str, ...]) -> None:
        """Read rules or declarations that stand in a scope: groups and selectors, as written."""
        for node in nodes:
            if isinstance(node, ast.Declaration):
                self._declare(node, scope)
            elif len(scope) > _MAX_DEPTH:
                continue
            elif isinstance(node, ast.QualifiedRule):
                head = tinycss2.serialize(node.prelude).strip()
                self._read_block(node.content, (*scope, head))
            elif isinstance(node, ast.AtRule) and node.content is not None:
                self._read_at_rule(node, scope)

    def _read_at_rule(self, rule: ast.AtRule, scope: tuple[str, ...]) -> None:
        head = tinycss2.serialize(rule.prelude).strip()
        if rule.lower_at_keyword == "font-face":
            return
        if rule.lower_at_keyword == "media":
            if media_matches(head):
                # The selector is that of the rule around @media, so the two count as one rule.
                self._read_block(rule.content, scope)
            return
        self._read_block(rule.content, (*scope, f"@{rule.lower_at_keyword} {head}", ""))

    def _read_block(self, tokens: Sequence[ast.Node], scope: tuple[str, ...]) -> None:
        self.read(tinycss2.parse_blocks_contents(tokens, skip_comments=True), scope)

    def _declare(self, declared: ast.Declaration, scope: tuple[str, ...]) -> None:
        name = declared.lower_name
        if name in _NO_IMAGES or any(
            isinstance(each, ast.IdentToken) and each.value == _IE_HACK for each in declared.value
        ):
            return
        key = (scope, _TOGETHER.get(name, name))
        is_important, _ = self._images.get(key, (False, []))
        urls = list(_urls(declared.value))
        takes_back = urls or tinycss2.serialize(declared.value).strip().lower() == "none"
        if takes_back and (declared.important or not is_important):
            self._images[key] = (bool(declared.important), urls)


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
