"""What every alteration is: a scene in, a picture out, and an encoder for the file it becomes."""

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
    What an alteration has to work with.

    Attributes:
        image: The photo to alter, in mode RGB.

        others: Different photos, at least one, to set beside it.

        rng: Decides places, colours and words; nothing else may.
    """

    image: Image.Image
    others: tuple[Image.Image, ...]
    rng: np.random.Generator

    @property
    def other(self) -> Image.Image:
        """The photo that is shown where there is place for one."""
        return self.others[0]


@dataclass(frozen=True, slots=True)
class Alteration:
    """
    One thing that is done to an image, at one strength.

    Attributes:
        family: Kinds of a family stand together in reports.

        name: Of the kind.

        strength: For a person to read; empty where the kind has only one.

        draw: From the scene to the altered picture.

        encode: From that picture to the bytes of a file.

        shows: How many of the scene's other photos can be seen in the result.

        counted: Whether finding such a copy can fairly be asked for; the rest is reported apart.
    """

    family: str
    name: str
    strength: str
    draw: Callable[[Scene], Image.Image]
    encode: Encoder
    shows: int = 0
    counted: bool = True

    def __call__(self, scene: Scene) -> bytes:
        """Return the file that somebody would upload."""
        return self.encode(self.draw(scene))

    @property
    def title(self) -> str:
        """Name and strength; no two alterations have the same."""
        return f"{self.name}, {self.strength}" if self.strength else self.name


class Family:
    """Alterations that belong together; functions join it by decoration."""

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
        """Add the decorated function once for each strength; its name becomes the kind's."""

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
    """Return the alteration that does one thing after the other, saving the file each time."""

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
    """Return the pixels of a file that an alteration made."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def jpeg(quality: int) -> Encoder:
    """Return an encoder to JPEG."""
    return lambda image: as_jpeg(image, quality=quality)


def encoder_of(image_format: str, **options: int) -> Encoder:
    """Return an encoder to a format of Pillow's."""

    def encode(image: Image.Image) -> bytes:
        file = io.BytesIO()
        image.save(file, image_format, **options)
        return file.getvalue()

    return encode
