"""The nine alterations of the demonstration; each turns a picture into a JPEG file's bytes."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from tests.helpers.photos import as_jpeg


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """
    An alteration of the demonstration.

    Attributes:
        name: Its name in the report.

        by_whole: Whether signals of the whole image find such a copy; if not, region signals have
            to find it.

        apply: Returns the altered picture, given the picture and another one to show beside it.

        jpeg_quality: Quality of the resulting JPEG file.
    """

    name: str
    by_whole: bool
    apply: Callable[[Image.Image, Image.Image], Image.Image]
    jpeg_quality: int = 85

    def __call__(self, image: Image.Image, other: Image.Image) -> bytes:
        return as_jpeg(self.apply(image, other), quality=self.jpeg_quality)


def _resized(image: Image.Image, _other: Image.Image) -> Image.Image:
    return image.resize((image.width * 6 // 10, image.height * 6 // 10), Image.Resampling.LANCZOS)


def _bordered(image: Image.Image, _other: Image.Image) -> Image.Image:
    return ImageOps.expand(image, max(image.size) // 12, "black")


def _cropped(image: Image.Image, _other: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 10, height // 8, width - width // 20, height - height // 20))


def _captioned(image: Image.Image, _other: Image.Image) -> Image.Image:
    bar = image.height // 5
    canvas = Image.new("RGB", (image.width, image.height + bar), "white")
    canvas.paste(image, (0, bar))
    font = ImageFont.load_default(bar * 0.4)
    ImageDraw.Draw(canvas).text((bar // 3, bar // 4), "look at this", "black", font)
    return canvas


def _screenshot(image: Image.Image, other: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (1080, 1920), (18, 18, 20))
    draw = ImageDraw.Draw(screen)
    font = ImageFont.load_default(42)
    draw.text((60, 30), "12:41", "white", font)
    draw.ellipse((50, 130, 150, 230), fill=(90, 120, 200))
    draw.text((180, 155), "somebody", "white", font)
    shown = ImageOps.contain(image, (1080, 1000))
    screen.paste(shown, (0, 270))
    draw.text((60, 300 + shown.height), "214 likes", "white", font)
    screen.paste(ImageOps.fit(other, (1080, 400)), (0, 1520))
    return screen


def _collaged(image: Image.Image, other: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (1200, 600))
    sheet.paste(ImageOps.fit(image, (600, 600)), (0, 0))
    sheet.paste(ImageOps.fit(other, (600, 600)), (600, 0))
    return sheet


DEMONSTRATED = (
    Demonstrated("recompressed", True, lambda image, _other: image, jpeg_quality=35),
    Demonstrated("resized", True, _resized),
    Demonstrated("mirrored", True, lambda image, _other: ImageOps.mirror(image)),
    Demonstrated("turned", True, lambda image, _other: image.transpose(Image.Transpose.ROTATE_90)),
    Demonstrated("bordered", False, _bordered),
    Demonstrated("cropped", False, _cropped),
    Demonstrated("captioned", False, _captioned),
    Demonstrated("screenshotted", False, _screenshot),
    Demonstrated("collaged", False, _collaged),
)
