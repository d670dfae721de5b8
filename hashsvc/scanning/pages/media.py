"""Tells whether media queries hold for the screen that pages are read for (Media Queries 4)."""

import operator
import re
from collections.abc import Callable, Sequence

import tinycss2
from tinycss2 import ast

# Pages are read for this screen, an ordinary one for a person at a desk.
VIEWPORT = (1280, 720)
FONT_PX = 16.0
_MAX_DEPTH = 8
_TYPES = {"all": True, "screen": True, "print": False, "speech": False, "none": False}
_LENGTHS = {
    "width": VIEWPORT[0],
    "height": VIEWPORT[1],
    "device-width": VIEWPORT[0],
    "device-height": VIEWPORT[1],
}
# The values that our screen has for features that are not lengths. A query of a feature without a
# value, such as `(hover)`, holds unless our value is "none", "0" or "no-preference".
_ANSWERS = {
    "orientation": "landscape",
    "prefers-color-scheme": "light",
    "prefers-reduced-motion": "no-preference",
    "prefers-reduced-data": "no-preference",
    "prefers-contrast": "no-preference",
    "forced-colors": "none",
    "inverted-colors": "none",
    "hover": "hover",
    "any-hover": "hover",
    "pointer": "fine",
    "any-pointer": "fine",
    "scripting": "enabled",
    "display-mode": "browser",
    "update": "fast",
    "grid": "0",
    "monochrome": "0",
    "color": "8",
}
_DENSITIES = frozenset({"resolution", "device-pixel-ratio", "-webkit-device-pixel-ratio"})
_NO_ANSWER = frozenset({"none", "0", "no-preference"})
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(px|em|rem|)", re.IGNORECASE)
_DENSITY = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(dppx|dpi|x|)", re.IGNORECASE)
_RANGE = re.compile(r"([^<>=]+)(<=|>=|<|>|=)([^<>=]+)(?:(<=|>=|<|>|=)([^<>=]+))?")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


def media_matches(media: str) -> bool:
    """Return whether a list of media queries holds for our screen; True if it is not understood."""
    if not media.strip():
        return True
    queries: list[list[ast.Node]] = [[]]
    for token in tinycss2.parse_component_value_list(media[:10_000], skip_comments=True):
        if token.type == "literal" and token.value == ",":
            queries.append([])
        elif token.type != "whitespace":
            queries[-1].append(token)
    return any(_holds(each, 0) is not False for each in queries)


def _holds(tokens: Sequence[ast.Node], depth: int) -> bool | None:
    """Return whether a query or a condition holds; None if it is not understood."""
    if depth > _MAX_DEPTH:
        return None
    answer: bool | None = None
    is_negated, is_first, joint = False, True, "and"
    for token in tokens:
        word = token.lower_value if isinstance(token, ast.IdentToken) else ""
        if word in ("and", "or"):
            joint = word
            continue
        if word == "not":
            is_negated = True
            continue
        if word == "only":
            continue
        part = _TYPES.get(word) if word else _part(token, depth)
        if is_negated and part is not None and not (is_first and word):
            part, is_negated = not part, False
        answer = part if is_first else _joined(answer, part, joint)
        is_first = False
    # In `not screen and (…)`, `not` negates the whole query.
    return not answer if is_negated and answer is not None else answer


def _joined(one: bool | None, other: bool | None, joint: str) -> bool | None:
    decisive = joint == "or"
    if decisive in (one, other):
        return decisive
    return None if None in (one, other) else not decisive


def _part(token: ast.Node, depth: int) -> bool | None:
    """Return whether a feature or a condition in brackets holds; None if not understood."""
    if not isinstance(token, ast.ParenthesesBlock):
        return None
    inner = [each for each in token.content if each.type not in ("whitespace", "comment")]
    if not inner:
        return None
    if isinstance(inner[0], ast.ParenthesesBlock) or (
        isinstance(inner[0], ast.IdentToken) and inner[0].lower_value == "not"
    ):
        return _holds(inner, depth + 1)
    return _feature("".join(each.serialize() for each in inner).lower())


def _feature(text: str) -> bool | None:
    name, colon, value = text.partition(":")
    if colon:
        return _feature_with_value(name, value)
    if found := _RANGE.fullmatch(text):
        first, sign, middle, more, last = found.groups()
        if more is None and _LENGTH.fullmatch(middle):
            return _compared(middle, _turned(sign), first)
        one = _compared(first, sign, middle)
        return one if more is None else _joined(one, _compared(last, _turned(more), middle), "and")
    if text in _ANSWERS:
        return _ANSWERS[text] not in _NO_ANSWER
    return True if text in _LENGTHS or text in _DENSITIES else None


def _feature_with_value(name: str, value: str) -> bool | None:
    for prefix, sign in (("min-", "<="), ("max-", ">=")):
        if name.removeprefix("-webkit-").startswith(prefix):
            return _compared(value, sign, name.replace(prefix, "", 1))
    return value == _ANSWERS[name] if name in _ANSWERS else _compared(value, "=", name)


def _compared(value: str, sign: str, name: str) -> bool | None:
    """Return whether `value sign feature` holds, as in `600px <= width`."""
    if name in _DENSITIES:
        read = _DENSITY.fullmatch(value)
        limit = float(read[1]) / (96 if read[2] == "dpi" else 1) if read else None
        mine = 1.0
    else:
        read = _LENGTH.fullmatch(value)
        limit = float(read[1]) * (FONT_PX if read[2] in ("em", "rem") else 1) if read else None
        mine = float(_LENGTHS.get(name, 0))
    return None if limit is None or not mine else _COMPARE[sign](limit, mine)


def _turned(sign: str) -> str:
    return sign.translate(str.maketrans("<>", "><"))
