"""Codes, a cipher, and a wait for the tests of this folder."""

import os

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from index import LiveIndex, SegmentError

_NONCE_BYTES = 12


def near(code: np.ndarray, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Return a code that differs in exactly `distance` bits."""
    bits = np.unpackbits(code)
    flipped = rng.choice(len(bits), distance, replace=False)
    bits[flipped] ^= 1
    return np.packbits(bits)


def uniform(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (count, width), dtype=np.uint8)


def skewed(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return codes whose bits are mostly 0 or mostly 1, each bit in its own way."""
    chances = rng.beta(0.4, 0.4, width * 8)
    return np.packbits(rng.random((count, width * 8)) < chances, axis=1).reshape(count, width)


def clustered(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return codes around a few, at all distances up to 80."""
    centres = uniform(5, width, rng)
    most = min(80, width * 8)
    codes = [near(centres[rng.integers(5)], int(rng.integers(0, most)), rng) for _ in range(count)]
    return np.array(codes, dtype=np.uint8).reshape(count, width)


def repeated(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return very few different codes."""
    return uniform(3, width, rng)[rng.integers(0, 3, count)]


def zeros(count: int, width: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros((count, width), dtype=np.uint8)


KINDS = (uniform, skewed, clustered, repeated, zeros)


class Aes:
    """The cipher that the index asks for, with AES-GCM."""

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


def settled(index: LiveIndex) -> None:
    """Wait until the index has merged all it wants to, unasked."""
    while (worker := index._part_set._merge_thread) is not None:
        worker.join(60)
        assert not worker.is_alive()
