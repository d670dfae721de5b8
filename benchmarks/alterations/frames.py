"""Alterations around the photo: caption bars, borders, a blurred copy of it, round corners."""

from PIL import Image, ImageFilter, ImageOps

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import (
    bright,
    caption,
    font,
    pick,
    rounded_mask,
    wrapped,
    write_centred,
)

FRAMES = Family("frame")
_BARS = {f"{each} % of the height": each / 100 for each in (10, 20, 40)}
_BORDERS = {f"{each} % of the long side": each / 100 for each in (3, 10, 25)}


@FRAMES.kind(_BARS)
def caption_above(scene: Scene, share: float) -> Image.Image:
    return _captioned(scene, share, 0)


@FRAMES.kind(_BARS)
def caption_below(scene: Scene, share: float) -> Image.Image:
    return _captioned(scene, 0, share)


@FRAMES.kind({"10 % of the height each": 0.1, "25 % of the height each": 0.25})
def captions_above_and_below(scene: Scene, share: float) -> Image.Image:
    return _captioned(scene, share, share)


@FRAMES.kind(_BORDERS)
def white_border(scene: Scene, share: float) -> Image.Image:
    return ImageOps.expand(scene.image, round(share * max(scene.image.size)), "white")


@FRAMES.kind(_BORDERS)
def black_border(scene: Scene, share: float) -> Image.Image:
    return ImageOps.expand(scene.image, round(share * max(scene.image.size)), "black")


@FRAMES.kind(_BORDERS)
def coloured_border(scene: Scene, share: float) -> Image.Image:
    return ImageOps.expand(scene.image, round(share * max(scene.image.size)), bright(scene.rng))


@FRAMES.kind({"": None})
def instant_photo_frame(scene: Scene, _strength: None) -> Image.Image:
    """Put the photo into a white paper frame, whose bottom is wider and shows a caption."""
    edge = round(max(scene.image.size) * 0.06)
    foot = edge * 4
    width, height = scene.image.size
    paper = Image.new("RGB", (width + 2 * edge, height + edge + foot), (250, 248, 243))
    paper.paste(scene.image, (edge, edge))
    box = (edge, height + edge, edge + width, height + edge + foot)
    write_centred(paper, caption(scene.rng), box, fill=(60, 60, 70), size=foot * 0.4)
    return paper


@FRAMES.kind({"1:1": 1.0, "9:16": 9 / 16})
def blurred_surround(scene: Scene, shape: float) -> Image.Image:
    """Put the photo over a blurred, enlarged copy of itself, as story apps fill a screen."""
    size = _padded_size(scene.image, shape)
    behind = ImageOps.fit(scene.image, size).filter(ImageFilter.GaussianBlur(max(size) / 30))
    return _centred(scene.image, Image.blend(behind, Image.new("RGB", size), 0.15))


@FRAMES.kind(
    {"1:1 white": (1.0, "white"), "1:1 black": (1.0, "black"), "9:16 black": (9 / 16, "black")}
)
def padded(scene: Scene, to: tuple[float, str]) -> Image.Image:
    shape, colour = to
    return _centred(scene.image, Image.new("RGB", _padded_size(scene.image, shape), colour))


@FRAMES.kind({"radius 5 %": 0.05, "radius 15 %": 0.15})
def round_corners(scene: Scene, share: float) -> Image.Image:
    page = Image.new("RGB", scene.image.size, pick(scene.rng, ("white", "black")))
    page.paste(scene.image, (0, 0), rounded_mask(page.size, share * max(page.size)))
    return page


def _captioned(scene: Scene, above: float, below: float) -> Image.Image:
    """Return the photo with caption bars, whose heights are shares of the photo's height."""
    width, height = scene.image.size
    top, bottom = round(above * height), round(below * height)
    paper, ink = pick(scene.rng, (("white", "black"), ("white", "black"), ("black", "white")))
    page = Image.new("RGB", (width, top + height + bottom), paper)
    page.paste(scene.image, (0, top))
    for start, bar in ((0, top), (top + height, bottom)):
        if bar:
            _write_lines(page, scene, (start, bar), ink)
    return page


def _write_lines(page: Image.Image, scene: Scene, bar: tuple[int, int], ink: str) -> None:
    start, high = bar
    size = min(high * 0.5, page.width * 0.07)
    text = caption(scene.rng)
    while len(text) * size * size < page.width * high * 0.5:
        text = f"{text} {caption(scene.rng)}"
    lines = wrapped(text, page.width * 0.92, font(round(size)))
    lines = lines[: max(1, int(high / (size * 1.25)))]
    first = start + (high - len(lines) * size * 1.25) / 2
    for number, line in enumerate(lines):
        above = first + number * size * 1.25
        box = (0, above, page.width, above + size * 1.25)
        write_centred(page, line, box, fill=ink, size=size)


def _padded_size(image: Image.Image, shape: float) -> tuple[int, int]:
    """Return the smallest size with this ratio of width to height that holds the image."""
    width, height = image.size
    if width / height > shape:
        return width, round(width / shape)
    return round(height * shape), height


def _centred(image: Image.Image, page: Image.Image) -> Image.Image:
    page.paste(image, ((page.width - image.width) // 2, (page.height - image.height) // 2))
    return page
