"""
Draws images that many people have, and prints their codes.

    python -m benchmarks.shipped.draw_common > hashsvc/bank/data/common.json

They are plain pictures, logos, icons, letters, patterns and QR codes. If a case contained one of
them, every site that shows such a picture would be reported. Images below PDQ's least quality are
left out, because the bank refuses them anyway.

Such images are often symmetric. Half of their frequencies are then close to zero, and half of the
bits are noise that changes with each size and file. So each image is signed in several sizes and
files, and `steady` marks the bits that were the same in all.
"""

import io
import itertools
import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import PIL
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from hashsvc.signals import PDQ, Signal
from hashsvc.signals.pdq import pdq

_SIDE = 512
# Images are drawn larger by this factor and then reduced, for smooth edges.
_FINE = 2
_LARGE = _SIDE * _FINE

_RENDITIONS = (
    ((200, 200), 90),
    ((512, 512), 60),
    ((1024, 768), 80),
    ((360, 360), 75),
    ((420, 300), 95),
    ((700, 700), 50),
)

Draw = Callable[[ImageDraw.ImageDraw], None]


def main() -> int:
    """Print the list as JSON."""
    kept: list[dict[str, object]] = []
    drawn = 0
    for name, image in images():
        drawn += 1
        code, quality = signed(image)
        if quality >= PDQ.min_quality:
            steady = steady_bits(image)
            kept.append(
                {"image": name, "quality": quality, "signal": str(code), "steady": steady.hex()}
            )
    made = {
        "made_by": "python -m benchmarks.shipped.draw_common > hashsvc/bank/data/common.json",
        "pillow": PIL.__version__,
        "drawn": drawn,
        "images": kept,
    }
    json.dump(made, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


def signed(image: Image.Image) -> tuple[Signal, int]:
    """Return an image's PDQ and its quality."""
    code, quality = pdq(np.asarray(image.convert("RGB")))
    return Signal(PDQ.name, code), quality


def steady_bits(image: Image.Image) -> bytes:
    """Return a mask of the bits that are the same in several sizes and files."""
    first = int.from_bytes(signed(image)[0].code)
    changed = 0
    for size, quality in _RENDITIONS:
        changed |= first ^ int.from_bytes(signed(rendition(image, size, quality))[0].code)
    return (~changed & (1 << PDQ.bits) - 1).to_bytes(PDQ.bits // 8)


def rendition(image: Image.Image, size: tuple[int, int], quality: int) -> Image.Image:
    """Return an image resized and read back from a JPEG file."""
    file = io.BytesIO()
    image.convert("RGB").resize(size).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def images() -> Iterator[tuple[str, Image.Image]]:
    """Yield every image with its name."""
    yield from _plain()
    for name, draw in itertools.chain(_shapes(), _icons(), _patterns(), _letters(), _qr_codes()):
        image = Image.new("L", (_LARGE, _LARGE), 255)
        draw(ImageDraw.Draw(image))
        image = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
        yield name, image
        yield f"{name}, light on dark", ImageOps.invert(image)


def _plain() -> Iterator[tuple[str, Image.Image]]:
    for shade in range(0, 256, 51):
        yield f"one colour, {shade}", Image.new("L", (_SIDE, _SIDE), shade)
    across = Image.linear_gradient("L").resize((_SIDE, _SIDE))
    yield "shading downwards", across
    yield "shading sidewards", across.rotate(90)
    yield "shading in both directions", ImageChops.multiply(across, across.rotate(90))
    yield "shading from the middle", Image.radial_gradient("L").resize((_SIDE, _SIDE))
    bars = Image.new("RGB", (_SIDE, _SIDE))
    for number, colour in enumerate(
        ("white", "yellow", "cyan", "lime", "magenta", "red", "blue", "black")
    ):
        bars.paste(colour, (number * _SIDE // 8, 0, (number + 1) * _SIDE // 8, _SIDE))
    yield "colour bars", bars


def _at(*parts: float) -> list[float]:
    """Return shares of the side, converted to pixels."""
    return [part * _LARGE for part in parts]


def _star(points: int, inner: float) -> list[tuple[float, float]]:
    """Return the corners of a star, or of a polygon if the inner corners lie on its sides."""
    corners = []
    for number in range(2 * points):
        radius, angle = (0.4, inner)[number % 2], math.pi * (number / points - 0.5)
        x, y = _at(0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle))
        corners.append((x, y))
    return corners


def _heart() -> list[tuple[float, float]]:
    angles = [math.tau * number / 200 for number in range(200)]
    return [
        (
            _LARGE * (0.5 + 0.025 * 16 * math.sin(t) ** 3),
            _LARGE
            * (
                0.46
                - 0.025
                * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
            ),
        )
        for t in angles
    ]


def _middle(part: float) -> list[float]:
    return _at(0.5 - part, 0.5 - part, 0.5 + part, 0.5 + part)


def _shapes() -> Iterator[tuple[str, Draw]]:
    for part in (0.15, 0.25, 0.4):
        yield f"disc, {part}", partial(_disc, part=part)
        yield f"square, {part}", partial(_square, part=part)
        yield f"ring, {part}", partial(_ring, part=part)
        yield f"frame, {part}", partial(_frame, part=part)
    for points in (3, 4, 5, 6, 8, 12):
        for inner in (0.16, 0.28):
            yield f"star, {points}, {inner}", partial(_polygon, corners=_star(points, inner))
    for sides in (3, 4, 5, 6, 8):
        corners = _star(sides, 0.4 * math.cos(math.pi / sides))
        yield f"polygon, {sides}", partial(_polygon, corners=corners)
    yield "heart", partial(_polygon, corners=_heart())
    yield "cross", partial(_bars, boxes=[(0.4, 0.1, 0.6, 0.9), (0.1, 0.4, 0.9, 0.6)])
    yield "minus", partial(_bars, boxes=[(0.1, 0.4, 0.9, 0.6)])


def _disc(draw: ImageDraw.ImageDraw, *, part: float) -> None:
    draw.ellipse(_middle(part), fill=0)


def _square(draw: ImageDraw.ImageDraw, *, part: float) -> None:
    draw.rectangle(_middle(part), fill=0)


def _ring(draw: ImageDraw.ImageDraw, *, part: float) -> None:
    draw.ellipse(_middle(part), outline=0, width=int(0.06 * _LARGE))


def _frame(draw: ImageDraw.ImageDraw, *, part: float) -> None:
    draw.rectangle(_middle(part), outline=0, width=int(0.06 * _LARGE))


def _polygon(draw: ImageDraw.ImageDraw, *, corners: list[tuple[float, float]]) -> None:
    draw.polygon(corners, fill=0)


def _bars(draw: ImageDraw.ImageDraw, *, boxes: list[tuple[float, float, float, float]]) -> None:
    for box in boxes:
        draw.rectangle(_at(*box), fill=0)


def _icons() -> Iterator[tuple[str, Draw]]:
    yield "person", _person
    yield "smiling face", partial(_face, start=20, end=160)
    yield "sad face", partial(_face, start=200, end=340)
    yield "play button", _play
    yield "no entry", _no_entry
    yield "envelope", _envelope
    yield "padlock", _padlock
    yield "picture that is missing", _missing
    yield "arrow", _arrow
    yield "tick", _tick
    yield "cloud", _cloud


def _arrow(draw: ImageDraw.ImageDraw) -> None:
    corners = (0.1, 0.4, 0.55, 0.4, 0.55, 0.2, 0.9, 0.5, 0.55, 0.8, 0.55, 0.6, 0.1, 0.6)
    draw.polygon(_at(*corners), fill=0)


def _tick(draw: ImageDraw.ImageDraw) -> None:
    places = _at(0.15, 0.55, 0.4, 0.8, 0.85, 0.25)
    draw.line(places, fill=0, width=int(0.1 * _LARGE), joint="curve")


def _cloud(draw: ImageDraw.ImageDraw) -> None:
    for box in ((0.1, 0.45, 0.45, 0.8), (0.3, 0.25, 0.7, 0.7), (0.55, 0.42, 0.92, 0.8)):
        draw.ellipse(_at(*box), fill=0)


def _person(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse(_at(0.33, 0.15, 0.67, 0.5), fill=0)
    draw.ellipse(_at(0.15, 0.58, 0.85, 1.3), fill=0)


def _face(draw: ImageDraw.ImageDraw, *, start: float, end: float) -> None:
    wide = int(0.05 * _LARGE)
    draw.ellipse(_at(0.1, 0.1, 0.9, 0.9), outline=0, width=wide)
    draw.ellipse(_at(0.3, 0.33, 0.4, 0.43), fill=0)
    draw.ellipse(_at(0.6, 0.33, 0.7, 0.43), fill=0)
    lower = 0.25 if start > 180 else 0.0
    draw.arc(_at(0.28, 0.35 + lower, 0.72, 0.75 + lower), start, end, fill=0, width=wide)


def _play(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse(_at(0.1, 0.1, 0.9, 0.9), fill=0)
    draw.polygon(_at(0.4, 0.28, 0.4, 0.72, 0.76, 0.5), fill=255)


def _no_entry(draw: ImageDraw.ImageDraw) -> None:
    wide = int(0.09 * _LARGE)
    draw.ellipse(_at(0.1, 0.1, 0.9, 0.9), outline=0, width=wide)
    draw.line(_at(0.24, 0.24, 0.76, 0.76), fill=0, width=wide)


def _envelope(draw: ImageDraw.ImageDraw) -> None:
    wide = int(0.04 * _LARGE)
    draw.rectangle(_at(0.1, 0.25, 0.9, 0.75), outline=0, width=wide)
    draw.line(_at(0.1, 0.25, 0.5, 0.55, 0.9, 0.25), fill=0, width=wide)


def _padlock(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle(_at(0.22, 0.45, 0.78, 0.9), fill=0)
    draw.arc(_at(0.3, 0.12, 0.7, 0.75), 180, 360, fill=0, width=int(0.08 * _LARGE))


def _missing(draw: ImageDraw.ImageDraw) -> None:
    wide = int(0.03 * _LARGE)
    draw.rectangle(_at(0.15, 0.2, 0.85, 0.8), outline=0, width=wide)
    draw.ellipse(_at(0.25, 0.3, 0.37, 0.42), fill=0)
    draw.polygon(_at(0.2, 0.75, 0.45, 0.45, 0.6, 0.62, 0.7, 0.52, 0.8, 0.75), fill=0)


def _patterns() -> Iterator[tuple[str, Draw]]:
    for count in (2, 3, 4, 6, 8, 12, 16):
        yield f"checkerboard, {count}", partial(_cells, count=count, down=1, across=1)
        yield f"stripes down, {count}", partial(_cells, count=2 * count, down=0, across=1)
        yield f"stripes across, {count}", partial(_cells, count=2 * count, down=1, across=0)
        yield f"dots, {count}", partial(_dots, count=count)
        yield f"grid, {count}", partial(_grid, count=count)
        yield f"rings, {count}", partial(_rings, count=count)


def _cells(draw: ImageDraw.ImageDraw, *, count: int, down: int, across: int) -> None:
    for row, column in itertools.product(range(count), repeat=2):
        if (down * row + across * column) % 2 == 0:
            box = _at(column / count, row / count, (column + 1) / count, (row + 1) / count)
            draw.rectangle(box, fill=0)


def _dots(draw: ImageDraw.ImageDraw, *, count: int) -> None:
    for row, column in itertools.product(range(count), repeat=2):
        box = (column + 0.2, row + 0.2, column + 0.8, row + 0.8)
        draw.ellipse(_at(*(part / count for part in box)), fill=0)


def _grid(draw: ImageDraw.ImageDraw, *, count: int) -> None:
    for number in range(count + 1):
        place = number / count
        draw.line(_at(place, 0, place, 1), fill=0, width=int(0.01 * _LARGE))
        draw.line(_at(0, place, 1, place), fill=0, width=int(0.01 * _LARGE))


def _rings(draw: ImageDraw.ImageDraw, *, count: int) -> None:
    for number in range(count, 0, -1):
        part = 0.48 * number / count
        box = _at(0.5 - part, 0.5 - part, 0.5 + part, 0.5 + part)
        draw.ellipse(box, fill=0 if number % 2 else 255)


def _letters() -> Iterator[tuple[str, Draw]]:
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789&@#?!":
        yield f"letter {letter}", partial(_letter, text=letter)


def _letter(draw: ImageDraw.ImageDraw, *, text: str) -> None:
    # This is the font that comes with Pillow.
    font = ImageFont.load_default(0.8 * _LARGE)
    draw.text((_LARGE / 2, _LARGE / 2), text, fill=0, font=font, anchor="mm")


def _qr_codes() -> Iterator[tuple[str, Draw]]:
    # QR codes with different data have different PDQ codes, so these few cannot detect them all.
    for modules in (21, 25, 29, 33):
        yield f"like a QR code, {modules}", partial(_qr_code, modules=modules)


def _qr_code(draw: ImageDraw.ImageDraw, *, modules: int) -> None:
    rng = random.Random(modules)
    dark = [[rng.random() < 0.5 for _ in range(modules)] for _ in range(modules)]
    for top, left in ((0, 0), (0, modules - 7), (modules - 7, 0)):
        for row, column in itertools.product(range(-1, 8), repeat=2):
            if 0 <= top + row < modules and 0 <= left + column < modules:
                ring = max(abs(row - 3), abs(column - 3))
                dark[top + row][left + column] = ring in (0, 1, 3)
    for row, column in itertools.product(range(modules), repeat=2):
        if dark[row][column]:
            box = (column + 4, row + 4, column + 5, row + 5)
            draw.rectangle(_at(*(part / (modules + 8) for part in box)), fill=0)


if __name__ == "__main__":
    sys.exit(main())
