"""The beginnings of images of kinds that are not supported."""

import struct

from PIL import Image

from tests.conftest import generated_photo
from tests.signals.forged import chunk, grey_tags, saved, tiff

_PLAIN = Image.new("RGB", (16, 16))
_JPEG = saved(generated_photo(1, (64, 48)), "JPEG")
_FRAME = _JPEG.index(b"\xff\xc0")
_HEIC = saved(generated_photo(1, (64, 48)), "HEIF")


def _jpeg_of(marker: int, *, bits: int = 8) -> bytes:
    kind = bytes((0xFF, marker)) + _JPEG[_FRAME + 2 : _FRAME + 4] + bytes((bits,))
    return _JPEG[:_FRAME] + kind + _JPEG[_FRAME + 5 :]


def _tiff_of(tag: int, value: int) -> bytes:
    return tiff([(tag, 3, 1, value) if tag == each[0] else each for each in grey_tags(4, 4)])


UNSUPPORTED = {
    "JPEG XL": b"\xff\x0a" + bytes(100),
    "JPEG XL in a container": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "JPEG 2000": saved(_PLAIN, "JPEG2000"),
    "JPEG 2000 alone": b"\xff\x4f\xff\x51" + bytes(100),
    "JPEG XR": b"II\xbc\1\x20\0\0\0" + bytes(100),
    "Photoshop document": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\1\0\0\0\1\0\x08\0\3" + bytes(20),
    "BigTIFF": b"II\x2b\0\x08\0\0\0" + bytes(100),
    "MNG": b"\x8aMNG\r\n\x1a\n" + chunk(b"MHDR", bytes(28)),
    "JNG": b"\x8bJNG\r\n\x1a\n" + chunk(b"JHDR", bytes(16)),
    "XBM": saved(_PLAIN.convert("1"), "XBM"),
    "raw of Canon": b"II*\0\x10\0\0\0CR\2\0" + bytes(200),
    "raw of Canon in a container": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100),
    "raw of Fujifilm": b"FUJIFILMCCD-RAW " + bytes(200),
    "raw of Olympus": b"IIRO\x08\0\0\0" + bytes(100),
    **{form: saved(_PLAIN, form) for form in ("PPM", "PCX", "DDS", "SGI", "QOI", "ICNS")},
    "lossless JPEG": _jpeg_of(0xC3),
    "lossless JPEG, arithmetic": _jpeg_of(0xCB),
    "hierarchical JPEG": _jpeg_of(0xC5),
    "JPEG-LS": _jpeg_of(0xF7),
    "JPEG of 12 bits": _jpeg_of(0xC1, bits=12),
    "JPEG whose height comes last": _JPEG[: _FRAME + 5] + bytes(2) + _JPEG[_FRAME + 7 :],
    "HEIF of JPEG": _HEIC.replace(b"hvc1", b"jpeg"),
    "HEIF of AVC": _HEIC.replace(b"ftypheic", b"ftypavci").replace(b"hvc1", b"avc1"),
    "HEIF of VVC": _HEIC.replace(b"hvc1", b"vvc1"),
    "TIFF of JPEG 2000": _tiff_of(259, 34712),
    "TIFF of a camera's colours": _tiff_of(262, 32803),
    "TIFF of 77 bits": _tiff_of(258, 77),
    "BMP of a JPEG": b"BM"
    + struct.pack("<IHHI", len(_JPEG) + 54, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 64, 48, 1, 0, 4, len(_JPEG), 0, 0, 0, 0)
    + _JPEG,
}
