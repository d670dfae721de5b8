"""
Recognises images of kinds that are not supported, so that nobody takes them for damaged.

The kinds are those that cameras, phones, editors and sites use. Drawings (SVG) and documents (PDF)
do not count as images here.

Sources: the specifications of the formats.
"""

import re

from hashsvc.signals.errors import NotAnImageError, UnsupportedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "ICO", "TIFF")

_KINDS = (
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "JPEG XL"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"II\xbc[\x00\x01]"), "JPEG XR"),
    (re.compile(rb"8BPS\0[\x01\x02]"), "Photoshop document"),
    (re.compile(rb"gimp xcf "), "GIMP document"),
    (re.compile(rb"(?s)....ftyp(?:avci|avcs|jpeg|jpgs|j2ki|vvic|vvis|evbi)"), "HEIF"),
    (
        re.compile(
            rb"(?s)II\x1a\0..?.?HEAPCCDR|IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|....ftypcrx "
        ),
        "raw photo",
    ),
    (re.compile(rb"II\x2b\0\x08\0\0\0|MM\0\x2b\0\x08\0\0"), "BigTIFF"),
    (re.compile(rb"\x8aMNG\r\n\x1a\n"), "MNG"),
    (re.compile(rb"\x8bJNG\r\n\x1a\n"), "JNG"),
    (re.compile(rb"FLIF[1-o]"), "FLIF"),
    (re.compile(rb"BPG\xfb"), "BPG"),
    (re.compile(rb"qoif"), "QOI"),
    (re.compile(rb"v/1\x01"), "OpenEXR"),
    (re.compile(rb"#\?RADIANCE\n"), "Radiance"),
    (re.compile(rb"DDS \x7c\0\0\0"), "DDS"),
    (re.compile(rb"\x01\xda[\x00\x01][\x01\x02]"), "SGI"),
    (re.compile(rb"\x0a[\x00-\x05][\x00\x01][\x01\x02\x04\x08]"), "PCX"),
    (re.compile(rb"icns"), "ICNS"),
    (re.compile(rb"P[1-7][ \t\r\n]"), "PNM"),
    (re.compile(rb"\s*#define \w+_width \d"), "XBM"),
    (re.compile(rb"/\* XPM \*/"), "XPM"),
    (re.compile(rb"(?s)RIFF....ACON"), "animated cursor"),
    (re.compile(rb"(?s)\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"), "Windows metafile"),
    (re.compile(rb"AT&TFORM"), "DjVu"),
)


def refusal(data: bytes) -> NotAnImageError | UnsupportedImageError:
    """Return the error for bytes in no supported format."""
    kind = next((name for begins, name in _KINDS if begins.match(data)), None)
    supported = f"Supported formats: {', '.join(FORMATS)}."
    if kind is None:
        return NotAnImageError(f"The bytes are not an image. {supported}")
    return unsupported(kind)


def unsupported(kind: str) -> UnsupportedImageError:
    """Return the error for a kind of image that is not supported."""
    return UnsupportedImageError(
        f"This kind of image is not supported: {kind}. Supported formats: {', '.join(FORMATS)}."
    )
