"""Finds the image of a `srcset` that a browser takes (HTML, "Images": srcset and sizes)."""

import re
from dataclasses import dataclass

import tinycss2

# Images are chosen for this screen, an ordinary one for a person at a desk.
VIEWPORT = (1280, 720)
_FONT_PX = 16.0
_MAX_LENGTH = 100_000
_MAX_CANDIDATES = 100
_DESCRIPTOR = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([wxh])")
_CONDITION = re.compile(
    r"\(\s*(min|max)-(width|height)\s*:\s*(\d{1,6}(?:\.\d+)?)\s*(px|em|rem)\s*\)", re.IGNORECASE
)
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d+)?)(px|em|rem|vw|vh|vmin|vmax)", re.IGNORECASE)
_UNDERSTOOD = re.compile(r"(?:\s|and|screen|all|only|\([^()]*\))*", re.IGNORECASE)


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


def in_order_of_choice(images: list[SrcsetImage], sizes: str = "") -> list[str]:
    """Return the URLs of a `srcset`: first the one that a browser takes, then the larger ones."""
    if not images:
        return []
    slot = _slot_width(sizes)
    densities = [(each.width / slot if each.width else each.density, each.url) for each in images]
    ranked = sorted(densities, key=lambda pair: pair[0])
    chosen = next((pair for pair in ranked if pair[0] >= 1), ranked[-1])
    others = sorted((pair for pair in ranked if pair != chosen), key=lambda pair: -pair[0])
    return list(dict.fromkeys(url for _, url in (chosen, *others)))


def width_of(images: list[SrcsetImage], url: str) -> float:
    """Return the width that a `srcset` gives one of its URLs; 0 if it gives none."""
    return max((each.width for each in images if each.url == url), default=0.0)


def media_matches(media: str) -> bool:
    """Return whether a media query holds for our screen; True if it is not understood."""
    for query in media.split(","):
        text = query.strip()
        if not text or text.lower() in ("all", "screen"):
            return True
        if text.lower() in ("print", "speech", "none"):
            continue
        if not _UNDERSTOOD.fullmatch(text):
            return True
        if all(_holds(*each) for each in _CONDITION.findall(text)):
            return True
    return False


def _holds(bound: str, side: str, number: str, unit: str) -> bool:
    limit = float(number) * (_FONT_PX if unit.lower() != "px" else 1)
    mine = VIEWPORT[0 if side.lower() == "width" else 1]
    return mine >= limit if bound.lower() == "min" else mine <= limit


def _slot_width(sizes: str) -> float:
    """Return the width in pixels at which the `sizes` attribute shows the image."""
    for entry in _entries(sizes[:10_000]):
        condition, _, length = entry.rpartition(" ")
        if condition.strip() and not media_matches(condition):
            continue
        if (width := _pixels(length or entry)) is not None:
            return max(width, 1.0)
    return float(VIEWPORT[0])


def _entries(sizes: str) -> list[str]:
    """Split a `sizes` attribute at its commas, and keep functions such as `calc()` whole."""
    parts: list[str] = [""]
    for token in tinycss2.parse_component_value_list(sizes):
        if token.type == "literal" and token.value == ",":
            parts.append("")
        else:
            parts[-1] += token.serialize()
    return [each.strip() for each in parts if each.strip()]


def _pixels(length: str) -> float | None:
    """Return a length in pixels; for `calc()`, the difference of two lengths, or the first one."""
    found = _LENGTH.findall(length)
    if not found:
        return None
    factors = {
        "px": 1.0,
        "em": _FONT_PX,
        "rem": _FONT_PX,
        "vw": VIEWPORT[0] / 100,
        "vh": VIEWPORT[1] / 100,
        "vmin": min(VIEWPORT) / 100,
        "vmax": max(VIEWPORT) / 100,
    }
    values = [float(number) * factors[unit.lower()] for number, unit in found]
    if "-" in length and len(values) == 2:
        return values[0] - values[1]
    return values[0]


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
