"""Drawing tools that alterations share: fonts, words, colours, places, emoji and stickers."""

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Item = TypeVar("Item")
Colour = tuple[int, int, int]
Paint = str | Colour
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_CAPTIONS = (
    "look at this",
    "guess who",
    "from the group chat",
    "you all know her",
    "do not share this lol",
    "she sent me this last year",
    "when they think nobody will see it",
    "more where this came from",
    "ask me for the rest",
    "on regarde mais on ne dit rien",
    "kijk eens wie we hier hebben",
    "real or fake?",
    "part 2 in the comments",
    "it was never meant to get out",
)
_COMMON = (
    "the of and a to in is that it was for on are as with they at be this from have or by one "
    "had not but what all were when we there can an your which their said if do will each "
    "about how up out them then she many some so these would other into has more her two like "
    "him see time could no make than first been its who now people my made over did down only "
    "way find use may water long little very after words called just where most know get "
    "through back much before go good new write our used me man too any day same right look "
    "think also around another came come work three word must because does part even place "
    "well such here take why things help put years away"
)
_WORDS = tuple(_COMMON.split())
# Emoji and stickers are drawn this much larger, then reduced, for smooth edges.
_OVERSAMPLED = 4


@functools.lru_cache(maxsize=256)
def font(size: int) -> Font:
    """Return the font that comes with Pillow, at a size in pixels."""
    return ImageFont.load_default(max(size, 6))


def pick(rng: np.random.Generator, options: Sequence[Item]) -> Item:
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def caption(rng: np.random.Generator) -> str:
    """Return a caption that a re-uploader might write on a picture."""
    return pick(rng, _CAPTIONS)


def words(rng: np.random.Generator, count: int) -> str:
    """Return `count` common words."""
    return " ".join(pick(rng, _WORDS) for _ in range(count))


def handle(rng: np.random.Generator) -> str:
    """Return a made-up account name."""
    return f"{pick(rng, ('user', 'account', 'profile', 'page'))}{int(rng.integers(10, 99_999))}"


def bright(rng: np.random.Generator) -> Colour:
    """Return a saturated colour, with one low and one high channel."""
    low, middle, high = (int(rng.integers(*span)) for span in ((0, 80), (40, 220), (190, 256)))
    channels = [low, middle, high]
    rng.shuffle(channels)
    return (channels[0], channels[1], channels[2])


def spot(rng: np.random.Generator, outer: tuple[int, int], inner: tuple[int, int]) -> list[int]:
    """Return a random place (left, top) at which the inner box lies within the outer one."""
    return [
        int(rng.integers(max(big - small, 0) + 1)) for big, small in zip(outer, inner, strict=True)
    ]


def fitting(text: str, width: float, size: float) -> Font:
    """Return the font at `size`, or smaller if the text would be wider than `width`."""
    fitted = font(round(size))
    wide = fitted.getlength(text)
    return fitted if wide <= width else font(int(size * width / wide))


