"""
Named arrays in one file, in checksummed blocks that are encrypted if there is a cipher.

    prefix   magic "HSX2" | version, sealed, file id (16 bytes), header's length
    header   JSON: {"fields": {…}, "arrays": [[name, dtype, shape], …], "block_bytes": …}
    blocks   the bytes of one array after another, each array cut into blocks
    table    for each block: length (uint32), SHA-256
    end      number of blocks (uint32) | SHA-256 of prefix, header and table

All numbers are little-endian; a number without a stated size is a uint32. The file is parsed, never
unpickled.
A cipher binds the header and each block to a context: the file's id, the version and a number
(header 0, blocks from 1). So a block cannot be opened at another position or in another file. No
block can be left out either: the shapes and the block size in the header determine how many blocks
there must be.
"""

import hashlib
import json
import math
import os
import secrets
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from index.errors import SegmentError
from index.intrinsics import aligned_empty

Arrays = Mapping[str, NDArray[np.generic]]
Fields = dict[str, Any]

_MAGIC = b"HSX2"
_VERSION = 2
_PREFIX = struct.Struct("<4sII16sI")
_ROW = struct.Struct("<I32s")
_CONTEXT = struct.Struct("<16sIQ")
BLOCK_BYTES = 1 << 20
"""Size of the blocks into which new files are cut; files with blocks of any size can be read."""
_DTYPES = frozenset({"|u1", "<u2", "<u4", "<u8", "<i4", "<i8"})
# Hashing is most of the work and runs without the interpreter lock. A third thread would only wait
# for memory.
_THREADS = 2
_WORTH_A_THREAD = 8
_CUT = "The index file is truncated."
_ALTERED = "The index file was altered."


class BlockCipher(Protocol):
    """Authenticated encryption of blocks; safe to share between threads."""

    def seal(self, context: bytes, block: memoryview) -> bytes:
        """Return the encrypted block. The context is associated data; it is not stored."""

    def open(self, context: bytes, sealed: memoryview) -> bytes:
        """
        Return the decrypted block.

        Raises:
            SegmentError: If the block was altered, or sealed with another context or key.
        """


@dataclass(frozen=True, slots=True)
class Contents:
    """
    What a file holds.

    Attributes:
        fields: Small values, as decoded from the JSON of the header.

        arrays: The arrays by name. They are C-contiguous and writable.

        digest: Digest of the whole file; files with the same digest have the same content.
    """

    fields: Fields
    arrays: dict[str, NDArray[Any]]
    digest: bytes


def write_file(path: Path, fields: Fields, arrays: Arrays, cipher: BlockCipher | None) -> bytes:
    """
    Write a file under a temporary name, flush it to the disk, then rename it.

    Returns:
        The file's digest.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        digest = _write(descriptor, fields, arrays, cipher)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    flush_directory(path.parent)
    return digest


def flush_directory(directory: Path) -> None:
    """
    Flush a directory, so that a power cut does not undo what was created, renamed or deleted in it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: Path, cipher: BlockCipher | None) -> Contents:
    """
    Return what a file holds.

    Raises:
        SegmentError: If the file is missing, truncated, altered, of an unknown version, or sealed
            with a key other than the cipher's.
    """
    try:
        with path.open("rb") as file:
            return _read(path, file, cipher)
    except OSError as error:
        raise SegmentError("The index file cannot be read.") from error


def _write(descriptor: int, fields: Fields, arrays: Arrays, cipher: BlockCipher | None) -> bytes:
    file_id = secrets.token_bytes(16)
    little = {name: _little_endian(array) for name, array in arrays.items()}
    listed = [[name, each.dtype.str, list(each.shape)] for name, each in little.items()]
    content = {"fields": fields, "arrays": listed, "block_bytes": BLOCK_BYTES}
    header = _seal(json.dumps(content).encode(), file_id, 0, cipher)
    prefix = _PREFIX.pack(_MAGIC, _VERSION, cipher is not None, file_id, len(header))
    _write_all(descriptor, prefix + header)
    table = bytearray()
    number = 0
    for array in little.values():
        for block in _blocks(array, BLOCK_BYTES):
            number += 1
            stored = block if cipher is None else _seal(block, file_id, number, cipher)
            table += _ROW.pack(len(stored), hashlib.sha256(stored).digest())
            _write_all(descriptor, stored)
    digest = hashlib.sha256(prefix + header + table).digest()
    _write_all(descriptor, bytes(table) + _ROW.pack(number, digest))
    return digest


def _seal(block: Any, file_id: bytes, number: int, cipher: BlockCipher | None) -> bytes:
    if cipher is None:
        return bytes(block)
    return cipher.seal(_CONTEXT.pack(file_id, _VERSION, number), memoryview(block))


def _open(stored: Any, file_id: bytes, number: int, cipher: BlockCipher | None) -> bytes:
    if cipher is None:
        return bytes(stored)
    return cipher.open(_CONTEXT.pack(file_id, _VERSION, number), memoryview(stored))


def _write_all(descriptor: int, data: Any) -> None:
    rest = memoryview(data)
    while rest.nbytes:
        rest = rest[os.write(descriptor, rest) :]


def _little_endian(array: NDArray[np.generic]) -> NDArray[np.generic]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    assert little.dtype.str in _DTYPES
    return little


