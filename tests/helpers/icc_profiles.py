"""Makes ICC profiles byte by byte: for RGB, grey and CMYK, with curves or with tables."""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SRGB_POINTS = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_POINTS = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_POINTS = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
D65 = (0.3127, 0.3290)
PROPHOTO_POINTS = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
D50_POINT = (0.3457, 0.3585)

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(each * 65_536) for each in numbers))


def _light(values: Values) -> Values:
    """Return the light that values of sRGB show."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def colorants(points: tuple[float, ...], white: tuple[float, float] = D65) -> Values:
    """Return XYZ of red, green and blue, adapted to D50, as the columns of a matrix."""
    x, y = np.array((*points[0::2], white[0])), np.array((*points[1::2], white[1]))
    columns = np.array((x, y, 1 - x - y))
    light = columns[:, 3] / y[3]
    scaled = columns[:, :3] * np.linalg.solve(columns[:, :3], light)
    change = np.diag((_BRADFORD @ np.array(_D50)) / (_BRADFORD @ light))
    adapted: Values = np.linalg.solve(_BRADFORD, change @ _BRADFORD @ scaled)
    return adapted


def gamma(exponent: float) -> bytes:
    """Return a curve that is a power."""
    return _para(0, exponent)


def table_curve(*samples: int) -> bytes:
    """Return a curve of samples from 0 to 65,535."""
    return b"curv\0\0\0\0" + struct.pack(f">I{len(samples)}H", len(samples), *samples)


def _para(function: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", function, 0) + _fixed(*numbers)


SRGB_CURVE = _para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
INVERTING_CURVE = table_curve(*(65_535 * _light(np.linspace(1, 0, 1024))).round().astype(int))
"""The curve of sRGB turned round, so that it shows the values of a negative as the picture."""


def rgb_profile(
    points: tuple[float, ...] = SRGB_POINTS,
    *curves: bytes,
    white: tuple[float, float] = D65,
    more: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """
    Return a profile of primaries and of one curve or three; the curve is sRGB's by default.

    Args:
        points: x and y of red, green and blue.

        curves: As `gamma` and `table_curve` make them.

        white: x and y of white.

        more: Further tags.
    """
    columns = colorants(points, white).T.tolist()
    three = curves * 3 if len(curves) == 1 else curves or (SRGB_CURVE,) * 3
    names = (b"r", b"g", b"b")
    tags = {
        each + b"XYZ": b"XYZ \0\0\0\0" + _fixed(*xyz)
        for each, xyz in zip(names, columns, strict=True)
    }
    tags |= {each + b"TRC": curve for each, curve in zip(names, three, strict=True)}
    return profile(b"RGB ", b"XYZ ", tags | dict(more or {}))


def grey_profile(curve: bytes) -> bytes:
    """Return a profile for grey pictures."""
    return profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def table_profile(space: bytes, shown: Values, *, wide: bool = False) -> bytes:
    """
    Return a profile with a look-up table.

    Args:
        space: b"RGB ", b"GRAY" or b"CMYK".

        shown: The colours that the values show, in sRGB from 0 to 1, shape (side, …, side, 3) with
            as many sides as channels.

        wide: Whether the table has 16 bits a number, not 8.
    """
    return profile(space, b"Lab ", {b"A2B0": lookup_table(shown, wide=wide)})


def lookup_table(shown: Values, *, wide: bool = False) -> bytes:
    """Return a tag of the type lut8 or lut16; see `table_profile`."""
    inputs, side = shown.ndim - 1, shown.shape[0]
    lab = _lab(shown)
    if wide:
        numbers = (lab * (652.8, 256, 256) + (0, 32_768, 32_768)).round().clip(0, 65_535)
        return packed_table(inputs, side, numbers.astype(">u2").tobytes(), wide=True)
    numbers = (lab * (2.55, 1, 1) + (0, 128, 128)).round().clip(0, 255)
    return packed_table(inputs, side, numbers.astype(np.uint8).tobytes())


def packed_table(inputs: int, side: int, numbers: bytes, *, wide: bool = False) -> bytes:
    """
    Return a tag of the type lut8 or lut16.

    Args:
        inputs: Channels of the picture.

        side: Points in each direction.

        numbers: What the points show, as in the file.

        wide: Whether a number has 16 bits.
    """
    curve = struct.pack(">HH", 0, 65_535) if wide else bytes(range(256))
    return (
        (b"mft2" if wide else b"mft1")
        + bytes((0, 0, 0, 0, inputs, 3, side, 0))
        + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + (struct.pack(">HH", 2, 2) if wide else b"")
        + curve * inputs
        + numbers
        + curve * 3
    )


def _lab(shown: Values) -> Values:
    ratio = _light(shown) @ colorants(SRGB_POINTS).T / np.array(_D50)
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = (root[..., axis] for axis in range(3))
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def profile(space: bytes, pcs: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Return a profile with these tags, in version 2.4."""
    start = 132 + 12 * len(tags)
    entries, bodies = b"", b""
    for name, tag in tags.items():
        entries += struct.pack(">4sII", name, start + len(bodies), len(tag))
        bodies += tag + bytes(-len(tag) % 4)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48xI",
        start + len(bodies),
        0x0240_0000,
        b"mntr",
        space,
        pcs,
        b"acsp",
        _fixed(*_D50),
        len(tags),
    )
    return header + entries + bodies
