"""Photographs to try things on: those in the scikit-image wheel, or a folder's."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hashsvc.signals import ImageError, sign_image

# Photographs of things, people, animals and places; the wheel's other pictures are drawings,
# masks, textures, and the second half of a stereo pair.
_SHIPPED = (
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)
_MIN_SIDE = 200


@dataclass(frozen=True, slots=True, repr=False)
class Photo:
    """A photograph, as bytes of a file and as pixels; `name` is only for a person to read."""

    name: str
    data: bytes
    image: Image.Image


def load_photos(folder: Path | None, *, limit: int | None = None) -> list[Photo]:
    """
    Return the photographs of a folder, in order of name, or those in the scikit-image wheel.

    Files that are no image, and images with a side under 200 pixels, are passed over.
    """
    files = _shipped() if folder is None else sorted(folder.rglob("*"))
    photos: list[Photo] = []
    for file in files:
        if limit is not None and len(photos) == limit:
            break
        if file.is_file() and (photo := _read(file)) is not None:
            photos.append(photo)
    return photos


def as_jpeg(image: Image.Image, *, quality: int = 90) -> bytes:
    """Return an image as a JPEG file's bytes."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def _shipped() -> list[Path]:
    import skimage  # noqa: PLC0415 - only where no folder is given; it is in the extra `demo`.

    folder = Path(skimage.__file__).parent / "data"
    return [folder / name for name in _SHIPPED if (folder / name).exists()]


def _read(file: Path) -> Photo | None:
    data = file.read_bytes()
    try:
        sign_image(data)
    except ImageError:
        return None
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    return Photo(file.stem, data, image) if min(image.size) >= _MIN_SIDE else None
