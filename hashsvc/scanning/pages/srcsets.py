"""Finds the image of a `srcset` that a browser takes (HTML, "Images": srcset and sizes)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import tinycss2
from tinycss2 import ast

from hashsvc.scanning.pages.media import FONT_PX, VIEWPORT, media_matches

_MAX_LENGTH = 100_000
_MAX_CANDIDATES = 100
_DESCRIPTOR = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([wxh])")
_MAX_DEPTH = 8
_FACTORS = {
    "px": 1.0,
    "em": FONT_PX,
    "rem": FONT_PX,
    "vw": VIEWPORT[0] / 100,
    "vh": VIEWPORT[1] / 100,
    "vmin": min(VIEWPORT) / 100,
    "vmax": max(VIEWPORT) / 100,
}


@dataclass(frozen=True, slots=True)
class SrcsetImage:
    """One image of a `srcset`: it has a `width` in pixels, or width 0 and a `density`."""

    url: str
    width: float
    density: float


def parse_srcset(srcset: str) -> list[SrcsetImage]:
    """Return the images of a `srcset` attribute, in its order."""
    found: list[SrcsetImage] = []
    rest = srcset[:_MAX_LENGTH]
    while (rest := rest.lstrip(" \t\n\f\r,")) and len(found) < _MAX_CANDIDATES:
        url, rest = _split_at_space(rest)
        if url.endswith(","):
            found.append(SrcsetImage(url.rstrip(","), 0, 1))
            continue
        # A comma inside brackets belongs to a descriptor.
        descriptors, _, rest = _outside_brackets(rest)
        width, density = 0.0, 0.0
        for number, unit in _DESCRIPTOR.findall(descriptors):
            if unit == "w":
                width = float(number)
            elif unit == "x":
                density = float(number)
        found.append(SrcsetImage(url, width, density or (0.0 if width else 1.0)))
    return [each for each in found if each.url]


def in_order_of_choice(
    images: list[SrcsetImage], sizes: str = "", *, width: float | None = None
) -> list[str]:
    """
    Return the URLs of a `srcset`: first the one that a browser takes, then the larger ones.

    Args:
        sizes: The `sizes` attribute.

        width: The width in pixels at which the page shows the image, for `sizes="auto"`; None if
            the page does not declare it.
    """
    if not images:
        return []
    slot = _slot_width(sizes, width)
    densities = [(each.width / slot if each.width else each.density, each.url) for each in images]
    ranked = sorted(densities, key=lambda pair: pair[0])
    chosen = next((pair for pair in ranked if pair[0] >= 1), ranked[-1])
    others = sorted((pair for pair in ranked if pair != chosen), key=lambda pair: -pair[0])
    return list(dict.fromkeys(url for _, url in (chosen, *others)))


def width_of(images: list[SrcsetImage], url: str) -> float:
    """Return the width that a `srcset` gives one of its URLs; 0 if it gives none."""
    return max((each.width for each in images if each.url == url), default=0.0)


def _slot_width(sizes: str, width: float | None) -> float:
    """Return the width in pixels at which the `sizes` attribute shows the image."""
    for entry in _split_at_commas(tinycss2.parse_component_value_list(sizes[:10_000])):
        if not entry:
            continue
        *condition, length = entry
        if isinstance(length, ast.IdentToken) and length.lower_value == "auto" and width:
            return width
        if condition and not media_matches(tinycss2.serialize(condition)):
            continue
        if (pixels := _pixels(length, 0)) is not None:
            return max(pixels, 1.0)
    return float(VIEWPORT[0])


def _split_at_commas(tokens: Iterable[ast.Node]) -> list[list[ast.Node]]:
    """Return the tokens between the commas, without the space around them."""
    parts: list[list[ast.Node]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        elif parts[-1] or token.type not in ("whitespace", "comment"):
            parts[-1].append(token)
    for part in parts:
        while part and part[-1].type in ("whitespace", "comment"):
            part.pop()
    return parts


def _pixels(token: ast.Node, depth: int) -> float | None:
    """Return a length in pixels; `calc()`, `min()`, `max()` or `clamp()` may compute it."""
    value: float | None = None
    if isinstance(token, ast.DimensionToken):
        factor = _FACTORS.get(token.lower_unit)
        value = token.value * factor if factor else None
    elif isinstance(token, ast.NumberToken):
        value = float(token.value)
    elif isinstance(token, ast.ParenthesesBlock) and depth < _MAX_DEPTH:
        value = _sum(token.content, depth + 1)
    elif isinstance(token, ast.FunctionBlock) and depth < _MAX_DEPTH:
        value = _computed(token, depth + 1)
    return value


def _computed(function: ast.FunctionBlock, depth: int) -> float | None:
    values: list[float] = []
    for part in _split_at_commas(function.arguments):
        value = _sum(part, depth)
        if value is None:
            return None
        values.append(value)
    match function.lower_name, values:
        case ("calc", [value]):
            return value
        case ("min", [*_]):
            return min(values)
        case ("max", [*_]):
            return max(values)
        case ("clamp", [least, wanted, most]):
            return max(least, min(wanted, most))
    return None


def _sum(tokens: Iterable[ast.Node], depth: int) -> float | None:
    """Return the value of a sum of products, in pixels; None if it is not one."""
    terms: list[float] = []
    sign = "+"
    for token in tokens:
        if token.type in ("whitespace", "comment"):
            continue
        if token.type == "literal":
            sign = token.value
            continue
        value = _pixels(token, depth)
        if value is None or (sign in "*/" and not terms) or (sign == "/" and not value):
            return None
        if sign in "*/":
            terms[-1] *= value if sign == "*" else 1 / value
        else:
            terms.append(-value if sign == "-" else value)
    return sum(terms) if terms else None


def _split_at_space(text: str) -> tuple[str, str]:
    found = re.match(r"[^ \t\n\f\r]+", text)
    assert found is not None
    return found[0], text[found.end() :]


def _outside_brackets(text: str) -> tuple[str, str, str]:
    """Split at the first comma that is outside brackets."""
    depth = 0
    for at, letter in enumerate(text):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(depth - 1, 0)
        elif letter == "," and depth == 0:
            return text[:at], ",", text[at + 1 :]
    return text, "", ""
