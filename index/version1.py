"""
Reads the first file format, one file with all live codes, so that old files stay usable.

    magic "HSX1" | version, bits (uint32) | feed position, count (int64) | SHA-256 of the rest
    ids (int64) | owners (int64) | codes (uint8)
"""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.codes import Codes
from index.errors import SegmentError
from index.hits import Ids

NAME = "codes.hsx"
_MAGIC = b"HSX1"
_VERSION = 1
_HEADER = struct.Struct("<4sIIqq")
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Version1:
    """What a file holds: the live codes of an index, and its position in the change feed."""

    bits: int
    feed_position: int
    ids: Ids
    owners: Ids
    codes: Codes


def read_version1(path: Path) -> Version1:
    """
    Return what a file holds.

    Raises:
        SegmentError: If the file is missing, truncated, altered, or of another version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SegmentError("The index file cannot be read.") from error
    if len(data) < _HEADER.size + _DIGEST_BYTES:
        raise SegmentError("The index file is truncated.")
    magic, version, bits, feed_position, count = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise SegmentError("The index file's version is unknown.")
    body = memoryview(data)[_HEADER.size + _DIGEST_BYTES :]
    digest = data[_HEADER.size : _HEADER.size + _DIGEST_BYTES]
    if hashlib.sha256(data[: _HEADER.size] + body).digest() != digest:
        raise SegmentError("The index file was altered.")
    if count < 0 or bits < 8 or bits % 8 or len(body) != count * (16 + bits // 8):
        raise SegmentError("The index file's length does not match its number of codes.")
    return Version1(
        bits=bits,
        feed_position=feed_position,
        ids=np.frombuffer(body[: 8 * count], dtype="<i8"),
        owners=np.frombuffer(body[8 * count : 16 * count], dtype="<i8"),
        codes=np.frombuffer(body[16 * count :], dtype=np.uint8).reshape(count, bits // 8),
    )
