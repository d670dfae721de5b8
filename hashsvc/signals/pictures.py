"""
Chooses which pictures of an image are signed.

An ordinary image is one picture. An animation has one picture for each distinct frame. A long
image, such as a scroll capture or a panorama, has further pictures: overlapping sections. Without
sections, a photo in a long image would be too small to be found, because signals are made from a
reduced image.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from hashsvc.signals.decode import Frame, Limits, numbered_frames
from hashsvc.signals.headers import MOST_FRAMES
from hashsvc.signals.pdq import pdq
from hashsvc.signals.profiles import PDQ
from hashsvc.signals.video import film_frames, is_film

NEAR_EQUAL = 16
"""Half of PDQ's threshold. A frame is dropped if it is within this many bits of an earlier one."""

LONG = 2.5
"""An image is long if one side is more than this many times the other. Phone screens are not."""

SECTION = 2
"""Length of a section, in short sides of the image. Sections begin at most one such side apart."""


_MIN_WIDTH = 32
"""An image with a shorter side, such as a rule between two paragraphs, has no sections."""


class Pictures:
    """
    The pictures of one image, upright, in mode RGB or L; they can be iterated over only once.

    A picture is valid until the next one is requested.

    Args:
        data: The bytes of the file.

        limits: Limits for the image.

    Attributes:
        skipped: Number of pictures that were left out because of a limit; it is final only after
            the last picture.

    Raises:
        ImageError: While iterating, if the image cannot be decoded; the subclass says why.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self.skipped = 0

    def __iter__(self) -> Iterator[Image.Image]:
        """Yield each frame, beginning with the first, and its sections after it if it is long."""
        signed = 0
        for frame in self._frames():
            for picture in itertools.chain([frame], sections(frame)):
                if signed == self._limits.max_frames:
                    self.skipped += 1
                else:
                    signed += 1
                    yield picture

    def _frames(self) -> Iterator[Image.Image]:
        if is_film(self._data):
            yield from film_frames(self._data, self._limits)
            return
        distinct, frames = _Distinct(), numbered_frames(self._data, self._limits)
        for frame in frames:
            if frame.count == 1:
                yield frame.image
                return
            if not distinct.numbers:
                self.skipped += frame.left_out
            distinct.add(frame)
        chosen = distinct.chosen(self._limits.max_frames)
        self.skipped += len(distinct.numbers) - len(chosen)
        # Decode a second time, because all distinct frames may be too many to be kept in memory.
        for frame in numbered_frames(self._data, self._limits):
            if frame.number in chosen:
                yield frame.image
            if frame.number == chosen[-1]:
                return


def sections(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield the overlapping sections of a long picture from top to bottom, or left to right."""
    length, width = max(picture.size), min(picture.size)
    if length <= LONG * width or width < _MIN_WIDTH:
        return
    size = SECTION * width
    count = math.ceil((length - size) / width) + 1
    for number in range(count):
        start = round((length - size) * number / (count - 1))
        if picture.height > picture.width:
            yield picture.crop((0, start, width, start + size))
        else:
            yield picture.crop((start, 0, start + size, width))


class _Distinct:
    """The numbers of the frames that are not nearly equal to an earlier one."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._codes = np.empty((MOST_FRAMES, PDQ.bits // 8), np.uint8)
        # How long an animation shows each of them, or a frame that is nearly equal to it.
        self._shown_ms: list[float] = []

    def add(self, frame: Frame) -> None:
        code = np.frombuffer(pdq(np.asarray(frame.image))[0], np.uint8)
        known = self._codes[: len(self.numbers)]
        away = np.bitwise_count(known ^ code).sum(axis=1)
        if len(away) and away.min() <= NEAR_EQUAL:
            self._shown_ms[int(away.argmin())] += frame.shown_ms
            return
        self._codes[len(self.numbers)] = code
        self.numbers.append(frame.number)
        self._shown_ms.append(frame.shown_ms)

    def chosen(self, most: int) -> list[int]:
        """Return at most this many numbers: half are shown longest, and half are evenly spaced."""
        if len(self.numbers) <= most:
            return self.numbers
        by_time = sorted(range(len(self.numbers)), key=lambda each: -self._shown_ms[each])
        longest = set(by_time[: most // 2])
        others = [each for each in range(len(self.numbers)) if each not in longest]
        spaced = np.linspace(0, len(others) - 1, most - len(longest)).round().astype(int)
        return [self.numbers[each] for each in sorted({*longest, *(others[at] for at in spaced)})]
