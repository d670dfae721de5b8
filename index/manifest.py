"""
A segment on disk.

    magic "HSX1" | version, bits (uint32) | checkpoint, count (int64) | SHA-256 of the rest
    ids (int64) | owners (int64) | codes (uint8)

All numbers are little-endian. The file is parsed, never unpickled.
"""

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.codes import Codes
from index.errors import SegmentError
from index.hits import Ids

_MAGIC = b"HSX1"
_VERSION = 1
_HEADER = struct.Struct("<4sIIqq")
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """What a file holds: the live codes of an index, and how far it had come."""

    bits: int
    checkpoint: int
    ids: Ids
    owners: Ids
    codes: Codes


def write_segment(path: Path, segment: SegmentFile) -> None:
    """Write a segment under a temporary name, flush it to the disk, then give it its name."""
    header = _HEADER.pack(_MAGIC, _VERSION, segment.bits, segment.checkpoint, len(segment.ids))
    body = b"".join(
        (
            segment.ids.astype("<i8").tobytes(),
            segment.owners.astype("<i8").tobytes(),
            segment.codes.tobytes(),
        )
    )
    digest = hashlib.sha256(header + body).digest()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        fresh.chmod(0o600)
        file.write(header + digest + body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_segment(path: Path) -> SegmentFile:
    """
    Return the segment in a file.

    Raises:
        SegmentError: If the file is missing, cut, altered, or of an unknown version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SegmentError("The segment file cannot be read.") from error
    if len(data) < _HEADER.size + _DIGEST_BYTES:
        raise SegmentError("The segment file is cut off.")
    magic, version, bits, checkpoint, count = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise SegmentError("The segment file is of no version that is known here.")
    body = data[_HEADER.size + _DIGEST_BYTES :]
    digest = data[_HEADER.size : _HEADER.size + _DIGEST_BYTES]
    if hashlib.sha256(data[: _HEADER.size] + body).digest() != digest:
        raise SegmentError("The segment file was altered.")
    if len(body) != count * (16 + bits // 8):
        raise SegmentError("The segment file's length does not fit its count.")
    ids, owners, codes = body[: 8 * count], body[8 * count : 16 * count], body[16 * count :]
    return SegmentFile(
        bits=bits,
        checkpoint=checkpoint,
        ids=np.frombuffer(ids, dtype="<i8"),
        owners=np.frombuffer(owners, dtype="<i8"),
        codes=np.frombuffer(codes, dtype=np.uint8).reshape(count, bits // 8),
    )
