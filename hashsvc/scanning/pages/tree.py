"""Reads an HTML page into a tree with Lexbor (HTML Standard, "Parsing HTML documents")."""

import re
from collections.abc import Iterator
from contextlib import suppress

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from hashsvc.scanning.pages.errors import PageTooComplexError

_MAX_UNCLOSED = 5_000
_MAX_PARENTS = 500
_NOT_DISPLAYED = re.compile(r"(?:^|[;\s])display\s*:\s*none", re.IGNORECASE)
# Start tags of elements whose end tag must not be left out.
_OPENED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|dt|dd|tr|td|th|"
    r"option)\b)[a-z]",
    re.IGNORECASE,
)
# Tags of elements that show no image, unless one of their attributes does.
_STRUCTURE = re.compile(
    r"</?(?!(?:a|area|amp-\w+|base|body|embed|frame|head|html|iframe|image|img|input|link|meta|"
    r"noscript|object|picture|script|source|style|svg|template|textarea|title|video)\b)"
    r"[a-z](?:(?!style|data-|background|poster|src)[^>])*+>",
    re.IGNORECASE,
)


def parse_tree(text: str) -> LexborHTMLParser:
    """
    Return the tree of a page, as a browser that runs no scripts builds it.

    If elements are nested too deeply, or the tree does not fit into memory, elements that show no
    image are left out. Browsers limit the depth too, and Lexbor's time grows with the square of the
    depth.

    Raises:
        PageTooComplexError: If the tree is too deep or too large even then.
    """
    # Lexbor would take a NUL as the end of the text.
    text = text.replace("\0", "\ufffd")
    if len(_OPENED.findall(text)) - text.count("</") <= _MAX_UNCLOSED:
        with suppress(SelectolaxError, MemoryError):
            return LexborHTMLParser(text)
    try:
        return LexborHTMLParser(_STRUCTURE.sub("", text))
    except (SelectolaxError, MemoryError) as error:
        raise PageTooComplexError(
            "The page's elements are nested too deeply to be read."
        ) from error


def elements_of(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """Yield all elements of a tree in the page's order, without what is in templates."""
    root = tree.root
    if root is not None:
        yield from root.traverse(include_text=False)


def is_hidden(node: LexborNode, known: dict[int, bool]) -> bool:
    """
    Return whether the markup hides an element until a person opens a part of the page.

    Args:
        known: Answers for elements of the same tree, by `mem_id`. This function adds new ones.
    """
    path: list[int] = []
    part: LexborNode | None = node
    answer = False
    while part is not None and not answer and len(path) < _MAX_PARENTS:
        if part.mem_id in known:
            answer = known[part.mem_id]
            break
        path.append(part.mem_id)
        answer = _hides_itself(part)
        part = part.parent
    known.update(dict.fromkeys(path, answer))
    return answer


def _hides_itself(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or _NOT_DISPLAYED.search(attributes.get("style") or ""):
        return True
    if node.tag == "dialog" and "open" not in attributes:
        return True
    parent = node.parent
    in_details = parent is not None and parent.tag == "details" and "open" not in parent.attributes
    return in_details and node.tag != "summary"


def template_markup(node: LexborNode) -> str:
    """Return the markup inside a <template>, which is no part of the tree."""
    whole = node.html or ""
    return whole[whole.find(">") + 1 : whole.rfind("</template")]


def text_of(node: LexborNode) -> str:
    """Return the text of a script or a style sheet."""
    return node.text(deep=True) or ""
