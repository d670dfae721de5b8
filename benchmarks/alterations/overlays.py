"""Alterations on top of the photo: words, marks, boxes, emoji, stickers, scribbles, mosaics."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import (
    bright,
    caption,
    emoji,
    fitting,
    font,
    handle,
    pick,
    rounded_mask,
    spot,
    sticker,
    words,
    wrapped,
    write_centred,
)

OVERLAYS = Family("overlay")
_AREAS = {f"{each} % of the area": each / 100 for each in (5, 10, 20, 30)}


@OVERLAYS.kind({f"{each} % opaque": each / 100 for each in (15, 30, 50)})
def tiled_watermark(scene: Scene, opacity: float) -> Image.Image:
    image = scene.image
    tile = _stamp(handle(scene.rng), max(image.size) / 16).rotate(30, expand=True)
    mask = Image.new("L", image.size)
    for row, top in enumerate(range(-tile.height // 2, image.height, round(tile.height * 1.1))):
        for left in range(-tile.width // (row % 2 + 1), image.width, round(tile.width * 1.2)):
            mask.paste(tile, (left, top), tile)
    return _whitened(image, mask, opacity)


@OVERLAYS.kind({"35 % opaque": 0.35, "70 % opaque": 0.7})
def centred_watermark(scene: Scene, opacity: float) -> Image.Image:
    image = scene.image
    stamp = _stamp(f"{handle(scene.rng)}.example", max(image.size) / 9).rotate(
        pick(scene.rng, (0, 20, 35)), Image.Resampling.BICUBIC, expand=True
    )
    stamp.thumbnail((image.width, image.height))
    mask = Image.new("L", image.size)
    mask.paste(stamp, ((image.width - stamp.width) // 2, (image.height - stamp.height) // 2))
    return _whitened(image, mask, opacity)


@OVERLAYS.kind({"12 % wide": 0.12, "25 % wide": 0.25})
def corner_logo(scene: Scene, share: float) -> Image.Image:
    image = scene.image.copy()
    wide = round(share * max(image.size))
    high = round(wide * 0.45)
    badge = Image.new("RGB", (wide, high), bright(scene.rng))
    ImageDraw.Draw(badge).ellipse(
        (high // 6, high // 6, high * 5 // 6, high * 5 // 6), fill="white"
    )
    box = (high * 0.9, 0, wide, high)
    write_centred(badge, words(scene.rng, 1).upper(), box, fill="white", size=high * 0.5)
    gap = wide // 8
    left = pick(scene.rng, (gap, image.width - wide - gap))
    top = pick(scene.rng, (gap, image.height - high - gap))
    image.paste(badge, (left, top), rounded_mask(badge.size, high / 5))
    return image


@OVERLAYS.kind({"small": 0.07, "large": 0.13})
def meme_text(scene: Scene, share: float) -> Image.Image:
    """Write outlined capitals at the top and the bottom."""
    image = scene.image.copy()
    size = share * image.height
    letters = font(round(size))
    for at_top in (True, False):
        lines = wrapped(caption(scene.rng).upper(), image.width * 0.9, letters)
        top = size * 0.3 if at_top else image.height - size * (1.2 * len(lines) + 0.3)
        for number, line in enumerate(lines):
            above = top + number * size * 1.2
            box = (0, above, image.width, above + size * 1.2)
            write_centred(image, line, box, fill="white", size=size, outlined=True)
    return image


@OVERLAYS.kind({"one line": 1, "three lines": 3})
def text_on_strip(scene: Scene, lines: int) -> Image.Image:
    """Write white words on a dark, see-through strip, as messaging apps offer."""
    image = scene.image.copy()
    size = image.height * 0.06
    high = round(size * (1.3 * lines + 0.6))
    top = int(scene.rng.integers(image.height // 10, max(image.height * 8 // 10 - high, 1) + 1))
    strip = image.crop((0, top, image.width, top + high))
    image.paste(Image.blend(strip, Image.new("RGB", strip.size), 0.6), (0, top))
    for number in range(lines):
        above = top + size * (0.3 + 1.3 * number)
        text = words(scene.rng, 5) if number else caption(scene.rng)
        box = (0, above, image.width, above + size * 1.3)
        write_centred(image, text, box, fill="white", size=size)
    return image


@OVERLAYS.kind(
    {"one, 15 % wide": (1, 0.15), "one, 35 % wide": (1, 0.35), "five, 12 % wide": (5, 0.12)}
)
def emoji_over_it(scene: Scene, amount: tuple[int, float]) -> Image.Image:
    return _scattered(scene, emoji, *amount)


@OVERLAYS.kind({"two, 18 % wide": (2, 0.18), "eight, 14 % wide": (8, 0.14)})
def stickers(scene: Scene, amount: tuple[int, float]) -> Image.Image:
    return _scattered(scene, sticker, *amount)


@OVERLAYS.kind(_AREAS)
def black_box(scene: Scene, share: float) -> Image.Image:
    image = scene.image.copy()
    image.paste("black", _part(scene, share))
    return image


@OVERLAYS.kind({"one": 1, "four": 4})
def censor_bars(scene: Scene, count: int) -> Image.Image:
    """Draw slightly tilted black bars across parts of the photo."""
    image = scene.image.copy()
    for _ in range(count):
        long = round(max(image.size) * float(scene.rng.uniform(0.2, 0.4)))
        bar = Image.new("L", (long, max(4, round(long * float(scene.rng.uniform(0.2, 0.35))))), 255)
        bar = bar.rotate(float(scene.rng.uniform(-20, 20)), expand=True)
        left, top = spot(scene.rng, image.size, bar.size)
        image.paste("black", (left, top), bar)
    return image


@OVERLAYS.kind(_AREAS)
def mosaic_over_part(scene: Scene, share: float) -> Image.Image:
    image = scene.image.copy()
    box = _part(scene, share)
    part = image.crop(box)
    block = max(4, max(image.size) // 30)
    small = part.resize(
        (max(1, part.width // block), max(1, part.height // block)), Image.Resampling.BOX
    )
    image.paste(small.resize(part.size, Image.Resampling.NEAREST), box)
    return image


@OVERLAYS.kind(_AREAS)
def blur_over_part(scene: Scene, share: float) -> Image.Image:
    image = scene.image.copy()
    box = _part(scene, share)
    part = image.crop(box)
    mask = Image.new("L", part.size)
    ImageDraw.Draw(mask).ellipse((0, 0, part.width - 1, part.height - 1), fill=255)
    blurred = part.filter(ImageFilter.GaussianBlur(max(image.size) / 25))
    image.paste(blurred, box, mask.filter(ImageFilter.GaussianBlur(max(image.size) / 150)))
    return image


@OVERLAYS.kind({"one stroke": 1, "six strokes": 6})
def scribbles(scene: Scene, strokes: int) -> Image.Image:
    image = scene.image.copy()
    draw = ImageDraw.Draw(image)
    width = max(2, round(max(image.size) * 0.012))
    for _ in range(strokes):
        turn = np.cumsum(scene.rng.normal(0, 0.35, 60)) + scene.rng.uniform(0, 2 * math.pi)
        step = max(image.size) / 60
        start = scene.rng.uniform(0.2, 0.8, 2) * image.size
        across = start[0] + np.cumsum(np.cos(turn)) * step
        down = start[1] + np.cumsum(np.sin(turn)) * step
        line = list(zip(across.tolist(), down.tolist(), strict=True))
        draw.line(line, fill=bright(scene.rng), width=width, joint="curve")
    return image


@OVERLAYS.kind({"circle and arrow": None})
def pointed_at(scene: Scene, _strength: None) -> Image.Image:
    image = scene.image.copy()
    draw = ImageDraw.Draw(image)
    side = round(min(image.size) * 0.35)
    width = max(3, side // 14)
    left, top = spot(scene.rng, image.size, (side, side))
    colour = pick(scene.rng, ((230, 20, 30), (255, 230, 0)))
    draw.ellipse((left, top, left + side, top + side), outline=colour, width=width)
    x, y = left + side * 0.15, top + side * 0.85
    draw.line((x - side * 0.6, y + side * 0.6, x, y), fill=colour, width=width)
    head = [(x, y), (x - side * 0.25, y + side * 0.05), (x - side * 0.05, y + side * 0.25)]
    draw.polygon(head, fill=colour)
    return image


@OVERLAYS.kind({"small": 0.06, "large": 0.14})
def text_painted_out(scene: Scene, share: float) -> Image.Image:
    """Fill the places of two captions from their surroundings, as if to remove them."""
    image = scene.image
    mask = Image.new("L", image.size)
    size = share * image.height
    for _ in range(2):
        line = caption(scene.rng)
        letters = fitting(line, image.width * 0.9, size)
        wide = round(letters.getlength(line))
        left, top = spot(scene.rng, image.size, (wide, round(size * 1.3)))
        ImageDraw.Draw(mask).text((left, top), line, 255, letters)
    grown = mask.filter(ImageFilter.MaxFilter(2 * max(1, round(size / 12)) + 1))
    kept = ImageChops.invert(grown)
    black = Image.new("RGB", image.size)
    radius = size / 3
    around = Image.composite(image, black, kept).filter(ImageFilter.GaussianBlur(radius))
    weight = np.asarray(kept.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
    values = np.asarray(around, dtype=np.float32) / np.maximum(weight, 0.02)[:, :, None]
    filled = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return Image.composite(filled, image, grown.filter(ImageFilter.GaussianBlur(1)))


def _stamp(text: str, size: float) -> Image.Image:
    letters = font(round(size))
    stamp = Image.new("L", (round(letters.getlength(text) + size), round(size * 1.6)))
    ImageDraw.Draw(stamp).text((size / 2, size / 5), text, 255, letters)
    return stamp


def _whitened(image: Image.Image, mask: Image.Image, opacity: float) -> Image.Image:
    see_through = mask.point([round(value * opacity) for value in range(256)])
    return Image.composite(Image.new("RGB", image.size, "white"), image, see_through)


def _part(scene: Scene, share: float) -> tuple[int, int, int, int]:
    """Return a box that covers a share of the area, with a random shape and place."""
    wide, high = scene.image.size
    shape = float(np.exp(scene.rng.uniform(-0.5, 0.5)))
    width = min(wide, round(wide * math.sqrt(share) * shape))
    height = min(high, round(high * math.sqrt(share) / shape))
    left, top = spot(scene.rng, (wide, high), (width, height))
    return left, top, left + width, top + height


def _scattered(
    scene: Scene,
    make: Callable[[np.random.Generator, int], Image.Image],
    count: int,
    share: float,
) -> Image.Image:
    image = scene.image.copy()
    side = round(share * max(image.size))
    for _ in range(count):
        each = make(scene.rng, side)
        left, top = spot(scene.rng, image.size, each.size)
        image.paste(each, (left, top), each)
    return image
