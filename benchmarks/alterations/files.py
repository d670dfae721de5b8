"""Alterations that save the file again, in another quality, format or size, or as uploads do."""

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.alterations.base import Family, Scene, encoder_of, jpeg, opened
from benchmarks.alterations.drawing import mapped

FILES = Family("file")

# The longer side of an enlarged picture has at most this many pixels.
_LARGEST_SIDE = 4096


@FILES.kind({f"quality {each}": each for each in (90, 70, 50, 30, 15, 10)}, encoder=jpeg)
def jpeg_again(scene: Scene, _quality: int) -> Image.Image:
    return scene.image


@FILES.kind({"5 times": 5, "20 times": 20})
def jpeg_over_and_over(scene: Scene, times: int) -> Image.Image:
    image = scene.image
    for _ in range(times):
        # Each app scales the image a little, so the JPEG blocks fall elsewhere each time.
        size = [max(16, round(side * float(scene.rng.uniform(0.97, 1.0)))) for side in image.size]
        image = opened(jpeg(int(scene.rng.integers(55, 85)))(image.resize((size[0], size[1]))))
    return image


@FILES.kind(
    {"quality 80": 80, "quality 40": 40, "quality 10": 10},
    encoder=lambda quality: encoder_of("WEBP", quality=quality, method=2),
)
def webp(scene: Scene, _quality: int) -> Image.Image:
    return scene.image


@FILES.kind(
    {"quality 60": 60, "quality 25": 25},
    encoder=lambda quality: encoder_of("AVIF", quality=quality, speed=9),
)
def avif(scene: Scene, _quality: int) -> Image.Image:
    return scene.image


@FILES.kind({"256 colours": 256, "32 colours": 32}, encoder=lambda _colours: encoder_of("GIF"))
def gif_dithered(scene: Scene, colours: int) -> Image.Image:
    palette = scene.image.quantize(colours)
    return scene.image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


@FILES.kind({"256 colours": 256, "16 colours": 16}, encoder=lambda _colours: encoder_of("PNG"))
def png_8_bit(scene: Scene, colours: int) -> Image.Image:
    return scene.image.quantize(colours, dither=Image.Dither.NONE)


@FILES.kind({f"long side {each}": each for each in (320, 200, 128, 96, 64)})
def thumbnail(scene: Scene, side: int) -> Image.Image:
    return _with_long_side(scene.image, side, Image.Resampling.LANCZOS)


@FILES.kind({"× 1.5": 1.5, "× 3": 3.0})
def enlarged(scene: Scene, factor: float) -> Image.Image:
    side = min(_LARGEST_SIDE, round(max(scene.image.size) * factor))
    return _with_long_side(scene.image, side, Image.Resampling.BICUBIC)


@FILES.kind({"× 0.6": 0.6, "× 0.37": 0.37})
def resized_roughly(scene: Scene, factor: float) -> Image.Image:
    side = round(max(scene.image.size) * factor)
    return _with_long_side(scene.image, side, Image.Resampling.NEAREST)


@FILES.kind(
    {
        "1080 px wide, JPEG 75": (1080, 75, 0),
        "720 px wide, JPEG 60, sharpened": (720, 60, 60),
        "1600 px wide, JPEG 70, sharpened": (1600, 70, 120),
    },
    encoder=lambda pipeline: jpeg(pipeline[1]),
)
def social_media_upload(scene: Scene, pipeline: tuple[int, int, int]) -> Image.Image:
    width, _quality, sharpened = pipeline
    height = max(1, round(scene.image.height * width / scene.image.width))
    image = scene.image.resize((width, height), Image.Resampling.LANCZOS)
    return image.filter(ImageFilter.UnsharpMask(1, sharpened, 2)) if sharpened else image


@FILES.kind(
    {"720p": (1280, 720), "360p": (640, 360), "240p": (426, 240)}, encoder=lambda _size: jpeg(80)
)
def video_still(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """
    Show the photo in a video of a low bit rate, with black bars to fill 16:9.

    About half of the stills show studio range (16 to 235) as if it were full range.
    """
    shown = _within(scene.image, size)
    frame = Image.new("RGB", size, "black")
    frame.paste(shown, ((size[0] - shown.width) // 2, (size[1] - shown.height) // 2))
    squeezed = opened(jpeg(22)(frame)).filter(ImageFilter.GaussianBlur(0.6))
    if scene.rng.random() < 0.5:
        return squeezed
    return mapped(squeezed, lambda values: np.float32(16) + values * np.float32(219 / 255))


@FILES.kind({"": None})
def enhanced(scene: Scene, _strength: None) -> Image.Image:
    """Improve the photo as apps do: less noise, twice the size, sharper, more contrast."""
    smooth = scene.image.filter(ImageFilter.MedianFilter(3))
    side = min(_LARGEST_SIDE, 2 * max(smooth.size))
    large = _with_long_side(smooth, side, Image.Resampling.LANCZOS)
    sharp = large.filter(ImageFilter.UnsharpMask(2, 180, 2))
    return mapped(sharp, lambda values: (values - 128) * np.float32(1.15) + 132)


def _with_long_side(image: Image.Image, side: int, resampling: Image.Resampling) -> Image.Image:
    factor = side / max(image.size)
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    return image.resize(size, resampling)


def _within(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    factor = min(size[0] / image.width, size[1] / image.height)
    inner = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(inner, Image.Resampling.BICUBIC)
