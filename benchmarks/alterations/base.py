"""The type of alterations: a scene goes in, a picture comes out, and an encoder makes the file."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from PIL import Image

from tests.helpers.photos import as_jpeg

Strength = TypeVar("Strength")
Encoder = Callable[[Image.Image], bytes]


@dataclass(frozen=True, slots=True)
class Scene:
    """
    The input of an alteration.

    Attributes:
        image: The photo to alter, in mode RGB.

        others: Other photos that may appear in the result; there is at least one.

        rng: The only source of randomness, for places, colours and words.
    """

    image: Image.Image
    others: tuple[Image.Image, ...]
    rng: np.random.Generator

    @property
    def other(self) -> Image.Image:
        """The photo to show if there is space for only one."""
        return self.others[0]


@dataclass(frozen=True, slots=True)
class Alteration:
    """
    One kind of alteration, at one strength.

    Attributes:
        family: Name of its family; reports list the kinds of a family together.

        name: Name of its kind.

        strength: Its strength, for people; empty if the kind has only one.

        draw: Returns the altered picture of a scene.

        encode: Returns the altered picture as a file's bytes.

        shows: How many of the scene's other photos are visible in the result.

        counted: Whether its copies should be found; reports list other alterations separately.
    """

    family: str
    name: str
    strength: str
    draw: Callable[[Scene], Image.Image]
    encode: Encoder
    shows: int = 0
    counted: bool = True

    def __call__(self, scene: Scene) -> bytes:
        """Return the altered copy as a file's bytes."""
        return self.encode(self.draw(scene))

    @property
    def title(self) -> str:
        """Name and strength, which together are unique."""
        return f"{self.name}, {self.strength}" if self.strength else self.name


class Family:
    """A family of alterations; the decorator `kind` adds a function to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alterations: list[Alteration] = []

    def kind(
        self,
        strengths: Mapping[str, Strength],
        *,
        encoder: Callable[[Strength], Encoder] | None = None,
        shows: int = 0,
        counted: bool = True,
    ) -> Callable[
        [Callable[[Scene, Strength], Image.Image]], Callable[[Scene, Strength], Image.Image]
    ]:
        """Add the decorated function once for each strength, as a kind with the function's name."""

        def join(
            draw: Callable[[Scene, Strength], Image.Image],
        ) -> Callable[[Scene, Strength], Image.Image]:
            for text, strength in strengths.items():
                self.alterations.append(
                    Alteration(
                        family=self.name,
                        name=draw.__name__.replace("_", " "),
                        strength=text,
                        draw=lambda scene, strength=strength: draw(scene, strength),  # type: ignore[misc]
                        encode=encoder(strength) if encoder else jpeg(85),
                        shows=shows,
                        counted=counted,
                    )
                )
            return draw

        return join


def chained(steps: tuple[Alteration, ...]) -> Alteration:
    """Return an alteration that applies the steps in order, and saves a file after each step."""

    def draw(scene: Scene) -> Image.Image:
        for step in steps[:-1]:
            scene = replace(scene, image=opened(step(scene)))
        return steps[-1].draw(scene)

    return Alteration(
        family="chain",
        name=f"chain of {len(steps)}",
        strength=" → ".join(step.title for step in steps),
        draw=draw,
        encode=steps[-1].encode,
        shows=max(step.shows for step in steps),
    )


def opened(data: bytes) -> Image.Image:
    """Return the picture in a file's bytes, in mode RGB."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def jpeg(quality: int) -> Encoder:
    """Return an encoder to JPEG."""
    return lambda image: as_jpeg(image, quality=quality)


def encoder_of(image_format: str, **options: int) -> Encoder:
    """Return an encoder to one of Pillow's formats."""

    def encode(image: Image.Image) -> bytes:
        file = io.BytesIO()
        image.save(file, image_format, **options)
        return file.getvalue()

    return encode
