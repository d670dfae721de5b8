"""Loads photographs from a folder, or those in the scikit-image wheel."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from hashsvc.signals import ImageError, Limits
from hashsvc.signals.decode import decode

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
_MAX_SIDE = 2048


@dataclass(frozen=True, slots=True, repr=False)
class Photo:
    """
    A photograph.

    Attributes:
        name: The photograph's name, for people.

        data: The file's bytes.

        image: Its pixels, upright, with a side of at most 2048.
    """

    name: str
    data: bytes
    image: Image.Image


def load_photos(folder: Path | None, *, limit: int | None = None) -> list[Photo]:
    """
    Return the photographs in a folder in order of name, or those in the scikit-image wheel.

    Files that are not images, and images with a side under 200 pixels, are skipped.
    """
    files = shipped_files() if folder is None else sorted(folder.rglob("*"))
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


def shipped_files() -> list[Path]:
    """Return the files of the photographs in the scikit-image wheel."""
    import skimage  # noqa: PLC0415 - in the extra `demo`; only needed without a folder.

    folder = Path(skimage.__file__).parent / "data"
    return [folder / name for name in _SHIPPED if (folder / name).exists()]


def _read(file: Path) -> Photo | None:
    data = file.read_bytes()
    try:
        image = in_colour(data)
    except ImageError:
        return None
    # Few sites serve larger pictures, and dozens of pictures have to fit into memory.
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    return Photo(file.stem, data, image) if min(image.size) >= _MIN_SIDE else None


def in_colour(data: bytes) -> Image.Image:
    """
    Return a photograph at full size, in colour or grey.

    Raises:
        ImageError: If it cannot be decoded.
    """
    image = next(decode(data, Limits(), scaled=False))
    # Where a viewer converts colours, only the brightness was decoded.
    return _in_srgb(data) if image.mode == "L" else image


def _in_srgb(data: bytes) -> Image.Image:
    """Return a photograph upright, in colour or grey, as littlecms converts it."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        profile = opened.info.get("icc_profile")
    if image.mode != "RGB" or profile is None:
        return image
    shown = ImageCms.profileToProfile(
        image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL
    )
    assert shown is not None
    return shown
