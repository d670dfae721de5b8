"""Alterations by photographing a screen or a print of the photo."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import mapped, pick
from benchmarks.alterations.geometry import moved_corners, warped

PHOTOGRAPHED = Family("photographed")
_FRAME = (1080, 810)
# Moiré differs slightly between the channels.
_SCALES = (1.0, 1.03, 0.97)


@dataclass(frozen=True, slots=True)
class _Shot:
    """
    How carelessly a picture is photographed.

    Attributes:
        askew: Farthest that a corner moves, as a share of the side.

        bands: Depth of moiré, as a share of the brightness.

        glare: Brightness of the reflection, as a share of white.

        blur: σ in pixels, for a frame 1200 pixels wide.

        cast: Largest error of a colour channel, as a share.

        noise: σ, on a scale of 0 to 255.
    """

    askew: float
    bands: float
    glare: float
    blur: float
    cast: float
    noise: float


_SHOTS = {
    "careful": _Shot(0.03, 0.04, 0.1, 0.8, 0.05, 3),
    "ordinary": _Shot(0.07, 0.09, 0.22, 1.4, 0.09, 5),
    "careless": _Shot(0.13, 0.16, 0.4, 2.2, 0.15, 8),
}


@PHOTOGRAPHED.kind(_SHOTS)
def photo_of_a_screen(scene: Scene, shot: _Shot) -> Image.Image:
    rng = scene.rng
    screen = _on_screen(scene)
    screen = mapped(screen, lambda values: values * _moire(rng, values.shape, shot.bands))
    room = Image.new("RGB", screen.size, pick(rng, ((16, 16, 20), (70, 64, 58), (120, 118, 112))))
    seen = warped(screen, moved_corners(rng, screen.size, shot.askew), room)
    return _through_a_lens(seen, rng, shot)


@PHOTOGRAPHED.kind({key: _SHOTS[key] for key in ("ordinary", "careless")})
def photo_of_a_print(scene: Scene, shot: _Shot) -> Image.Image:
    rng = scene.rng
    paper = ImageOps.expand(_contained(scene.image), 30, (244, 240, 230))
    paper = mapped(paper, lambda values: 22 + values * np.float32(0.84))
    desk = mapped(
        Image.new("RGB", paper.size, pick(rng, ((140, 100, 66), (80, 74, 70), (190, 186, 180)))),
        lambda values: values + rng.normal(0, 10, (values.shape[0], 1, 1)).astype(np.float32),
    )
    seen = warped(paper, moved_corners(rng, paper.size, shot.askew), desk)
    return _through_a_lens(seen, rng, shot)


def _on_screen(scene: Scene) -> Image.Image:
    """Return the photo on a display, padded with black, with a bezel around it."""
    upright = scene.image.height > scene.image.width
    size = (_FRAME[1], _FRAME[0]) if upright else _FRAME
    screen = ImageOps.pad(scene.image, size, color="black")
    return ImageOps.expand(screen, 36, (8, 8, 10))


def _contained(image: Image.Image) -> Image.Image:
    return ImageOps.contain(image, (max(_FRAME), max(_FRAME)))


def _moire(rng: np.random.Generator, shape: tuple[int, ...], depth: float) -> NDArray[np.float32]:
    """
    Return factors near 1 that form wide, bent stripes, slightly different ones in each channel.

    Such stripes appear when the grid of a display interferes with the grid of a sensor.
    """
    down = np.arange(shape[0], dtype=np.float32)[:, None]
    across = np.arange(shape[1], dtype=np.float32)[None, :]
    angle = float(rng.uniform(0, np.pi))
    length, bend = float(rng.uniform(14, 60)), float(rng.uniform(-2e-4, 2e-4))
    along = across * math.cos(angle) + down * math.sin(angle)
    aside = down * math.cos(angle) - across * math.sin(angle)
    phase = (along + bend * aside**2) * (2 * math.pi / length)
    grid = 0.5 * np.sin(across * 2.1) * np.sin(down * 2.1)
    return np.stack([1 + depth * (np.sin(phase * scale) + grid) for scale in _SCALES], axis=2)


def _through_a_lens(seen: Image.Image, rng: np.random.Generator, shot: _Shot) -> Image.Image:
    blurred = seen.filter(ImageFilter.GaussianBlur(shot.blur * seen.width / 1200))

    def lit(values: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = values.shape[:2]
        down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None, None]
        across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :, None]
        y, x = (float(each) for each in rng.uniform(-0.5, 0.5, 2))
        spread = float(rng.uniform(0.03, 0.15))
        # exp(a + b) = exp(a) · exp(b), so two one-dimensional exponentials are enough.
        glare = np.exp(-((down - y) ** 2) / spread) * np.exp(-((across - x) ** 2) / spread)
        slopes = [float(each) for each in rng.uniform(-0.25, 0.25, 2)]
        light = 1 + slopes[0] * down + slopes[1] * across
        gains = (1 + rng.uniform(-shot.cast, shot.cast, 3)).astype(np.float32)
        lit_up: NDArray[np.float32] = values * light * gains + 255 * shot.glare * glare
        return lit_up + shot.noise * rng.standard_normal(values.shape, dtype=np.float32)

    return mapped(blurred, lit)
