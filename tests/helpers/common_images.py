"""Some of the images on the shipped list of common images, as PNG files."""

from pathlib import Path

COMMON_IMAGES = {
    "heart": "heart.png",
    "smiling face, light on dark": "smiling-face-light-on-dark.png",
    "like a QR code, 25": "qr-code-25.png",
}
"""File names in `tests/helpers/common/`, by the names of the images on the list."""


def common_image(name: str) -> bytes:
    """Return a common image as a file's bytes."""
    return (Path(__file__).parent / "common" / COMMON_IMAGES[name]).read_bytes()
