"""The list of common images that comes with the service."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hashsvc.signals import Signal


@dataclass(frozen=True, slots=True)
class CommonImage:
    """
    An image that belongs to nobody in particular, such as a logo, an icon, a letter or a pattern.

    Attributes:
        signal: The image's `pdq1` signal.

        steady: A mask with ones for the bits that are the same at every size and in every file
            format; the other bits are noise.
    """

    signal: Signal
    steady: bytes


@cache
def common_images() -> tuple[CommonImage, ...]:
    """Return the images in `data/common.json`, which says how they were made."""
    text = (files("hashsvc.bank") / "data" / "common.json").read_text(encoding="utf-8")
    return tuple(
        CommonImage(Signal.parse(each["signal"]), bytes.fromhex(each["steady"]))
        for each in json.loads(text)["images"]
    )
