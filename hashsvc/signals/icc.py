"""
Reads ICC profiles: it interprets curves and a matrix, and checks look-up tables for littlecms.

A hostile profile must not show people one image and us another. So this module accepts and refuses
the same profiles as skcms, which Chromium and Android use. It hands littlecms nothing but a checked
table under a header of our own.

Sources: ICC.1:2022; skcms (Skia, modules/skcms/skcms.cc) for what is refused.
"""

import math
import struct
from dataclasses import dataclass, replace

import numpy as np

from hashsvc.signals.encodings import D50, HLG, PQ, Encoding, Values, by_codes, parametric

_HEADER_BYTES = 132
_MOST_GRID_POINTS = 350_000_000
_MOST_SAMPLES = 2**24
_MAX_TABLE_ENTRIES = 4096

_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
_CHANNELS = {name: channels for channels, name in _SPACES.items()}


@dataclass(frozen=True, slots=True, repr=False)
class LookUp:
    """
    A profile with a look-up table.

    Attributes:
        profile: An ICC profile that littlecms reads, with this table only.

        inputs: Number of channels that the table reads: 1, 3 or 4. They are the image's first ones,
            followed by full opacity if the image has too few.

        channels: Number of channels of the images that the profile is for: 1, 3 or 4.
    """

    profile: bytes
    inputs: int
    channels: int


class _RefusedError(Exception):
    """Viewers ignore the profile."""


def read_profile(data: bytes, *, peak: float) -> Encoding | LookUp | None:
    """
    Return what an ICC profile says about an image's colours; None if viewers ignore the profile.

    Args:
        data: The profile, unchecked.

        peak: Candelas per square metre of the brightest light, for a profile that names PQ or HLG.
    """
    try:
        return _read(data, peak)
    except (_RefusedError, struct.error):
        return None


def _read(data: bytes, peak: float) -> Encoding | LookUp:
    tags = _tags(data)
    channels = _CHANNELS.get(data[16:20])
    if channels is None or data[20:24] not in (b"XYZ ", b"Lab "):
        raise _RefusedError
    is_grey = channels == 1
    curves, matrix = _curves(tags, is_grey=is_grey), _matrix(data, tags, is_grey=is_grey)
    table = _first(tags, b"A2B0", b"A2B1")
    if table is not None:
        _check_table(table, direct=True)
    if (inverse := _first(tags, b"B2A0", b"B2A1")) is not None:
        _check_table(inverse, direct=False)
    coded = None if channels == 4 else _coded(tags, matrix, peak)
    if coded is not None:
        return replace(coded, is_grey=is_grey)
    if table is not None:
        return LookUp(_with_table_only(data, table), table[8], channels)
    if curves is None or matrix is None:
        raise _RefusedError
    return Encoding(curves, matrix, is_grey=is_grey)


_ENTRY = np.dtype([("name", "S4"), ("offset", ">u4"), ("length", ">u4")])
_USED = frozenset({
    *(b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"rXYZ", b"gXYZ", b"bXYZ"),
    *(b"A2B0", b"A2B1", b"B2A0", b"B2A1", b"cicp"),
})  # fmt: skip


def _tags(data: bytes) -> dict[bytes, bytes]:
    """Check a profile's header, and return its tags; of two with one name, the first counts."""
    if len(data) < _HEADER_BYTES:
        raise _RefusedError
    size, count = int.from_bytes(data[:4]), int.from_bytes(data[128:132])
    white = np.array(struct.unpack_from(">3i", data, 68)) / 65536
    if (
        data[36:40] != b"acsp"
        or not _HEADER_BYTES + 12 * count <= size <= len(data)
        or data[8] > 4
        or abs(white - D50).max() > 0.01
    ):
        raise _RefusedError
    entries = np.frombuffer(data, _ENTRY, count, _HEADER_BYTES)
    ends = entries["offset"].astype(np.int64) + entries["length"]
    if (entries["length"] < 4).any() or (ends > size).any():
        raise _RefusedError
    tags: dict[bytes, bytes] = {}
    for name in _USED:
        found = np.flatnonzero(entries["name"] == name)
        if len(found):
            first = found[0]
            tags[name] = data[int(entries["offset"][first]) : int(ends[first])]
    return tags


