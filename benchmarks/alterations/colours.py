"""Alterations of colour: sliders, filters, other light."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import bright, mapped

COLOURS = Family("colour")


@COLOURS.kind({f"× {each}": each for each in (0.5, 0.75, 1.3, 1.7)})
def brightness(scene: Scene, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(scene.image).enhance(factor)


@COLOURS.kind({f"× {each}": each for each in (0.5, 0.75, 1.4, 2.0)})
def contrast(scene: Scene, factor: float) -> Image.Image:
    return ImageEnhance.Contrast(scene.image).enhance(factor)


@COLOURS.kind({str(each): each for each in (0.5, 0.75, 1.5, 2.2)})
def gamma(scene: Scene, exponent: float) -> Image.Image:
    return mapped(scene.image, lambda values: 255 * (values / 255) ** np.float32(exponent))


@COLOURS.kind({f"× {each}": each for each in (0.4, 1.7, 3.0)})
def saturation(scene: Scene, factor: float) -> Image.Image:
    return ImageEnhance.Color(scene.image).enhance(factor)


@COLOURS.kind({f"{each}°": each for each in (15, 40, 120)})
def hue(scene: Scene, degrees: int) -> Image.Image:
    bands = scene.image.convert("HSV").split()
    shift = round(degrees / 360 * 256)
    turned = bands[0].point([(value + shift) % 256 for value in range(256)])
    return Image.merge("HSV", (turned, bands[1], bands[2])).convert("RGB")


@COLOURS.kind(
    {
        "warm": (1.12, 1.02, 0.85),
        "very warm": (1.25, 1.0, 0.6),
        "cool": (0.85, 0.98, 1.12),
        "greenish": (0.9, 1.1, 0.88),
    }
)
def white_balance(scene: Scene, gains: tuple[float, float, float]) -> Image.Image:
    return mapped(scene.image, lambda values: values * np.array(gains, dtype=np.float32))


@COLOURS.kind({"": None})
def greyscale(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.grayscale(scene.image).convert("RGB")


@COLOURS.kind({"": None})
def sepia(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.colorize(ImageOps.grayscale(scene.image), (20, 10, 0), (255, 240, 192))


@COLOURS.kind({"": None})
def black_and_white_hard(scene: Scene, _strength: None) -> Image.Image:
    grey = ImageOps.autocontrast(ImageOps.grayscale(scene.image), cutoff=4).convert("RGB")
    return mapped(grey, lambda values: 255 / (1 + np.exp((128 - values) / 24)))


@COLOURS.kind({"light": 30, "heavy": 70})
def faded(scene: Scene, lift: int) -> Image.Image:
    def fade(values: NDArray[np.float32]) -> NDArray[np.floating]:
        grey: NDArray[np.float32] = values.mean(axis=2, keepdims=True)
        return lift + (0.7 * values + 0.3 * grey) * np.float32((245 - lift) / 255)

    return mapped(scene.image, fade)


@COLOURS.kind({"20 %": 0.2, "45 %": 0.45})
def tinted(scene: Scene, opacity: float) -> Image.Image:
    return Image.blend(scene.image, Image.new("RGB", scene.image.size, bright(scene.rng)), opacity)


@COLOURS.kind({"": None})
def equalised(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.equalize(scene.image)


@COLOURS.kind({"": None}, counted=False)
def inverted(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.invert(scene.image)
