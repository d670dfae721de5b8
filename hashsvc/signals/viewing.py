"""Turns what a library decoded into what a viewer shows on a white page, in mode RGB or L."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashsvc.signals.colour_tags import ColourTags
from hashsvc.signals.colours import Conversion, conversion
from hashsvc.signals.layers import grey_of_16_bits

_STRIP_ROWS = 256


def viewed(image: Image.Image, tags: ColourTags) -> Image.Image:
    """
    Return what a viewer shows: RGB or grey as stored, or the brightness after a conversion.

    Args:
        image: As the library decoded it.

        tags: What the file says about its colours.
    """
    return _viewed(image, conversion_of(image, tags))


def viewed_reduced(image: Image.Image, tags: ColourTags, factor: int) -> Image.Image:
    """Return what a viewer shows, averaged over squares of `factor` pixels, strip after strip."""
    found, rows = conversion_of(image, tags), factor * _STRIP_ROWS
    strips = [
        _viewed(image.crop((0, top, image.width, min(top + rows, image.height))), found).reduce(
            factor
        )
        for top in range(0, image.height, rows)
    ]
    whole = Image.new(strips[0].mode, (strips[0].width, sum(each.height for each in strips)))
    top = 0
    for each in strips:
        whole.paste(each, (0, top))
        top += each.height
    return whole


def conversion_of(image: Image.Image, tags: ColourTags) -> Conversion | None:
    """Return how a viewer converts the image; None if it shows what is stored."""
    if image.format == "TIFF":
        tags = ColourTags(icc=image.info.get("icc_profile", b""))
    found = conversion(tags)
    # A colour JPEG can have been decoded in mode L.
    mode = "RGB" if getattr(image, "layers", 1) == 3 else image.mode
    return found if found is not None and found.suits(mode) else None


def _viewed(image: Image.Image, found: Conversion | None) -> Image.Image:
    if found is None:
        return _as_stored(image)
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        shown = found.shown(layers.convert("RGB"))
        return Image.composite(shown, Image.new("L", image.size, 255), layers.getchannel("A"))
    return found.shown(image if image.mode == "CMYK" else _as_stored(image))


def _as_stored(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = grey_of_16_bits(image)
    if image.mode in ("I", "F"):
        return _rescaled(np.asarray(image))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, "white")
        return Image.alpha_composite(white, layers).convert("RGB")
    # Don't copy an image that needs no change: it has millions of pixels.
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _rescaled(pixels: NDArray[np.generic]) -> Image.Image:
    """
    Return pixels of mode I or F as bytes, scaled by the range that the values themselves suggest.

    Pillow would cut values off at 255.
    """
    values = np.nan_to_num(pixels.astype(np.float32))
    top = float(values.max(initial=0))
    highest = next((each for each in (1, 255, 65_535) if top <= each), top)
    return Image.fromarray((values.clip(min=0) * (255 / highest)).astype(np.uint8))
