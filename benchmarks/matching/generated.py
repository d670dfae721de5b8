"""
Generates codes: uniform ones, and ones as skewed as those of real images.

`skewed_codes` of 256 bits are region signals of random patches: noise whose power falls with
frequency as in photographs, a blob in the middle, and a gradient along the patch's direction, under
the window of region signals. All of this is linear, so no patch is made: its low frequencies are
drawn directly from their normal distribution. Codes of 64 bits are dHash of such noise. Only seven
numbers, from `_NOISE_SLOPE` to `_PICTURE_SLOPE`, come from photographs.

The table shows how often codes collide, as a multiple of how often uniform codes do, and how many
of their bits count (`skew` defines both):

| | 16-bit chunks: mean, most | 23-bit chunks: mean, most | bits that count |
|---|---|---|---|
| region codes of 300 photographs | 10.8, 59 | 31, 135 | 150 |
| `skewed_codes`, 256 bits | 10.9, 71 | 27, 192 | 150 |
| PDQ of parts of these photographs | 1.2, 1.4 | 1.5, 5 | 227 |
| dHash of parts of these photographs | 5.4, 8 | 34, 47 | 48 |
| `skewed_codes`, 64 bits | 5.5, 6 | 25, 28 | 36 |
| pHash of parts of these photographs | 1.8, 3 | 8, 15 | 58 |

Only pairs of different photographs are counted. PDQ of photographs is nearly uniform, so uniform
codes are fair to searchers that are made for PDQ. Region signals collide often: each patch has a
blob in the middle and is turned along its gradient.
"""

import functools
import itertools
import math
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BLOCK = 1 << 13
"""Number of codes that are drawn together; block k does not depend on the number of codes."""

# As in hashsvc.signals.regions: samples along a patch, the patch's side in blob sizes, its window.
_SIDE = 32
_FREQUENCIES = 16
_SIDE_IN_SIGMAS = 12.0
_WINDOW = 0.6

# These are fitted so that single chunks collide as often as those of the photographs' codes.
_NOISE_SLOPE = 2.2
_NOISE_CUT = 0.001
_BLOB_SIGMAS = 2.2
_BLOB_PART = 0.7
_GRADIENT_SIGMAS = 2.6
_GRADIENT_PART = 1.2
_PICTURE_SLOPE = 1.35

# Parity, down and across, of the frequencies that the blob and the gradient have.
_BLOB = (0, 0)
_GRADIENT = (0, 1)


def uniform_codes(count: int, bits: int, *, seed: int, stream: str = "stored") -> Codes:
    """
    Return codes of independent fair bits.

    Args:
        stream: Codes of different streams are independent.
    """
    return _in_blocks(count, bits, seed, f"uniform {stream}", _uniform_block)


def skewed_codes(count: int, bits: int, *, seed: int, stream: str = "stored") -> Codes:
    """
    Return codes that are as skewed as real ones.

    Args:
        bits: 256 for region signals, 64 for dHash.

        stream: Codes of different streams are independent.
    """
    block = {256: _region_block, 64: _dhash_block}[bits]
    return _in_blocks(count, bits, seed, f"skewed {stream}", block)


