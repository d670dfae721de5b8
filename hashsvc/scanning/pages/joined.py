"""Joins the parts from which a script makes an address or markup: `base + "/" + name + ".jpg"`."""

import re
from collections.abc import Iterable

import tree_sitter_javascript
from tree_sitter import Language, Node, Query, QueryCursor

JAVASCRIPT = Language(tree_sitter_javascript.language())

UNKNOWN = "\ufffc"
"""Stands for a part of a text that is known only when the script runs."""

_MOST_JOINED = 100_000
_MOST_JOINED_TOGETHER = 3_000_000
_MAX_DEPTH = 12
_MAX_CHAIN = 1_000
_MAX_NAMES = 20_000
_MAX_NAME = 200
# These patterns name no child nodes. If they did, the time would grow with the square of the depth.
_JOINS = Query(JAVASCRIPT, "[(binary_expression) (template_string)] @join")
_SETS = Query(
    JAVASCRIPT,
    "[(variable_declarator) (assignment_expression) (augmented_assignment_expression)] @set",
)
_GLOBAL = re.compile(r"^(?:(?:window|self|globalThis|top|document)\s*\.\s*)+")
# These can be left out of an address, which is then relative to the page's own.
_OWN = frozenset({"location.origin", "location.protocol"})
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))"
)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class Joins:
    """
    The joined texts of a script.

    Args:
        root: The script's syntax tree.

        source: The script in UTF-8.

    Attributes:
        texts: Each joined text and the node that makes it; `UNKNOWN` stands for unknown parts.

        parts: Ids of the strings that are only parts of these texts.
    """

    def __init__(self, root: Node, source: bytes) -> None:
        self._source = source
        self.texts: list[tuple[Node, str]] = []
        self.parts: set[int] = set()
        found = QueryCursor(_JOINS).captures(root).get("join", [])
        if not found:
            return
        self._named = self._names(root)
        self._known: dict[int, str | None] = {}
        self._left = _MOST_JOINED_TOGETHER
        # Of expressions that begin at the same place, the longest contains the others.
        for node in sorted(found, key=lambda each: (each.start_byte, -each.end_byte)):
            if node.id not in self.parts and _joins(node):
                text = self._text(node, 0)
                if text and text.strip(UNKNOWN):
                    self.texts.append((node, text))

    def _text(self, node: Node, depth: int) -> str | None:
        """Return the text that an expression makes; None if nothing of it is known."""
        text: str | None = None
        if depth > _MAX_DEPTH:
            return None
        match node.type:
            case "string":
                self.parts.add(node.id)
                text = unescape(self._written(node)[1:-1])
            case "number":
                text = self._written(node)
            case "template_string":
                self.parts.add(node.id)
                text = self._template(node, depth)
            case "parenthesized_expression" if node.named_child_count == 1:
                text = self._text(node.named_children[0], depth + 1)
            case "binary_expression":
                text = self._chain(node, depth)
            case "identifier" | "member_expression" | "subscript_expression":
                text = self._value_text(node, depth)
        return text

    def _chain(self, node: Node, depth: int) -> str | None:
        """Return the text of `a + b + c`, whose tree leans to the left."""
        operands: list[Node] = []
        while _joins(node) and node.type == "binary_expression" and len(operands) < _MAX_CHAIN:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is None or right is None:
                return None
            self.parts.add(node.id)
            operands.append(right)
            node = left
        if not operands:
            return None  # The expression multiplies or compares.
        operands.append(node)
        return self._all(reversed([self._text(each, depth + 1) for each in operands]))

    def _template(self, node: Node, depth: int) -> str | None:
        texts: list[str | None] = []
        for child in node.named_children:
            if child.type == "template_substitution":
                inner = child.named_children
                texts.append(self._text(inner[0], depth + 1) if len(inner) == 1 else None)
            else:
                texts.append(unescape(self._written(child)))
        return self._all(texts)

    def _all(self, texts: Iterable[str | None]) -> str | None:
        joined = "".join(UNKNOWN if each is None else each for each in texts)
        self._left -= len(joined)
        return joined if len(joined) <= min(_MOST_JOINED, self._left) else None

    def _value_text(self, node: Node, depth: int) -> str | None:
        if self._plain(node) in _OWN:
            return ""
        value = self._value(node, depth)
        if value is None:
            return None
        if value.id not in self._known:
            # A name whose value contains the name itself is unknown.
            self._known[value.id] = None
            is_part = value.id in self.parts
            text = self._text(value, depth + 1)
            if not is_part and text and text.lstrip().startswith(("/", "http", "<")):
                # This text is a whole address or markup, and the script may use it by itself, too.
                self.parts.discard(value.id)
            self._known[value.id] = text
        return self._known[value.id]

    def _value(self, node: Node, depth: int) -> Node | None:
        """Return the node of a name's value, if the script sets it once; otherwise None."""
        if depth > _MAX_DEPTH:
            return None
        known = self._named.get(self._plain(node))
        if known is not None and node.type != "subscript_expression":
            return known
        if node.type not in ("member_expression", "subscript_expression"):
            return None
        owner = node.child_by_field_name("object")
        whole = owner and self._value(owner, depth + 1)
        key = node.child_by_field_name("property") or node.child_by_field_name("index")
        if whole is None or key is None:
            return None
        if whole.type == "array" and key.type == "number":
            place = int(text) if (text := self._written(key)).isdecimal() else -1
            items = whole.named_children
            return items[place] if 0 <= place < len(items) else None
        return (
            self._in_object(whole, self._written(key).strip("\"'"))
            if whole.type == "object"
            else None
        )

    def _names(self, root: Node) -> dict[str, Node | None]:
        """Return the value of each name that the script sets once, and None for the others."""
        named: dict[str, Node | None] = {}
        found = QueryCursor(_SETS).captures(root).get("set", [])
        for node in found[:_MAX_NAMES]:
            name = node.child_by_field_name("name") or node.child_by_field_name("left")
            if name is None:
                continue
            plain = self._plain(name)
            is_known = plain not in named and node.type != "augmented_assignment_expression"
            value = node.child_by_field_name("value") or node.child_by_field_name("right")
            if value is not None or plain in named:
                named[plain] = value if is_known else None
        return named

    def _in_object(self, whole: Node, key: str) -> Node | None:
        for pair in whole.named_children[:_MAX_CHAIN]:
            name = pair.child_by_field_name("key")
            if name is not None and self._written(name).strip("\"'") == key:
                return pair.child_by_field_name("value")
        return None

    def _plain(self, node: Node) -> str:
        """Return a name as written, without global objects such as `window.` before it."""
        if node.end_byte - node.start_byte > _MAX_NAME:
            return ""
        return _GLOBAL.sub("", self._written(node))

    def _written(self, node: Node) -> str:
        # The library's `text` would copy a part of the script for each node.
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _joins(node: Node) -> bool:
    """Return whether an expression joins texts."""
    if node.type == "binary_expression":
        sign = node.child_by_field_name("operator")
        return sign is not None and sign.type == "+"
    return any(each.type == "template_substitution" for each in node.named_children)


def unescape(literal: str) -> str:
    """Return the value of a JavaScript string literal, given the text between its quotes."""
    if "\\" not in literal:
        return literal
    text = _ESCAPE.sub(_unescaped, literal)
    # Two escapes (surrogates) may form one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    letter = found[4]
    return "" if letter in ("\n", "\r\n", "\r") else _SIMPLE.get(letter, letter)