def wrapped(text: str, width: float, letters: Font) -> list[str]:
    """Return a text broken into lines that are at most `width` wide."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and letters.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def write_centred(
    picture: Image.Image,
    text: str,
    box: tuple[float, float, float, float],
    *,
    fill: Paint,
    size: float,
    outlined: bool = False,
) -> None:
    """Write a text into the middle of a box, and make it smaller if it would not fit."""
    left, top, right, bottom = box
    letters = fitting(text, (right - left) * 0.94, size)
    ImageDraw.Draw(picture).text(
        ((left + right) / 2, (top + bottom) / 2),
        text,
        fill,
        letters,
        anchor="mm",
        stroke_width=max(1, round(size / 12)) if outlined else 0,
        stroke_fill="black" if outlined else None,
    )


def rounded_mask(size: tuple[int, int], radius: float) -> Image.Image:
    """Return a mask in the shape of a rectangle with round corners."""
    large = Image.new("L", (size[0] * 2, size[1] * 2))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * 2, fill=255)
    return large.resize(size, Image.Resampling.BOX)


def mapped(
    image: Image.Image, change: Callable[[NDArray[np.float32]], NDArray[np.floating]]
) -> Image.Image:
    """Return the picture with `change` applied to its float32 values, shape (height, width, 3)."""
    values = change(np.asarray(image, dtype=np.float32))
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def emoji(rng: np.random.Generator, side: int) -> Image.Image:
    """Return a random face in mode RGBA: smiling, laughing, in love, shocked or in sunglasses."""
    unit = side * _OVERSAMPLED / 100
    face = Image.new("RGBA", (side * _OVERSAMPLED, side * _OVERSAMPLED))
    draw = ImageDraw.Draw(face)

    def at(*box: float) -> list[float]:
        return [each * unit for each in box]

    draw.ellipse(at(1, 1, 98, 98), fill=(255, 204, 51), outline=(226, 160, 20), width=int(2 * unit))
    kind = int(rng.integers(5))
    dark = (92, 58, 16)
    if kind == 4:
        draw.rounded_rectangle(at(14, 28, 47, 50), 6 * unit, fill="black")
        draw.rounded_rectangle(at(53, 28, 86, 50), 6 * unit, fill="black")
        draw.line(at(10, 32, 90, 32), fill="black", width=int(4 * unit))
    elif kind == 2:
        _heart(draw, at(14, 24, 44, 54), (226, 38, 54))
        _heart(draw, at(56, 24, 86, 54), (226, 38, 54))
    elif kind == 1:
        draw.arc(at(18, 30, 42, 54), 200, 340, fill=dark, width=int(5 * unit))
        draw.arc(at(58, 30, 82, 54), 200, 340, fill=dark, width=int(5 * unit))
        draw.ellipse(at(4, 44, 24, 66), fill=(80, 170, 240))
        draw.ellipse(at(76, 44, 96, 66), fill=(80, 170, 240))
    else:
        draw.ellipse(at(28, 30, 40, 48), fill=dark)
        draw.ellipse(at(60, 30, 72, 48), fill=dark)
    if kind == 3:
        draw.ellipse(at(38, 58, 62, 86), fill=dark)
    elif kind in {1, 2}:
        draw.chord(at(24, 42, 76, 86), 10, 170, fill=dark)
    else:
        draw.arc(at(24, 36, 76, 80), 25, 155, fill=dark, width=int(5 * unit))
    return face.resize((side, side), Image.Resampling.BOX)


def sticker(rng: np.random.Generator, side: int) -> Image.Image:
    """Return a random, tilted sticker in mode RGBA: a heart, star, flame or word in a bubble."""
    large = side * _OVERSAMPLED
    drawn = Image.new("RGBA", (large, large))
    draw = ImageDraw.Draw(drawn)
    kind, colour, half = int(rng.integers(4)), bright(rng), large / 2
    if kind == 0:
        _heart(draw, [0, 0, large, large], "white")
        _heart(draw, [large * 0.07, large * 0.07, large * 0.93, large * 0.93], colour)
    elif kind == 1:
        for reach, fill in ((0.5, "white"), (0.41, colour)):
            points = []
            for step in range(10):
                angle = np.pi * step / 5 - np.pi / 2
                radius = large * reach * (1 if step % 2 == 0 else 0.45)
                points.append((half + radius * np.cos(angle), half + radius * np.sin(angle)))
            draw.polygon(points, fill=fill)
    elif kind == 2:
        draw.ellipse((large * 0.15, large * 0.35, large * 0.85, large), fill=(255, 110, 20))
        flame = [(0.15, 0.7), (0.3, 0.3), (0.42, 0.45), (0.55, 0.0), (0.7, 0.4), (0.85, 0.7)]
        draw.polygon([(x * large, y * large) for x, y in flame], fill=(255, 110, 20))
        draw.ellipse((large * 0.33, large * 0.58, large * 0.67, large * 0.98), fill=(255, 214, 60))
    else:
        draw.ellipse((0, large * 0.15, large - 1, large * 0.8), fill="white")
        draw.polygon(
            [(large * 0.2, large * 0.65), (large * 0.1, large), (half, large * 0.7)], "white"
        )
        word = pick(rng, ("LOL", "OMG", "WOW", "18+", "HOT", "NO!"))
        box = (large * 0.1, large * 0.2, large * 0.9, large * 0.75)
        write_centred(drawn, word, box, fill=colour, size=large * 0.32)
    turned = drawn.rotate(float(rng.uniform(-25, 25)), Image.Resampling.BICUBIC, expand=True)
    return turned.resize((side, side), Image.Resampling.LANCZOS)


def _heart(draw: ImageDraw.ImageDraw, box: Sequence[float], fill: Paint) -> None:
    left, top, right, bottom = box
    angle = np.linspace(0, 2 * np.pi, 60)
    across = 16 * np.sin(angle) ** 3
    down = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle))
    x = (left + right) / 2 + across / 33 * (right - left)
    y = (top + bottom) / 2 + (down - 2.5) / 31 * (bottom - top)
    draw.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=fill)