def _in_blocks(
    count: int,
    bits: int,
    seed: int,
    stream: str,
    draw: Callable[[np.random.Generator, int], Codes],
) -> Codes:
    codes = np.empty((count, bits // 8), dtype=np.uint8)
    for number, start in enumerate(range(0, count, BLOCK)):
        rng = np.random.Generator(
            np.random.SFC64([seed, zlib.crc32(stream.encode()), bits, number])
        )
        end = min(start + BLOCK, count)
        codes[start:end] = draw(rng, bits)[: end - start]
    return codes


def _uniform_block(rng: np.random.Generator, bits: int) -> Codes:
    return np.frombuffer(rng.bytes(BLOCK * bits // 8), dtype=np.uint8).reshape(BLOCK, bits // 8)


def _region_block(rng: np.random.Generator, _bits: int) -> Codes:
    waves = np.empty((BLOCK, _FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    for parity, model in _regions().items():
        drawn = _drawn(rng, len(model))
        if parity == _GRADIENT:
            # Patches are turned so that their gradients always point the same way.
            drawn[:, -1] = np.abs(drawn[:, -1])
        part = waves[:, parity[0] :: 2, parity[1] :: 2]
        part[:] = (drawn @ model).reshape(part.shape)
    return np.packbits(waves.reshape(BLOCK, -1) > 0, axis=1)


def _dhash_block(rng: np.random.Generator, _bits: int) -> Codes:
    model = _neighbours()
    return np.packbits(_drawn(rng, len(model)) @ model > 0, axis=1)


def _drawn(rng: np.random.Generator, count: int) -> Floats:
    """Return independent numbers of mean 0, whose sums are close to normal."""
    return rng.random((BLOCK, count), dtype=np.float32) - np.float32(0.5)


@functools.cache
def _regions() -> dict[tuple[int, int], Floats]:
    """
    Return the matrices that turn independent numbers into the low frequencies of a patch.

    Even and odd frequencies are independent, because the window is symmetric.

    Returns:
        Matrices of shape (64 or 65, 64), by the parity of their frequencies down and across. The
        first 64 rows make noise; row 65, if any, makes the dark or bright blob, or the gradient.
    """
    places = (np.arange(_SIDE) - (_SIDE - 1) / 2) / (_SIDE / 2)
    line = np.exp(-(places**2) / (2 * _WINDOW**2))
    window = np.outer(line, line)
    waves = _cosines(_SIDE, _SIDE)
    low = waves[:_FREQUENCIES]
    # `leak` turns the frequencies of a whole patch into the low ones under the window, along one
    # axis.
    leak = (low * line) @ (waves.T * np.where(np.arange(_SIDE) == 0, 1, math.sqrt(2)))
    mixed = _both_ways(leak, leak)
    # Subtract the weighted mean, as region signals do.
    mixed -= np.outer(_waves_of(window, low), mixed[0] / window.sum())
    squares = np.add.outer(np.arange(_SIDE) ** 2, np.arange(_SIDE) ** 2).ravel()
    power = _fall(squares, _NOISE_SLOPE) * np.exp(-_NOISE_CUT * squares)
    covariance = (mixed * power) @ mixed.T
    covariance /= np.trace(covariance)

    sigmas = places * (_SIDE_IN_SIGMAS / 2)
    bump = np.exp(-(sigmas**2) / (2 * _BLOB_SIGMAS**2))
    blob = np.outer(bump, bump)
    blob -= (blob * window).sum() / window.sum()
    wide = np.exp(-(sigmas**2) / (2 * _GRADIENT_SIGMAS**2))
    gradient = -np.outer(wide, sigmas * wide)
    added = {
        _BLOB: (_BLOB_PART, _waves_of(blob * window, low)),
        _GRADIENT: (_GRADIENT_PART, _waves_of(gradient * window, low)),
    }
    places_of = np.arange(_FREQUENCIES**2).reshape(_FREQUENCIES, _FREQUENCIES)
    models: dict[tuple[int, int], Floats] = {}
    for parity in itertools.product((0, 1), (0, 1)):
        chosen = places_of[parity[0] :: 2, parity[1] :: 2].ravel()
        values, vectors = np.linalg.eigh(covariance[np.ix_(chosen, chosen)])
        rows = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
        if parity in added:
            part, waves_added = added[parity]
            rows = np.vstack((rows, part / np.linalg.norm(waves_added) * waves_added[chosen]))
        models[parity] = rows.astype(np.float32)
    return models


@functools.cache
def _neighbours() -> Floats:
    """Return the matrix that turns independent numbers into pixel differences, shape (72, 64)."""
    rows, columns = 8, 9
    down, across = _cosines(rows, rows).T, np.diff(_cosines(columns, columns).T, axis=0)
    squares = np.add.outer((np.arange(rows) * columns / rows) ** 2, np.arange(columns) ** 2).ravel()
    amplitudes = np.sqrt(_fall(squares, _PICTURE_SLOPE))
    return (_both_ways(down, across) * amplitudes).T.astype(np.float32)


def _fall(squares: Doubles, slope: float) -> Doubles:
    """Return the power of each frequency of zero-mean noise, given the frequency's square."""
    power: Doubles = np.where(squares > 0, (squares + 0.5) ** -slope, 0)
    return power


def _both_ways(down: Doubles, across: Doubles) -> Doubles:
    """Return the matrix that applies `down` to columns and `across` to rows of flat pictures."""
    mixed = np.einsum("ia,jb->ijab", down, across)
    flat: Doubles = mixed.reshape(len(down) * len(across), -1)
    return flat


def _cosines(count: int, length: int) -> Doubles:
    places = np.arange(length) + 0.5
    cosines: Doubles = np.cos(math.pi / length * np.multiply.outer(np.arange(count), places))
    return cosines


def _waves_of(patch: Doubles, low: Doubles) -> Doubles:
    waves: Doubles = (low @ patch @ low.T).ravel()
    return waves
