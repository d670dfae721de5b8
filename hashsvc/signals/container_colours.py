"""
What a HEIF or AVIF file says about the colours of its main image.

Sources: ISO/IEC 14496-12 (`colr`, `clli`, `stsd`); AV1 Image File Format, 2.2. As in Chromium
(media/base/video_color_space.cc), codes that a file leaves unspecified mean sRGB, and the curves of
video are replaced by sRGB's.
"""

from hashsvc.signals.av1 import colour_codes
from hashsvc.signals.boxes import Box, BoxError, Items, boxes
from hashsvc.signals.colour_tags import DEFAULT_PEAK, NO_TAGS, ColourTags

_UNSPECIFIED = 2
_SHOWN_AS_SRGB = frozenset({1, _UNSPECIFIED, 6, 14, 15})
_SAMPLE_ENTRY_BYTES = 78
_STREAM_BYTES = 1024


def container_tags(data: bytes) -> ColourTags:
    """Return what the file says about the colours of its main image, or of its animation."""
    items = Items(data)
    try:
        found = _of_animation(data) or items.properties(items.main)
    except BoxError:
        return NO_TAGS
    codes, icc, peak = None, b"", DEFAULT_PEAK
    for kind, content in found:
        if kind == b"colr" and content[:4] in (b"prof", b"rICC"):
            icc = icc or content[4:]
        elif kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8 and codes is None:
            codes = _codes(int.from_bytes(content[4:6]), int.from_bytes(content[6:8]))
        elif kind == b"clli" and len(content) >= 2:
            peak = float(int.from_bytes(content[:2])) or DEFAULT_PEAK
    # A profile overrides codes, and codes in a box override those in the stream.
    if not icc and codes is None:
        codes = _codes_in_stream(items)
    return ColourTags(codes=None if icc else codes, icc=icc, peak=peak)


def _codes(primaries: int, transfer: int) -> tuple[int, int]:
    return (
        1 if primaries == _UNSPECIFIED else primaries,
        13 if transfer in _SHOWN_AS_SRGB else transfer,
    )


def _codes_in_stream(items: Items) -> tuple[int, int] | None:
    """Return the codes in the AV1 stream of the main image, or of its first tile."""
    try:
        first = [*items.inputs(items.main), items.main][0]
        if items.kind(first) != b"av01":
            return None
        found = colour_codes(items.content(first)[:_STREAM_BYTES])
    except BoxError:
        return None
    return _codes(*found) if found else None


def _of_animation(data: bytes) -> list[Box]:
    """Return the boxes that describe an animation's frames; none if the file has no animation."""
    content = data if data[8:12] == b"avis" else b""
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        content = next((inner for each, inner in boxes(content) if each == kind), b"")
    # The list of entries has a version and a count; only the first entry is read.
    _, entry = next(boxes(content[8:]), (b"", b""))
    return list(boxes(entry[_SAMPLE_ENTRY_BYTES:]))
