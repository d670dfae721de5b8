"""Signatures at known distances from each other."""

import random
from collections.abc import Mapping

import numpy as np

from hashsvc.signals import REGION, Signal, Signature, View, ViewedSignal


def signature(quality: int = 100, **distances: int) -> Signature:
    """Return a signature whose codes differ from all zeros in these numbers of bits."""
    widths = {"pdq1": 32, "phash1": 8, "dhash1": 8}
    return Signature(
        quality,
        tuple(
            ViewedSignal(Signal(name, ((1 << away) - 1).to_bytes(widths[name])), View.WHOLE)
            for name, away in distances.items()
        ),
    )


def regional(distances: list[int]) -> Signature:
    """Return a signature whose regions differ from `regional([0, …])` in these numbers of bits."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (len(distances), 32), dtype=np.uint8)
    flipped = [np.unpackbits(code) for code in codes]
    for bits, away in zip(flipped, distances, strict=True):
        bits[:away] ^= 1
    signals = [Signal(REGION.name, np.packbits(bits).tobytes()) for bits in flipped]
    return Signature(100, tuple(ViewedSignal(each, View.WHOLE) for each in signals))


def from_codes(
    codes: Mapping[str, bytes], *, view: View = View.WHOLE, quality: int = 100
) -> Signature:
    """Return a signature with these codes by algorithm, all of one view."""
    return Signature(
        quality, tuple(ViewedSignal(Signal(name, code), view) for name, code in codes.items())
    )


def flipped(code: bytes, bits: int, rng: random.Random) -> bytes:
    """Return a code that differs from another in exactly so many bits."""
    number = int.from_bytes(code)
    for bit in rng.sample(range(8 * len(code)), bits):
        number ^= 1 << bit
    return number.to_bytes(len(code))
