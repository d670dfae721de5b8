"""The values that signals are made of: Signal, View, Signature."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from hashsvc.signals.errors import SignalFormatError
from hashsvc.signals.profiles import PROFILES, Profile

_TEXT = re.compile(r"([a-z]+[0-9]+):([0-9a-f]+)")


class View(StrEnum):
    """Which part or pose of an image a signal was made from."""

    WHOLE = "whole"
    TRIMMED = "trimmed"
    PART = "part"
    ROT90 = "rot90"
    ROT180 = "rot180"
    ROT270 = "rot270"
    MIRROR = "mirror"
    MIRROR_ROT90 = "mirror-rot90"
    MIRROR_ROT180 = "mirror-rot180"
    MIRROR_ROT270 = "mirror-rot270"


@dataclass(frozen=True, slots=True, repr=False)
class Signal:
    """
    One perceptual hash: the algorithm's name and its code.

    Attributes:
        algorithm: A name in PROFILES, such as "pdq1".

        code: The packed bits, most significant first.

    Raises:
        SignalFormatError: If the algorithm is unknown or the code's length is not its own.
    """

    algorithm: str
    code: bytes

    def __post_init__(self) -> None:
        profile = PROFILES.get(self.algorithm)
        if profile is None:
            raise SignalFormatError(f"A signal's algorithm is one of {', '.join(PROFILES)}.")
        if len(self.code) * 8 != profile.bits:
            raise SignalFormatError(f"A {profile.name} signal has {profile.bits} bits.")

    def __repr__(self) -> str:
        return f"<Signal {self.algorithm}>"

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.code.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a signal from its text, `algorithm:lowercase-hex`.

        Raises:
            SignalFormatError: If the text is no signal of a known algorithm.
        """
        found = _TEXT.fullmatch(text)
        if found is None or len(found[2]) % 2:
            raise SignalFormatError("A signal reads algorithm:hex, in lower case.")
        return cls(found[1], bytes.fromhex(found[2]))

    @property
    def profile(self) -> Profile:
        """The numbers of this signal's algorithm."""
        return PROFILES[self.algorithm]

    def distance(self, other: "Signal") -> int:
        """
        Count the bits in which two signals of one algorithm differ.

        Raises:
            SignalFormatError: If the algorithms differ.
        """
        if self.algorithm != other.algorithm:
            raise SignalFormatError("Only signals of one algorithm have a distance.")
        mine, theirs = int.from_bytes(self.code), int.from_bytes(other.code)
        return (mine ^ theirs).bit_count()


@dataclass(frozen=True, slots=True)
class ViewedSignal:
    """A signal and the view of the image it was made from."""

    signal: Signal
    view: View


@dataclass(frozen=True, slots=True, repr=False)
class Group:
    """
    Signals of one algorithm and view.

    Attributes:
        algorithm: A name in PROFILES.

        view: Of all of them.

        codes: Their packed bits, one after another.
    """

    algorithm: str
    view: View
    codes: bytes

    def __len__(self) -> int:
        return len(self.codes) * 8 // PROFILES[self.algorithm].bits

    def unpacked(self) -> list[ViewedSignal]:
        """Return the signals one by one."""
        size = PROFILES[self.algorithm].bits // 8
        return [
            ViewedSignal(Signal(self.algorithm, self.codes[place : place + size]), self.view)
            for place in range(0, len(self.codes), size)
        ]


@dataclass(frozen=True, slots=True)
class Signature:
    """
    All signals of one image.

    Attributes:
        quality: PDQ's measure of detail, 0–100; below 50 the image is too plain to match on.

        signals: Each with its view; several algorithms, several views.
    """

    quality: int
    signals: tuple[ViewedSignal, ...]

    @classmethod
    def from_groups(cls, quality: int, groups: Iterable[Group]) -> Self:
        """
        Make a signature from packed codes.

        Raises:
            SignalFormatError: If an algorithm is unknown, or the codes do not have its length.
        """
        return cls(quality, tuple(signal for group in groups for signal in group.unpacked()))

    def whole(self) -> "Signature":
        """Return the part that a bank keeps: the signals of the whole image, upright."""
        kept = tuple(viewed for viewed in self.signals if viewed.view is View.WHOLE)
        return Signature(quality=self.quality, signals=kept)

    def without(self, profile: Profile) -> "Signature":
        """Return the part that says nothing by one algorithm."""
        kept = tuple(each for each in self.signals if each.signal.algorithm != profile.name)
        return Signature(quality=self.quality, signals=kept)
