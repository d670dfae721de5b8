"""
Measures how far codes are from independent fair bits, which decides how well chunk tables work.

Two uniform codes agree in a chunk of w bits once in 2^w pairs; `collisions` is how many times as
often two of the given codes agree. `bits_that_count` is the number of independent fair bits whose
sum would vary as much.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes

_MOST = 50_000
"""Largest number of codes that are examined; they are spread evenly."""

_WIDTHS = (16, 23)


@dataclass(frozen=True, slots=True)
class Skew:
    """
    The statistics of some codes.

    Attributes:
        codes: Number of codes examined.

        collisions: For chunks of 16 and 23 bits, cut without gaps from the first bit on.

        bias: Mean difference between a bit's share of ones and one half.

        bits_that_count: (Σλ)² / Σλ² over the eigenvalues λ of the bits' covariance.
    """

    codes: int
    collisions: dict[int, list[float]]
    bias: float
    bits_that_count: float

    def __str__(self) -> str:
        chunks = "; ".join(
            f"{width}-bit chunks collide {np.mean(rates):.1f} × as often as uniform ones, "
            f"at most {max(rates):.0f} ×"
            for width, rates in self.collisions.items()
        )
        return f"{chunks}; {self.bits_that_count:.0f} bits count; {self.codes:,} codes"

    def as_json(self) -> dict[str, Any]:
        """Return the statistics as JSON values."""
        return asdict(self)


def skew_of(codes: Codes, origins: NDArray[np.int64] | None = None) -> Skew:
    """
    Return the statistics of at most 50,000 of the codes.

    Args:
        codes: The codes.

        origins: The photograph of each code; pairs from one photograph are not counted.
    """
    chosen = np.arange(0, len(codes), max(1, -(-len(codes) // _MOST)))
    codes = codes[chosen]
    origins = np.arange(len(codes)) if origins is None else origins[chosen]
    bits = np.unpackbits(codes, axis=1)
    covariance = np.cov(bits.T.astype(np.float32))
    return Skew(
        codes=len(codes),
        collisions={width: _collisions(bits, width, origins) for width in _WIDTHS},
        bias=float(np.abs(bits.mean(axis=0) - 0.5).mean()),
        bits_that_count=float(np.trace(covariance) ** 2 / (covariance**2).sum()),
    )


def _collisions(bits: NDArray[np.uint8], width: int, origins: NDArray[np.int64]) -> list[float]:
    place_values = 1 << np.arange(width)[::-1]
    origins = np.unique(origins, return_inverse=True)[1]
    pairs = _pairs(np.array([len(origins)])) - _pairs(np.bincount(origins))
    rates = []
    for start in range(0, bits.shape[1] - width + 1, width):
        keys = bits[:, start : start + width] @ place_values
        within = keys * len(origins) + origins
        alike = _pairs(np.unique(keys, return_counts=True)[1])
        alike -= _pairs(np.unique(within, return_counts=True)[1])
        rates.append(alike / max(pairs, 1) * 2.0**width)
    return rates


def _pairs(counts: NDArray[np.int64]) -> float:
    sizes = counts.astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())
