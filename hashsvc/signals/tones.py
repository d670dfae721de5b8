"""
How much light an HDR image keeps on a display without HDR.

The curve is the reference white tone mapping operator of SMPTE ST 2094-50, annex C, which Chromium
uses for PQ and HLG (Skia, src/codec/SkHdrAgtm.cpp). The gain of a pixel depends on its brightest
channel, in the primaries of BT.2020.
"""

import math

import numpy as np

from hashsvc.signals.encodings import REFERENCE_WHITE, Values

MOST_LIGHT = 64.0
"""Light relative to white; more than PQ and HLG can encode."""

_ENTRIES = 2**13
_KNEE = 1.0
_KAPPA = 0.65
_CONTROL_POINTS = 8


def gains(peak: float) -> Values:
    """
    Return gains for evenly spaced light from 0 to MOST_LIGHT; an empty array if no light changes.

    Args:
        peak: Candelas per square metre of the brightest light.
    """
    headroom = math.log2(max(peak / REFERENCE_WHITE, 1))
    if not headroom:
        return np.empty(0)
    x, y, slopes = _control_points(headroom)
    light = np.linspace(0, MOST_LIGHT, _ENTRIES).clip(_KNEE, None)
    # Cubic Hermite curves between the control points; beyond the last one, all light is white.
    at = np.searchsorted(x, light, side="right").clip(1, len(x) - 1) - 1
    width = x[at + 1] - x[at]
    t = (light - x[at]) / width
    start, end = slopes[at] * width, slopes[at + 1] * width
    step = y[at + 1] - y[at]
    curve = y[at] + t * (start + t * (3 * step - 2 * start - end + t * (start + end - 2 * step)))
    gain: Values = np.exp2(np.where(light < x[-1], curve, y[-1] + np.log2(x[-1] / light)))
    return gain


def _control_points(headroom: float) -> tuple[Values, Values, Values]:
    """Return light, the gain's binary logarithm, and the slope of that: formulas C.2 to C.6."""
    white = 1 - 0.5 * min(headroom / math.log2(1000 / REFERENCE_WHITE), 1)
    most = 2**headroom
    middle_x = (1 - _KAPPA) * _KNEE + _KAPPA * _KNEE / white
    middle_y = (1 - _KAPPA) * white + _KAPPA
    t = np.linspace(0, 1, _CONTROL_POINTS)
    x, slope_x = _bezier(t, _KNEE, middle_x, most)
    y, slope_y = _bezier(t, white, middle_y, 1)
    return x, np.log2(y / x), (x * slope_y / slope_x - y) / (math.log(2) * x * y)


def _bezier(t: Values, start: float, middle: float, end: float) -> tuple[Values, Values]:
    a, b = start - 2 * middle + end, 2 * (middle - start)
    return start + t * (b + t * a), 2 * a * t + b
