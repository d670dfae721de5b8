"""
Writes drawings of lines, dots and words as SVG, as PNG, and into a PDF.

Coordinates are in points from the upper left corner.
"""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import pairwise

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Colour = tuple[int, int, int]

INK: Colour = (26, 26, 26)
FAINT: Colour = (190, 190, 190)
_ASCENT = 0.35
# Pixels for each point of a PNG, and the factor by which it is first drawn larger: scaling it down
# makes slanting edges smooth.
_SCALE, _FINER = 2, 3


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
    return _font(100).getlength(text) * size / 100


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
    """Return a drawing as PNG."""
    factor = _SCALE * _FINER
    size = (round(drawing.width * factor), round(drawing.height * factor))
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for each in drawing.marks:
        if isinstance(each, Stroke):
            for part in _dashes(each):
                ends = [(x * factor, y * factor) for x, y in part]
                pen.line(ends, fill=each.colour, width=round(each.width * factor), joint="curve")
        elif isinstance(each, Dot):
            x, y, radius = (value * factor for value in (*each.at, each.radius))
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=each.colour)
    small = image.resize((size[0] // _FINER, size[1] // _FINER), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(small)
    anchors = {"left": "ls", "middle": "ms", "right": "rs"}
    for each in drawing.marks:
        if isinstance(each, Words):
            at = (each.at[0] * _SCALE, (each.at[1] + each.size * _ASCENT) * _SCALE)
            font = _font(round(each.size * _SCALE))
            pen.text(at, each.text, fill=each.colour, font=font, anchor=anchors[each.side])
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def onto_pdf(drawing: Drawing, paper: FPDF, *, x: float, y: float, width: float) -> float:
    """
    Draw onto the current page of a PDF, in its current font, and return the drawing's height.

    Args:
        x, y, width: Position and width, in the units of the PDF.
    """
    factor = width / drawing.width
    points = 72 / 25.4 * factor  # The PDF's unit is the millimetre, but fonts are in points.
    for each in drawing.marks:
        if isinstance(each, Stroke):
            paper.set_line_width(each.width * factor)
            paper.set_draw_color(*each.colour)
            for part in _dashes(each):
                paper.polyline([(x + a * factor, y + b * factor) for a, b in part])
        elif isinstance(each, Dot):
            paper.set_fill_color(*each.colour)
            at = (x + each.at[0] * factor, y + each.at[1] * factor)
            paper.circle(at[0], at[1], each.radius * factor, style="F")
        else:
            paper.set_font_size(each.size * points)
            paper.set_text_color(*each.colour)
            shift = {"left": 0, "middle": 0.5, "right": 1}[each.side]
            begin = x + each.at[0] * factor - shift * paper.get_string_width(each.text)
            paper.text(begin, y + (each.at[1] + each.size * _ASCENT) * factor, each.text)
    # Reset the PDF for the text that follows.
    paper.set_text_color(0)
    paper.set_draw_color(0)
    paper.set_fill_color(255)
    paper.set_line_width(0.2)
    return drawing.height * factor


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


def _dashes(stroke: Stroke) -> Iterator[Sequence[Point]]:
    """Yield the dashes of a line, or the whole line if it is solid."""
    if not stroke.dash:
        yield stroke.points
        return
    part: list[Point] = [stroke.points[0]]
    number, left = 0, stroke.dash[0]
    for begin, end in pairwise(stroke.points):
        length, done = math.dist(begin, end), 0.0
        while length - done > left:
            done += left
            share = done / length
            turn = (
                begin[0] + (end[0] - begin[0]) * share,
                begin[1] + (end[1] - begin[1]) * share,
            )
            if number % 2 == 0:
                yield [*part, turn]
            part = [turn]
            number += 1
            left = stroke.dash[number % len(stroke.dash)]
        left -= length - done
        part.append(end)
    if number % 2 == 0 and len(part) > 1:
        yield part


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    content = (files("hashsvc.removal") / "data" / "dejavu-sans.ttf").read_bytes()
    return ImageFont.truetype(io.BytesIO(content), size)