def _first(tags: dict[bytes, bytes], *names: bytes) -> bytes | None:
    return next((tags[name] for name in names if name in tags), None)


def _coded(tags: dict[bytes, bytes], matrix: Values | None, peak: float) -> Encoding | None:
    """Return the encoding that a profile names by codes of ITU-T H.273; None if it names none."""
    tag = tags.get(b"cicp")
    if tag is None:
        return None
    if tag[:4] != b"cicp" or len(tag) < 12:
        raise _RefusedError
    primaries, transfer, video_matrix, is_full = tag[8:12]
    if not video_matrix and is_full == 1:
        # If a profile names one of these curves of video, Chromium uses that of sRGB.
        known = by_codes(primaries, 13 if transfer in (1, 6, 11) else transfer, peak=peak)
        if known is not None:
            return known
    # Even if the other codes are unknown, PQ or HLG overrides the profile's own curves.
    curve = by_codes(1, transfer, peak=0) if transfer in (PQ, HLG) else None
    return replace(curve, to_xyz=matrix) if curve is not None and matrix is not None else None


def _curves(tags: dict[bytes, bytes], *, is_grey: bool) -> Values | None:
    names = (b"kTRC",) * 3 if is_grey and b"kTRC" in tags else (b"rTRC", b"gTRC", b"bTRC")
    if not all(name in tags for name in names):
        return None
    return np.array([_curve(tags[name], 0)[0] for name in names])


def _matrix(data: bytes, tags: dict[bytes, bytes], *, is_grey: bool) -> Values | None:
    if is_grey and b"kTRC" in tags:
        # Grey light has the colour of white. Its three channels are equal, and each adds a third.
        return np.outer(D50, (1 / 3,) * 3) if data[20:24] == b"XYZ " else None
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    if not all(name in tags for name in names):
        return None
    if any(tags[name][:4] != b"XYZ " for name in names):
        raise _RefusedError
    columns = np.array([struct.unpack_from(">3i", tags[name], 8) for name in names])
    # Viewers ignore a matrix of zeros.
    return columns.T / 65536 if columns.any() else None


def _curve(data: bytes, offset: int) -> tuple[Values, int]:
    """Return a curve's light for 256 values, and the offset after the curve."""
    kind = data[offset : offset + 4]
    if kind == b"curv":
        return _sampled(data, offset + 8)
    if kind != b"para":
        raise _RefusedError
    (function,) = struct.unpack_from(">H", data, offset + 8)
    if function not in _PARAMETERS:
        raise _RefusedError
    count = _PARAMETERS[function]
    given = np.array(struct.unpack_from(f">{count}i", data, offset + 12)) / 65536
    g, a, b, c, d, e, f = _complete(function, *given.tolist())
    if not (a >= 0 and c >= 0 and d >= 0 and g >= 0 and a * d + b >= 0):
        raise _RefusedError
    return parametric(_VALUES, g, a, b, c, d, e, f), offset + 12 + 4 * count