def _blocks(array: NDArray[np.generic], block_bytes: int) -> Iterator[memoryview]:
    flat = cast("NDArray[np.uint8]", array.reshape(-1).view(np.uint8))
    for start in range(0, len(flat), block_bytes):
        yield memoryview(cast("Any", flat[start : start + block_bytes]))


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    offset: int
    length: int
    digest: bytes
    target: memoryview


def _read(path: Path, file: BufferedReader, cipher: BlockCipher | None) -> Contents:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        raise SegmentError(_CUT)
    magic, version, sealed, file_id, header_length = _PREFIX.unpack(prefix)
    if magic != _MAGIC or version != _VERSION or sealed not in {0, 1}:
        raise SegmentError("The index file's version is unknown.")
    if sealed != (cipher is not None):
        raise SegmentError(
            "The index file is sealed, but no cipher was given."
            if sealed
            else "The index file is not sealed, but a cipher was given."
        )
    start = _PREFIX.size + header_length
    if start + _ROW.size > size:
        raise SegmentError(_CUT)
    header = file.read(header_length)
    table, digest = _table(file, prefix + header, start, size)
    fields, arrays, block_bytes = _parse_header(_open(header, file_id, 0, cipher), size)
    targets = [each for array in arrays.values() for each in _blocks(array, block_bytes)]
    blocks = _located(table, targets, start)
    _read_blocks(path, blocks, file_id, cipher)
    return Contents(fields, {name: _native(each) for name, each in arrays.items()}, digest)


def _table(
    file: BufferedReader, head: bytes, start: int, size: int
) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return each block's length and digest, and the file's digest, after checking them."""
    file.seek(size - _ROW.size)
    count, digest = _ROW.unpack(file.read(_ROW.size))
    table_at = size - _ROW.size * (count + 1)
    if table_at < start:
        raise SegmentError(_CUT)
    file.seek(table_at)
    table = file.read(_ROW.size * count)
    if hashlib.sha256(head + table).digest() != digest:
        raise SegmentError(_ALTERED)
    rows = list(_ROW.iter_unpack(table))
    if start + sum(length for length, _ in rows) != table_at:
        raise SegmentError(_CUT)
    return rows, digest


def _parse_header(header: bytes, size: int) -> tuple[Fields, dict[str, NDArray[Any]], int]:
    """Return the fields, an array to fill for each array of the file, and the size of a block."""
    try:
        parsed = json.loads(header)
        fields, listed, block_bytes = parsed["fields"], parsed["arrays"], parsed["block_bytes"]
        shapes = {str(name): (str(dtype), tuple(shape)) for name, dtype, shape in listed}
    except (ValueError, KeyError, TypeError) as error:
        raise SegmentError(_ALTERED) from error
    total_bytes = 0
    for dtype, shape in shapes.values():
        if dtype not in _DTYPES or not all(type(each) is int and each >= 0 for each in shape):
            raise SegmentError(_ALTERED)
        total_bytes += math.prod(shape) * np.dtype(dtype).itemsize
    if not isinstance(fields, dict) or len(shapes) != len(listed) or total_bytes > size:
        raise SegmentError(_ALTERED)
    if type(block_bytes) is not int or block_bytes < 1:
        raise SegmentError(_ALTERED)
    arrays = {
        name: aligned_empty(math.prod(shape), dtype).reshape(shape)
        for name, (dtype, shape) in shapes.items()
    }
    return fields, arrays, block_bytes


def _located(table: list[tuple[int, bytes]], targets: list[memoryview], start: int) -> list[_Block]:
    """Return where each block is in the file, and the memory to which it is read."""
    if len(targets) != len(table):
        raise SegmentError(_ALTERED)
    blocks = []
    for number, ((length, digest), target) in enumerate(zip(table, targets, strict=True), 1):
        blocks.append(_Block(number, start, length, digest, target))
        start += length
    return blocks


def _read_blocks(
    path: Path, blocks: list[_Block], file_id: bytes, cipher: BlockCipher | None
) -> None:
    """Read and check all blocks; each thread takes a run of consecutive blocks."""

    def read(run: list[_Block]) -> None:
        if run:
            with path.open("rb", buffering=0) as file:
                file.seek(run[0].offset)
                for each in run:
                    _read_block(file, each, file_id, cipher)

    half = len(blocks) // _THREADS
    if half < _WORTH_A_THREAD:
        read(blocks)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        runs = [blocks[i * half : (i + 1) * half] for i in range(_THREADS - 1)]
        for _ in threads.map(read, [*runs, blocks[(_THREADS - 1) * half :]]):
            pass


def _read_block(file: Any, block: _Block, file_id: bytes, cipher: BlockCipher | None) -> None:
    plain = cipher is None
    if plain and block.length != len(block.target):
        raise SegmentError(_ALTERED)
    stored = block.target if plain else memoryview(bytearray(block.length))
    done = 0
    while done < block.length:
        read = file.readinto(stored[done:])
        if not read:
            raise SegmentError(_CUT)
        done += read
    if hashlib.sha256(stored).digest() != block.digest:
        raise SegmentError(_ALTERED)
    if not plain:
        opened = _open(stored, file_id, block.number, cipher)
        if len(opened) != len(block.target):
            raise SegmentError(_ALTERED)
        block.target[:] = opened


def _native(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("="), copy=False)
