"""The values of this room: Signal, View, SignalGroup, Signature, SignedFrames."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals.errors import SignalFormatError
from hashsvc.signals.profiles import PROFILES, Profile

Codes = NDArray[np.uint8]

_TEXT = re.compile(r"([a-z]+[0-9]+):([0-9a-f]+)")


class View(StrEnum):
    """The part or pose of an image from which a signal was made."""

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
    One perceptual hash: the name of the algorithm and the code.

    Attributes:
        algorithm: A name in PROFILES, such as "pdq1".

        code: The packed bits, most significant first.

    Raises:
        SignalFormatError: If the algorithm is unknown, or its codes have another length.
    """

    algorithm: str
    code: bytes

    def __post_init__(self) -> None:
        if len(self.code) != Signal.size_of(self.algorithm):
            raise SignalFormatError(f"A {self.algorithm} signal has {self.profile.bits} bits.")

    def __repr__(self) -> str:
        return f"<Signal {self.algorithm}>"

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.code.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Return the signal with this text, `algorithm:lowercase-hex`.

        Raises:
            SignalFormatError: If the text is not a signal of a known algorithm.
        """
        match = _TEXT.fullmatch(text)
        if match is None or len(match[2]) % 2:
            raise SignalFormatError("A signal must read algorithm:hex, in lower case.")
        return cls(match[1], bytes.fromhex(match[2]))

    @staticmethod
    def size_of(algorithm: str) -> int:
        """
        Return the number of bytes of an algorithm's codes.

        Raises:
            SignalFormatError: If the algorithm is unknown.
        """
        profile = PROFILES.get(algorithm)
        if profile is None:
            raise SignalFormatError(f"A signal's algorithm is one of {', '.join(PROFILES)}.")
        return profile.bits // 8

    @property
    def profile(self) -> Profile:
        """The profile of this signal's algorithm."""
        return PROFILES[self.algorithm]

    def distance(self, other: "Signal") -> int:
        """
        Return the number of bits in which two signals of one algorithm differ.

        Raises:
            SignalFormatError: If the algorithms differ.
        """
        if self.algorithm != other.algorithm:
            raise SignalFormatError("Only signals of one algorithm have a distance.")
        mine, theirs = int.from_bytes(self.code), int.from_bytes(other.code)
        return (mine ^ theirs).bit_count()


@dataclass(frozen=True, slots=True)
class ViewedSignal:
    """A signal and the view of the image that it was made from."""

    signal: Signal
    view: View


@dataclass(frozen=True, slots=True, repr=False)
class SignalGroup:
    """
    Signals of one algorithm and view.

    Attributes:
        algorithm: A name in PROFILES.

        view: The view of all these signals.

        codes: The packed codes, one after another.

    Raises:
        SignalFormatError: If the algorithm is unknown, or `codes` are not one or more whole codes.
    """

    algorithm: str
    view: View
    codes: bytes

    def __post_init__(self) -> None:
        if not self.codes or len(self.codes) % Signal.size_of(self.algorithm):
            raise SignalFormatError(
                "A group must have one or more codes of its algorithm's length."
            )

    def __len__(self) -> int:
        """Return the number of signals."""
        return len(self.codes) // self.size

    def __iter__(self) -> Iterator[ViewedSignal]:
        """Yield the signals one by one."""
        for start in range(0, len(self.codes), self.size):
            code = self.codes[start : start + self.size]
            yield ViewedSignal(Signal(self.algorithm, code), self.view)

    @property
    def size(self) -> int:
        """Number of bytes of a code."""
        return Signal.size_of(self.algorithm)

    @property
    def array(self) -> Codes:
        """The codes as a read-only array, not a copy, shape (n, bits // 8)."""
        return np.frombuffer(self.codes, np.uint8).reshape(-1, self.size)


class Signature:
    """
    All signals of one picture; immutable.

    A candidate has about a thousand signals. So a signature holds packed codes, and creates Signal
    objects only when `signals` is read.

    Args:
        signals: Signals of any algorithms, each with its view.

    Attributes:
        quality: PDQ's measure of detail, 0–100; below 50 the picture is too plain to match on.

        groups: The signals in order; neighbours of one algorithm and view form one group.
    """

    __slots__ = ("groups", "quality")

    quality: int
    groups: tuple[SignalGroup, ...]

    def __init__(self, quality: int, signals: Iterable[ViewedSignal]) -> None:
        self.quality = quality
        by_kind = groupby(signals, lambda each: (each.signal.algorithm, each.view))
        self.groups = tuple(
            SignalGroup(algorithm, view, b"".join(each.signal.code for each in same_kind))
            for (algorithm, view), same_kind in by_kind
        )

    @classmethod
    def from_groups(cls, quality: int, groups: Iterable[SignalGroup]) -> Self:
        """Return the signature that consists of these groups of signals."""
        signature = cls(quality, ())
        kept: list[SignalGroup] = []
        for each in groups:
            last = kept[-1] if kept else None
            if last and (last.algorithm, last.view) == (each.algorithm, each.view):
                kept[-1] = SignalGroup(last.algorithm, last.view, last.codes + each.codes)
            else:
                kept.append(each)
        signature.groups = tuple(kept)
        return signature

    def __eq__(self, other: object) -> bool:
        """Return whether quality and signals are equal, in the same order."""
        if not isinstance(other, Signature):
            return NotImplemented
        return (self.quality, self.groups) == (other.quality, other.groups)

    def __hash__(self) -> int:
        return hash((self.quality, self.groups))

    def __repr__(self) -> str:
        return f"<Signature of {sum(map(len, self.groups))} signals>"

    @property
    def signals(self) -> tuple[ViewedSignal, ...]:
        """The signals one by one."""
        return tuple(signal for group in self.groups for signal in group)

    def codes(self, profile: Profile) -> Codes:
        """Return one algorithm's codes of all views, shape (n, bits // 8)."""
        packed = [each.codes for each in self.groups if each.algorithm == profile.name]
        # A bytearray makes the array writable, which Numba requires.
        return np.frombuffer(bytearray().join(packed), np.uint8).reshape(-1, profile.bits // 8)

    def views(self) -> dict[str, dict[View, Codes]]:
        """Return the codes by algorithm and view, each of shape (n, bits // 8)."""
        grouped: dict[str, dict[View, list[Codes]]] = {}
        for each in self.groups:
            grouped.setdefault(each.algorithm, {}).setdefault(each.view, []).append(each.array)
        return {
            algorithm: {view: np.concatenate(codes) for view, codes in views.items()}
            for algorithm, views in grouped.items()
        }

    def whole(self) -> "Signature":
        """Return the part that a bank keeps: the signals of the whole, upright image."""
        return self._part(lambda each: each.view is View.WHOLE)

    def without(self, profile: Profile) -> "Signature":
        """Return the signature without the signals of one algorithm."""
        return self._part(lambda each: each.algorithm != profile.name)

    def _part(self, is_kept: Callable[[SignalGroup], bool]) -> "Signature":
        return Signature.from_groups(self.quality, filter(is_kept, self.groups))


class SignedFrames(list[Signature]):
    """
    The signatures of an image's pictures, which `hashsvc.signals.pictures` chooses.

    Attributes:
        skipped: Number of pictures that were not signed, because of a limit.
    """

    def __init__(self, signatures: Iterable[Signature] = (), *, skipped: int = 0) -> None:
        super().__init__(signatures)
        self.skipped = skipped