_VALUES: Values = np.arange(256) / 255
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""How many parameters a parametric curve has, by its function: ICC.1:2022, table 68."""


def _complete(
    function: int,
    g: float,
    a: float = 1,
    b: float = 0,
    c: float = 0,
    d: float = 0,
    e: float = 0,
    f: float = 0,
) -> tuple[float, ...]:
    """Return the parameters with which function 4 gives the same curve."""
    if function not in (1, 2):
        return g, a, b, c, d, e, f
    if not a:
        raise _RefusedError
    # In function 2, `c` is not a slope but a constant that is added everywhere.
    return g, a, b, 0, -b / a, c, c


def _sampled(data: bytes, offset: int) -> tuple[Values, int]:
    (count,) = struct.unpack_from(">I", data, offset)
    end = offset + 4 + 2 * count
    if end > len(data) or count > _MOST_SAMPLES:
        raise _RefusedError
    samples = np.frombuffer(data, ">u2", count, offset + 4)
    if count < 2:
        # No sample means the identity; a single sample is an exponent.
        return _VALUES ** (samples[0] / 256 if count else 1.0), end
    places = _VALUES * (count - 1)
    below = np.minimum(places.astype(np.int64), count - 2)
    light = samples[below] + (samples[below + 1].astype(np.float64) - samples[below]) * (
        places - below
    )
    return light / 65535, end


def _check_table(table: bytes, *, direct: bool) -> None:
    """
    Refuse a table that skcms does not read.

    Args:
        table: An A2B or B2A tag.

        direct: Whether the table leads from an image's values to XYZ or Lab (A2B), or back (B2A).
    """
    kind, (inputs, outputs, grid) = table[:4], struct.unpack_from("3B", table, 8)
    if direct and not (inputs in _SPACES and outputs == 3):
        raise _RefusedError
    if not direct and not (inputs == 3 and 3 <= outputs <= 4):
        raise _RefusedError
    if kind in (b"mft1", b"mft2"):
        _check_plain_table(table, inputs, outputs, grid)
    elif kind == (b"mAB " if direct else b"mBA "):
        _check_staged_table(table, inputs, outputs, direct=direct)
    else:
        raise _RefusedError


def _check_plain_table(table: bytes, inputs: int, outputs: int, grid: int) -> None:
    width = 1 if table[:4] == b"mft1" else 2
    before, after, start = 256, 256, 48
    if width == 2:
        before, after = struct.unpack_from(">2H", table, 48)
        start = 52
        if not (2 <= before <= _MAX_TABLE_ENTRIES and 2 <= after <= _MAX_TABLE_ENTRIES):
            raise _RefusedError
    points = grid**inputs
    samples = before * inputs + points * outputs + after * outputs
    if grid < 2 or points > _MOST_GRID_POINTS or start + width * samples > len(table):
        raise _RefusedError


def _check_staged_table(table: bytes, inputs: int, outputs: int, *, direct: bool) -> None:
    b_curves, matrix, m_curves, grid, a_curves = struct.unpack_from(">5I", table, 12)
    if not b_curves or bool(matrix) != bool(m_curves) or bool(grid) != bool(a_curves):
        raise _RefusedError
    _check_curves(table, b_curves, outputs if direct else inputs)
    if matrix:
        _check_curves(table, m_curves, 3)
        struct.unpack_from(">12i", table, matrix)
    if not grid:
        if inputs != outputs:
            raise _RefusedError
        return
    _check_curves(table, a_curves, inputs if direct else outputs)
    sides, width = table[grid : grid + inputs], table[grid + 16 : grid + 17]
    points = math.prod(sides)
    if (
        width not in (b"\1", b"\2")
        or min(sides) < 2
        or points > _MOST_GRID_POINTS
        or grid + 20 + points * outputs * width[0] > len(table)
    ):
        raise _RefusedError


def _check_curves(table: bytes, offset: int, count: int) -> None:
    for _ in range(count):
        _, end = _curve(table, offset)
        offset = end + (offset - end) % 4


def _with_table_only(data: bytes, table: bytes) -> bytes:
    """Return a profile for littlecms that holds this table alone."""
    start = _HEADER_BYTES + 12
    header = bytearray(_HEADER_BYTES)
    # The version is 2, because littlecms then leaves black unadjusted, as Chromium does.
    struct.pack_into(
        ">I4xI4s4s", header, 0, start + len(table), 0x0240_0000, b"scnr", _SPACES[table[8]]
    )
    header[20:24] = data[20:24]
    header[36:40] = b"acsp"
    struct.pack_into(">3i", header, 68, *(round(each * 65536) for each in D50))
    struct.pack_into(">I", header, 128, 1)
    if table[:4] in (b"mft1", b"mft2"):
        # Chromium does not use the matrix of such a table.
        table = table[:12] + _IDENTITY + table[48:]
    return bytes(header) + struct.pack(">4sII", b"A2B0", start, len(table)) + table


_IDENTITY = struct.pack(">9i", *(np.eye(3, dtype=int).ravel() * 65536))
