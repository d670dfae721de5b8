"""
Writes drawings of lines, dots and words as SVG and as PNG.

Coordinates are in points from the upper left corner.
"""

from dataclasses import dataclass
from functools import lru_cache
from html import escape

from PIL import ImageFont

from hashsvc.removal.notices.typesetting import MAIN_FONT, font_file, typeset

Point = tuple[float, float]
Colour = tuple[int, int, int]

INK: Colour = (26, 26, 26)
FAINT: Colour = (190, 190, 190)
_ASCENT = 0.35
# The letter size at which texts are measured.
_MEASURED = 100
# The page of a PNG.
_PAGE = """
#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: 100%)
"""


@dataclass(frozen=True, slots=True)
class Stroke:
    """
    A line through points.

    Attributes:
        dash: Lengths of dashes and gaps in turn. Empty for a solid line.
    """

    points: tuple[Point, ...]
    width: float = 1
    colour: Colour = INK
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    at: Point
    radius: float
    colour: Colour = INK


@dataclass(frozen=True, slots=True)
class Words:
    """
    One line of text, vertically centred on a point.

    Attributes:
        side: The part of the text that is at the point: "left", "middle" or "right".
    """

    at: Point
    text: str
    size: float = 10
    colour: Colour = INK
    side: str = "left"


@dataclass(frozen=True, slots=True)
class Drawing:
    """
    Marks on a white background, drawn in order.

    Attributes:
        title: The text that a screen reader reads instead.
    """

    width: float
    height: float
    title: str
    marks: tuple[Stroke | Dot | Words, ...]


def width_of(text: str, size: float) -> float:
    """Return the width of a text, in points."""
    return _font().getlength(text) * size / _MEASURED


def to_svg(drawing: Drawing) -> str:
    """Return a drawing as SVG, without scripts or external resources."""
    size = f'width="{drawing.width:g}" height="{drawing.height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} '
        f'viewBox="0 0 {drawing.width:g} {drawing.height:g}">',
        f"<title>{escape(drawing.title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        *(_svg(each) for each in drawing.marks),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def to_png(drawing: Drawing) -> bytes:
    """Return a drawing as PNG, with two pixels for each point."""
    page = _PAGE.format(width=drawing.width, height=drawing.height)
    return typeset(page.encode(), {"svg": to_svg(drawing)}, "png", pixels_per_point=2)


def _svg(mark: Stroke | Dot | Words) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*mark.colour)
    if isinstance(mark, Stroke):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
        dash = "".join(f" {each:g}" for each in mark.dash).strip()
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="{mark.width:g}"{dashed}/>'
        )
    x, y = mark.at
    if isinstance(mark, Dot):
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{mark.radius:g}" fill="{colour}"/>'
    anchor = {"left": "start", "middle": "middle", "right": "end"}[mark.side]
    return (
        f'<text x="{x:.2f}" y="{y + mark.size * _ASCENT:.2f}" font-size="{mark.size:g}" '
        f'font-family="DejaVu Sans, Arial, Helvetica, sans-serif" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(mark.text)}</text>'
    )


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(MAIN_FONT), _MEASURED)
