"""
Recognises rare variants of supported formats, which the libraries here do not decode.

Sources: ITU-T T.81, table B.1; ISO/IEC 23008-12; TIFF 6.0, and the tables of Pillow's plugin.
"""

import re

from PIL import TiffImagePlugin

from hashsvc.signals.exif import byte_order
from hashsvc.signals.headers import Header, jpeg_segments

_SOF_KINDS = {
    **dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "hierarchical JPEG"),
    0xF7: "JPEG-LS",
}
_COMMON_SOF = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})

# The type of an item in a container: its coding, how it is made from others, or metadata.
_ITEM = re.compile(rb"(?s)infe(?:\x02.{7}|\x03.{9})(.{4})")
_KNOWN_ITEMS = frozenset(
    {b"hvc1", b"hev1", b"av01", b"grid", b"iden", b"iovl", b"tmap", b"Exif", b"mime", b"uri "}
)

_COMPRESSION, _PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 259, 262, 258, 339
_TIFF_LAYOUTS = {(key[1], key[2][0], key[4][0]) for key in TiffImagePlugin.OPEN_INFO}


def unsupported_variant(header: Header) -> str | None:
    """Return the name of the rare variant that an image is in; None if its variant is common."""
    match header.formats:
        case ("JPEG",):
            return _jpeg_variant(header.data)
        case ("TIFF",):
            return _tiff_variant(header.data)
    if "HEIF" in header.formats or "AVIF" in header.formats:
        items = {found[1] for found in _ITEM.finditer(header.data)}
        return "HEIF of an unknown coding" if items - _KNOWN_ITEMS else None
    return None


def _jpeg_variant(data: bytes) -> str | None:
    for marker, start, _ in jpeg_segments(data):
        if marker in _SOF_KINDS:
            return _SOF_KINDS[marker]
        if marker in _COMMON_SOF:
            if data[start + 4] > 8:
                return "JPEG of more than 8 bits"
            # Its height is then told by a marker after the pixels (T.81, B.2.5).
            return "JPEG of unknown height" if data[start + 5 : start + 7] == b"\0\0" else None
    return None


def _tiff_variant(data: bytes) -> str | None:
    order = byte_order(data)
    if order is None:
        return None
    page = int.from_bytes(data[4:8], order)
    values = {_BITS: 1, _COMPRESSION: 1, _PHOTOMETRIC: 0, _SAMPLE_FORMAT: 1}
    for offset in range(page + 2, page + 2 + 12 * int.from_bytes(data[page : page + 2], order), 12):
        tag, kind = (int.from_bytes(data[offset + at : offset + at + 2], order) for at in (0, 2))
        if tag in values and kind in (3, 4):
            size, count = 2 * (kind - 2), int.from_bytes(data[offset + 4 : offset + 8], order)
            at = offset + 8
            if size * count > 4:
                at = int.from_bytes(data[at : at + 4], order)
            values[tag] = int.from_bytes(data[at : at + size], order)
    if data[8:10] == b"CR":
        return "raw photo"
    layout = values[_PHOTOMETRIC], values[_SAMPLE_FORMAT], values[_BITS]
    if values[_COMPRESSION] not in TiffImagePlugin.COMPRESSION_INFO or layout not in _TIFF_LAYOUTS:
        return "TIFF of a rare compression or layout"
    return None
