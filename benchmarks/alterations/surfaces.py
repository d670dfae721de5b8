"""Alterations of the surface: blur, noise, sharpening, coarse steps, dark corners."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import mapped

SURFACES = Family("surface")


@SURFACES.kind({f"σ {each} % of the long side": each / 100 for each in (0.3, 0.6, 1.2)})
def blur(scene: Scene, share: float) -> Image.Image:
    return scene.image.filter(ImageFilter.GaussianBlur(share * max(scene.image.size)))


@SURFACES.kind({f"{each} % of the long side": each / 100 for each in (1, 3, 6)})
def motion_blur(scene: Scene, share: float) -> Image.Image:
    length = share * max(scene.image.size)
    angle = float(scene.rng.uniform(0, np.pi))
    values = np.asarray(scene.image, dtype=np.float32)
    steps = np.linspace(-0.5, 0.5, max(3, round(length)))
    total = np.zeros_like(values)
    for step in steps:
        across, down = (round(length * step * each) for each in (np.cos(angle), np.sin(angle)))
        total += _shifted(values, down, across)
    return Image.fromarray((total / len(steps)).astype(np.uint8))


@SURFACES.kind({f"σ {each}": each for each in (8, 20, 40)})
def noise(scene: Scene, sigma: int) -> Image.Image:
    return mapped(
        scene.image,
        lambda values: values + sigma * scene.rng.standard_normal(values.shape, dtype=np.float32),
    )


@SURFACES.kind({"1 %": 0.01, "5 %": 0.05})
def salt_and_pepper(scene: Scene, share: float) -> Image.Image:
    values = np.array(scene.image)
    chance = scene.rng.random(values.shape[:2])
    values[chance < share / 2] = 0
    values[chance > 1 - share / 2] = 255
    return Image.fromarray(values)


@SURFACES.kind({"100 %": 100, "350 %": 350})
def sharpened(scene: Scene, percent: int) -> Image.Image:
    return scene.image.filter(ImageFilter.UnsharpMask(2, percent, 2))


@SURFACES.kind({"3 px": 3, "5 px": 5})
def smoothed(scene: Scene, side: int) -> Image.Image:
    return scene.image.filter(ImageFilter.MedianFilter(side))


@SURFACES.kind({"8 levels": 8, "4 levels": 4})
def posterised(scene: Scene, levels: int) -> Image.Image:
    step = np.float32(255 / (levels - 1))
    return mapped(scene.image, lambda values: np.rint(values / step) * step)


@SURFACES.kind({f"blocks of {each} % of the long side": each / 100 for each in (1, 2, 3)})
def pixelated(scene: Scene, share: float) -> Image.Image:
    block = max(2, round(share * max(scene.image.size)))
    small = (max(1, scene.image.width // block), max(1, scene.image.height // block))
    reduced = scene.image.resize(small, Image.Resampling.BOX)
    return reduced.resize(scene.image.size, Image.Resampling.NEAREST)


@SURFACES.kind({"light": 0.5, "heavy": 0.95})
def vignette(scene: Scene, depth: float) -> Image.Image:
    def darken(values: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = values.shape[:2]
        down, across = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        return np.asarray(
            values * (1 - depth * ((down**2 + across**2) / 2)[:, :, None]), dtype=np.float32
        )

    return mapped(scene.image, darken)


def _shifted(values: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
    """Return the values shifted by a number of pixels, with the edge repeated."""
    rows = np.arange(values.shape[0]) - down
    columns = np.arange(values.shape[1]) - across
    rows, columns = (
        rows.clip(0, values.shape[0] - 1),
        columns.clip(0, values.shape[1] - 1),
    )
    return values[rows][:, columns]
