"""
How the values of an image become light, by the codes of ITU-T H.273 or by primaries and gammas.

Light is relative to white, which is 1. An HDR image can be brighter than white; its white is the
reference white of ITU-R BT.2408, 203 cd/m².

Sources: ITU-T H.273 (2024), tables 2 and 3; IEC 61966-2-1 (sRGB); SMPTE ST 2084 (PQ); ITU-R
BT.2100-2 (HLG); SMPTE ST 240 and ST 428-1; ITU-R BT.1886, the gamma of 2.4 of displays for BT.709,
BT.601 and BT.2020. Colours are adapted to the white point D50 by the Bradford transform, as in
ICC.1:2022 annex E.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals.colour_tags import Chromaticities

Values = NDArray[np.float64]

REFERENCE_WHITE = 203.0
"""Candelas per square metre of white in an HDR image: ITU-R BT.2408."""

_PQ_LIGHT = 10_000 / REFERENCE_WHITE
"""Light of the highest value of PQ."""

HLG_LIGHT = 1000 / REFERENCE_WHITE
"""Light of the highest value of HLG, on the display that ITU-R BT.2408 assumes."""

HLG_EXPONENT = 1.2
"""System gamma of HLG on that display: ITU-R BT.2100, table 5."""

D50 = np.array((0.9642, 1.0, 0.8249))
_BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)

_MOST_LIGHT = 1e6
_VALUES: Values = np.arange(256) / 255


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Encoding:
    """
    How the values of an image become light.

    Attributes:
        curves: Light of each of 256 values of red, green and blue, shape (3, 256).

        to_xyz: Matrix from light to XYZ relative to D50, shape (3, 3).

        peak: Candelas per square metre of the brightest light of an HDR image; 0 for others.

        scene_luminance: Weights of red, green and blue in luminance, shape (3,), if the curves give
            the light that an HLG camera saw; otherwise None.

        is_grey: Whether only grey images have this encoding.
    """

    curves: Values
    to_xyz: Values
    peak: float = 0
    scene_luminance: Values | None = None
    is_grey: bool = False


def parametric(
    values: Values, g: float, a: float, b: float, c: float, d: float, e: float, f: float
) -> Values:
    """Return (ax + b)^g + e for values x from d on, cx + f below: ICC.1:2022, table 68, type 4."""
    with np.errstate(over="ignore"):
        power = np.maximum(a * values + b, 0) ** g + e
    # A file's numbers may give infinite light, which no later step can use.
    return np.where(values < d, c * values + f, power).clip(-_MOST_LIGHT, _MOST_LIGHT)


def xyz_matrix(chromaticities: Chromaticities) -> Values | None:
    """Return the matrix from light to XYZ relative to D50; None for impossible primaries."""
    if not all(0 <= each <= 1 for each in chromaticities) or not chromaticities[7]:
        return None
    xyz = _unadapted(chromaticities)
    if xyz is None:
        return None
    before, after = _BRADFORD @ xyz.sum(axis=1), _BRADFORD @ D50
    adapted: Values = np.linalg.solve(_BRADFORD, np.diag(after / before) @ _BRADFORD @ xyz)
    return adapted if np.isfinite(adapted).all() else None


def _unadapted(chromaticities: Chromaticities) -> Values | None:
    x, y = np.array(chromaticities[0::2]), np.array(chromaticities[1::2])
    points = np.array((x, y, 1 - x - y))
    try:
        shares = np.linalg.solve(points[:, :3], points[:, 3] / y[3])
    except np.linalg.LinAlgError:
        return None
    scaled: Values = points[:, :3] * shares
    return scaled


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_PRIMARIES: dict[int, Chromaticities] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    **dict.fromkeys((6, 7), (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0, 0)
_CURVES = {
    **dict.fromkeys((1, 6, 11, 14, 15), (2.4, 1, 0, 0, 0, 0, 0)),
    4: (2.2, 1, 0, 0, 0, 0, 0),
    5: (2.8, 1, 0, 0, 0, 0, 0),
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0913, 0, 0),
    8: (1, 1, 0, 0, 0, 0, 0),
    13: _SRGB_CURVE,
    17: (2.6, (52.37 / 48) ** (1 / 2.6), 0, 0, 0, 0, 0),
}
PQ, HLG = 16, 18


@functools.lru_cache(maxsize=16)
def by_codes(primaries: int, transfer: int, *, peak: float) -> Encoding | None:
    """
    Return the encoding that codes of ITU-T H.273 name; None if one of them is not known here.

    Args:
        primaries: Colour primaries (table 2).

        transfer: Transfer characteristics (table 3).

        peak: Candelas per square metre of the brightest light, for PQ and HLG.
    """
    if primaries not in _PRIMARIES or transfer not in (*_CURVES, PQ, HLG):
        return None
    chromaticities = _PRIMARIES[primaries]
    matrix, unadapted = xyz_matrix(chromaticities), _unadapted(chromaticities)
    assert matrix is not None
    assert unadapted is not None
    if transfer == PQ:
        return Encoding(_thrice(_pq(_VALUES)), matrix, peak)
    if transfer == HLG:
        return Encoding(_thrice(_hlg(_VALUES)), matrix, peak, scene_luminance=unadapted[1])
    return Encoding(_thrice(parametric(_VALUES, *_CURVES[transfer])), matrix)


def by_gammas(
    gammas: tuple[float, float, float], chromaticities: Chromaticities | None
) -> Encoding | None:
    """
    Return the encoding with these exponents and primaries; None if the primaries are impossible.

    Args:
        gammas: Exponents that turn values of red, green and blue into light.

        chromaticities: x and y of primaries and white; None means those of sRGB.
    """
    matrix = SRGB_TO_XYZ if chromaticities is None else xyz_matrix(chromaticities)
    if matrix is None:
        return None
    return Encoding(np.array([parametric(_VALUES, g, 1, 0, 0, 0, 0, 0) for g in gammas]), matrix)


def _thrice(curve: Values) -> Values:
    return np.tile(curve, (3, 1))


def _pq(values: Values) -> Values:
    """Return the light that PQ encodes: SMPTE ST 2084, formula 4.1."""
    root = values ** (32 / 2523)
    ratio = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    light: Values = ratio ** (8192 / 1305) * _PQ_LIGHT
    return light


def _hlg(values: Values) -> Values:
    """Return the scene light that HLG encodes: ITU-R BT.2100, table 5."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def srgb(light: Values) -> Values:
    """Return the values of sRGB, from 0 to 1, that encode light: IEC 61966-2-1."""
    inside = light.clip(0, 1)
    return np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055)


def _known(primaries: int) -> Values:
    matrix = xyz_matrix(_PRIMARIES[primaries])
    assert matrix is not None
    return matrix


SRGB_TO_XYZ = _known(1)
BT2020_TO_XYZ = _known(9)
