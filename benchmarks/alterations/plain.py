"""Pictures that show nothing, or only words; none is a copy of another."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.alterations.drawing import bright, font, words, wrapped

_SIZE = (640, 480)
_OF_A_KIND = 8
_BLANK = ("white", "black", "grey", "navy", "crimson", "beige", "teal", "gold")


def plain_pictures(rng: np.random.Generator) -> dict[str, Image.Image]:
    """Return pictures by name: blank, gradients, noise, and text only."""
    pictures = {f"blank {name}": Image.new("RGB", _SIZE, name) for name in _BLANK}
    for number in range(_OF_A_KIND):
        pictures[f"gradient {number}"] = _gradient(rng, 2 * np.pi * number / _OF_A_KIND)
        pictures[f"radial gradient {number}"] = _radial(rng)
        pictures[f"noise {number}"] = _noise(rng, coloured=number % 2 == 0)
        pictures[f"text, dark {number}"] = _page(rng, "black", "white", 18 + 4 * number)
        pictures[f"text, light {number}"] = _page(rng, "white", "black", 18 + 4 * number)
    return pictures


def _gradient(rng: np.random.Generator, angle: float) -> Image.Image:
    down, across = np.mgrid[-1 : 1 : _SIZE[1] * 1j, -1 : 1 : _SIZE[0] * 1j]
    return _between(rng, (across * np.cos(angle) + down * np.sin(angle)) / 3 + 0.5)


def _radial(rng: np.random.Generator) -> Image.Image:
    down, across = np.mgrid[0 : 1 : _SIZE[1] * 1j, 0 : 1 : _SIZE[0] * 1j]
    y, x = rng.uniform(0, 1, 2)
    return _between(rng, np.hypot(down - y, across - x) / 1.5)


def _between(rng: np.random.Generator, share: NDArray[np.float64]) -> Image.Image:
    """Return a picture that blends two random colours, by each pixel's share of the second."""
    start, end = np.array(bright(rng)), np.array(bright(rng))
    return Image.fromarray((start + share[:, :, None] * (end - start)).clip(0, 255).astype("uint8"))


def _noise(rng: np.random.Generator, *, coloured: bool) -> Image.Image:
    shape = (_SIZE[1], _SIZE[0], 3) if coloured else (_SIZE[1], _SIZE[0])
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).convert("RGB")


def _page(rng: np.random.Generator, ground: str, ink: str, size: int) -> Image.Image:
    page = Image.new("RGB", _SIZE, ground)
    lines = wrapped(words(rng, int(rng.integers(8, 120))), _SIZE[0] - 60, font(size))
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((30, 30 + number * size * 1.4), line, ink, font(size))
    return page
