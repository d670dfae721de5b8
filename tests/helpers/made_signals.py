"""Signals made of random bits, and signals with some bits flipped."""

import random

from hashsvc.signals import Profile, Signal, View, ViewedSignal


def random_signal(rng: random.Random, profile: Profile, view: View = View.WHOLE) -> ViewedSignal:
    """Return a signal of random bits."""
    return ViewedSignal(Signal(profile.name, rng.randbytes(profile.bits // 8)), view)


def flipped(viewed: ViewedSignal, *bits: int) -> ViewedSignal:
    """Return the signal with these bits flipped."""
    code = bytearray(viewed.signal.code)
    for bit in bits:
        code[bit // 8] ^= 0x80 >> bit % 8
    return ViewedSignal(Signal(viewed.signal.algorithm, bytes(code)), viewed.view)
