"""Images that are nobody's in particular: the list that comes with the service."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hashsvc.signals import Signal


@dataclass(frozen=True, slots=True)
class CommonImage:
    """
    A logo, an icon, a letter, a pattern.

    Attributes:
        signal: Its `pdq1`.

        steady: Ones for the bits that are the same in whatever size and file; the others are noise.
    """

    signal: Signal
    steady: bytes


@cache
def common_images() -> tuple[CommonImage, ...]:
    """Return the images of `data/common.json`, which says how they were made."""
    text = (files("hashsvc.bank") / "data" / "common.json").read_text(encoding="utf-8")
    return tuple(
        CommonImage(Signal.parse(each["signal"]), bytes.fromhex(each["steady"]))
        for each in json.loads(text)["images"]
    )
