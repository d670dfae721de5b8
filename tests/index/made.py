"""Random codes, an AES cipher, and a wait for merges, for the tests in this folder."""

import os
import threading
from collections.abc import Callable

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from index import SegmentError
from index.codes import Codes
from index.part_set import MERGE_THREAD

_NONCE_BYTES = 12


def near(code: Codes, distance: int, rng: np.random.Generator) -> Codes:
    """Return a copy of a code with exactly `distance` bits flipped."""
    bits = np.unpackbits(code)
    flipped = rng.choice(len(bits), distance, replace=False)
    bits[flipped] ^= 1
    return np.packbits(bits)


def uniform(count: int, width: int, rng: np.random.Generator) -> Codes:
    return rng.integers(0, 256, (count, width), dtype=np.uint8)


def skewed(count: int, width: int, rng: np.random.Generator) -> Codes:
    """Return codes whose bits are mostly 0 or mostly 1, each bit in its own way."""
    chances = rng.beta(0.4, 0.4, width * 8)
    return np.packbits(rng.random((count, width * 8)) < chances, axis=1).reshape(count, width)


def clustered(count: int, width: int, rng: np.random.Generator) -> Codes:
    """Return codes around five centres, at all distances below 80."""
    centres = uniform(5, width, rng)
    most = min(80, width * 8)
    codes = [near(centres[rng.integers(5)], int(rng.integers(0, most)), rng) for _ in range(count)]
    return np.array(codes, dtype=np.uint8).reshape(count, width)


def repeated(count: int, width: int, rng: np.random.Generator) -> Codes:
    """Return copies of three codes."""
    return uniform(3, width, rng)[rng.integers(0, 3, count)]


def zeros(count: int, width: int, rng: np.random.Generator) -> Codes:
    return np.zeros((count, width), dtype=np.uint8)


MakeCodes = Callable[[int, int, np.random.Generator], Codes]
"""A function of count, width in bytes and random numbers, that returns codes."""

KINDS: tuple[MakeCodes, ...] = (uniform, skewed, clustered, repeated, zeros)


class Aes:
    """A `BlockCipher` that uses AES-GCM."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)

    def seal(self, context: bytes, block: memoryview) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, block, context)

    def open(self, context: bytes, sealed: memoryview) -> bytes:
        try:
            return self._aes.decrypt(bytes(sealed[:_NONCE_BYTES]), sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise SegmentError("The block does not open.") from error


def merge_threads() -> list[threading.Thread]:
    """Return the threads that merge parts now."""
    return [each for each in threading.enumerate() if each.name == MERGE_THREAD]


def wait_for_merges() -> None:
    """Wait until no index merges in the background."""
    while running := merge_threads():
        running[0].join(60)
        assert not running[0].is_alive()
