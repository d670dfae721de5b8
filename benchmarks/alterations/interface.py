"""Parts of app screens: themes, status bars, icons, avatars, rows of text."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.alterations.drawing import (
    Colour,
    bright,
    font,
    handle,
    pick,
    rounded_mask,
    words,
    wrapped,
)


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a user interface."""

    ground: Colour
    surface: Colour
    text: Colour
    faint: Colour
    accent: Colour


LIGHT = Theme((255, 255, 255), (236, 236, 241), (17, 17, 17), (142, 142, 147), (10, 122, 255))
DARK = Theme((0, 0, 0), (38, 38, 41), (242, 242, 247), (142, 142, 147), (48, 132, 255))
THEMES = {"light": LIGHT, "dark": DARK}


class PhoneScreen:
    """
    Draws a page of an app from the top to the bottom.

    All sizes are pixels of a screen 1080 pixels wide. `y` is the top of the next row.
    """

    def __init__(self, size: tuple[int, int], theme: Theme, rng: np.random.Generator) -> None:
        self.theme = theme
        self.rng = rng
        self.picture = Image.new("RGB", size, theme.ground)
        self.draw = ImageDraw.Draw(self.picture)
        self.width, self.height = size
        self.y = 0

    def bar(self, top: int, high: int, colour: Colour) -> None:
        """Fill a bar across the whole width, as for a header or toolbar."""
        self.draw.rectangle((0, top, self.width, top + high), fill=colour)

    def status(self, ink: Colour | None = None) -> None:
        """Draw the phone's status bar: time, reception, Wi-Fi, battery."""
        ink = ink or self.theme.text
        hour, minute = int(self.rng.integers(24)), int(self.rng.integers(60))
        self.write((70, 44), f"{hour}:{minute:02}", 40, ink, "lm")
        right = self.width - 70
        for bar in range(4):
            left = right - 210 + bar * 14
            self.draw.rectangle((left, 58 - 8 * bar - 6, left + 9, 60), fill=ink)
        self.draw.pieslice((right - 142, 26, right - 94, 78), 225, 315, fill=ink)
        self.draw.rounded_rectangle((right - 72, 28, right - 6, 60), 9, outline=ink, width=3)
        charge = float(self.rng.uniform(0.1, 1))
        self.draw.rounded_rectangle((right - 67, 33, right - 67 + 56 * charge, 55), 5, fill=ink)
        self.draw.rectangle((right - 4, 38, right, 50), fill=ink)
        self.y = 90

    def write(
        self, at: tuple[float, float], text: str, size: int, ink: Colour, anchor: str = "la"
    ) -> None:
        """Write one line of text."""
        self.draw.text(at, text, ink, font(size), anchor=anchor)

    def paragraph(self, left: int, wide: int, count: int, size: int, ink: Colour) -> None:
        """Write random words in as many lines as they need, and move `y` below them."""
        for line in wrapped(words(self.rng, count).capitalize(), wide, font(size)):
            self.write((left, self.y), line, size, ink)
            self.y += round(size * 1.35)

    def avatar(self, left: int, top: int, side: int, *, ring: bool = False) -> None:
        """Draw an account's round picture: a head and shoulders, or a letter."""
        if ring:
            box = (left - 8, top - 8, left + side + 8, top + side + 8)
            self.draw.ellipse(box, outline=(225, 48, 108), width=5)
        drawn = Image.new("RGB", (side, side), bright(self.rng))
        draw = ImageDraw.Draw(drawn)
        if self.rng.random() < 0.5:
            tone = pick(self.rng, ((240, 240, 240), (70, 60, 60), (230, 190, 160), (150, 100, 70)))
            draw.ellipse((side * 0.3, side * 0.18, side * 0.7, side * 0.6), fill=tone)
            draw.ellipse((side * 0.12, side * 0.64, side * 0.88, side * 1.5), fill=tone)
        else:
            letter = chr(65 + int(self.rng.integers(26)))
            draw.text((side / 2, side / 2), letter, "white", font(side // 2), anchor="mm")
        self.picture.paste(drawn, (left, top), rounded_mask((side, side), side / 2))

    def account(self, top: int, *, detail: str, ink: Colour | None = None) -> None:
        """Draw an avatar with an account name beside it, and three dots at the right."""
        ink = ink or self.theme.text
        self.avatar(40, top, 88)
        self.write((152, top + 8), handle(self.rng), 36, ink)
        self.write((152, top + 52), detail, 28, self.theme.faint)
        for dot in range(3):
            left = self.width - 100 + dot * 22
            self.draw.ellipse((left, top + 40, left + 9, top + 49), fill=ink)

    def icons(
        self, names: tuple[str, ...], top: int, span: tuple[int, int], ink: Colour | None = None
    ) -> None:
        """Draw icons 60 pixels wide, spaced evenly across a span from left to right."""
        step = (span[1] - span[0] - 60) / max(len(names) - 1, 1)
        for number, name in enumerate(names):
            self.icon(name, span[0] + number * step, top, ink or self.theme.text)

    def icon(self, name: str, left: float, top: float, ink: Colour) -> None:
        """Draw one icon, 60 pixels wide, from lines and simple shapes."""
        for kind, points in _ICONS[name]:
            at = [(left + x * 0.6, top + y * 0.6) for x, y in points]
            if kind == "line":
                self.draw.line(at, fill=ink, width=6, joint="curve")
            elif kind == "ring":
                self.draw.ellipse((*at[0], *at[1]), outline=ink, width=6)
            elif kind == "box":
                self.draw.rounded_rectangle((*at[0], *at[1]), 10, outline=ink, width=6)
            else:
                self.draw.polygon(at, fill=ink)

    def photo(
        self, picture: Image.Image, left: int, top: int, size: tuple[int, int], radius: int = 0
    ) -> None:
        """Draw a picture on the page in a given size; parts beyond the page are cut off."""
        laid = picture.resize(size, Image.Resampling.BICUBIC)
        self.picture.paste(laid, (left, top), rounded_mask(size, radius) if radius else None)

    def thumbnail(self, picture: Image.Image, left: int, top: int, side: int) -> None:
        """Draw a picture, cut to a square, on the page."""
        self.picture.paste(ImageOps.fit(picture, (side, side)), (left, top))


def within(image: Image.Image, wide: int, high: int) -> tuple[int, int]:
    """Return the largest size that fits into a box and keeps the image's shape."""
    factor = min(wide / image.width, high / image.height)
    return max(1, round(image.width * factor)), max(1, round(image.height * factor))


# Coordinates are hundredths of the icon's side.
_ICONS: dict[str, tuple[tuple[str, list[tuple[float, float]]], ...]] = {
    "back": (("line", [(65, 10), (25, 50), (65, 90)]),),
    "heart": (
        (
            "line",
            [
                (50, 92),
                (8, 48),
                (8, 24),
                (28, 10),
                (50, 28),
                (72, 10),
                (92, 24),
                (92, 48),
                (50, 92),
            ],
        ),
    ),
    "comment": (("ring", [(8, 8), (92, 86)]), ("fill", [(20, 72), (12, 96), (45, 84)])),
    "send": (
        ("line", [(6, 16), (94, 10), (50, 94), (40, 48), (6, 16)]),
        ("line", [(40, 48), (94, 10)]),
    ),
    "keep": (("line", [(22, 8), (78, 8), (78, 94), (50, 66), (22, 94), (22, 8)]),),
    "home": (("line", [(10, 48), (50, 10), (90, 48), (90, 92), (10, 92), (10, 48)]),),
    "search": (("ring", [(8, 8), (70, 70)]), ("line", [(64, 64), (94, 94)])),
    "plus": (
        ("box", [(8, 8), (92, 92)]),
        ("line", [(50, 28), (50, 72)]),
        ("line", [(28, 50), (72, 50)]),
    ),
    "person": (
        ("ring", [(30, 6), (70, 46)]),
        ("line", [(10, 94), (18, 66), (50, 56), (82, 66), (90, 94)]),
    ),
    "camera": (("box", [(4, 24), (96, 88)]), ("ring", [(32, 38), (68, 74)])),
    "call": (
        ("line", [(16, 12), (30, 10), (38, 34), (28, 44), (56, 72), (66, 62), (90, 72), (86, 88)]),
    ),
    "video": (("box", [(4, 24), (64, 76)]), ("fill", [(68, 48), (96, 28), (96, 72)])),
    "share": (
        ("box", [(16, 40), (84, 94)]),
        ("line", [(50, 66), (50, 6)]),
        ("line", [(30, 26), (50, 6), (70, 26)]),
    ),
    "bin": (
        ("line", [(8, 22), (92, 22)]),
        ("line", [(20, 22), (28, 94), (72, 94), (80, 22)]),
        ("line", [(36, 8), (64, 8)]),
    ),
    "info": (
        ("ring", [(6, 6), (94, 94)]),
        ("line", [(50, 44), (50, 76)]),
        ("line", [(50, 24), (50, 32)]),
    ),
    "menu": (
        ("line", [(8, 22), (92, 22)]),
        ("line", [(8, 50), (92, 50)]),
        ("line", [(8, 78), (92, 78)]),
    ),
    "reload": (("ring", [(12, 12), (88, 88)]), ("fill", [(70, 8), (96, 34), (64, 40)])),
    "pages": (("box", [(8, 28), (72, 92)]), ("line", [(28, 8), (92, 8), (92, 72)])),
    "close": (("line", [(14, 14), (86, 86)]), ("line", [(86, 14), (14, 86)])),
    "smile": (
        ("ring", [(6, 6), (94, 94)]),
        ("line", [(28, 60), (50, 74), (72, 60)]),
        ("line", [(34, 34), (34, 42)]),
        ("line", [(66, 34), (66, 42)]),
    ),
}
