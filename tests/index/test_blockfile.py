"""A block file is read as it was written, or refused."""

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index import SegmentError, blockfile
from index.blockfile import BlockCipher, read_file, write_file
from tests.index.made import Aes

KEY = Aes(bytes(32))
CIPHERS = pytest.mark.parametrize("cipher", [None, KEY], ids=["plain", "sealed"])
_ROW_BYTES = 36


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blockfile, "BLOCK_BYTES", 64)


def some_arrays() -> dict[str, NDArray[Any]]:
    """Return arrays of several types; some take several blocks, one takes none."""
    rng = np.random.default_rng(1)
    return {
        "ids": rng.integers(-9, 9, 18).astype(np.int64),
        "none": np.empty((0, 8), dtype=np.uint8),
        "codes": rng.integers(0, 256, (18, 8), dtype=np.uint8),
        "order": rng.permutation(18).astype(np.uint32),
    }


def equal(ours: dict[str, NDArray[Any]], right: dict[str, NDArray[Any]]) -> bool:
    return list(ours) == list(right) and all(
        ours[name].dtype == array.dtype and np.array_equal(ours[name], array)
        for name, array in right.items()
    )


@CIPHERS
@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(0, 400), max_size=5),
    dtype=st.sampled_from([np.uint8, np.uint32, np.uint64, np.int64]),
    width=st.integers(1, 40),
)
def test_what_is_written_is_read(
    cipher: BlockCipher | None,
    counts: list[int],
    dtype: type[np.integer[Any]],
    width: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("files") / "a.hsx"
    rng = np.random.default_rng(len(counts))
    arrays = {
        f"array {number}": rng.integers(0, 256, (count, width)).astype(dtype)
        for number, count in enumerate(counts)
    }
    fields = {"number": 7, "list": [1, "two", None]}
    digest = write_file(path, fields, arrays, cipher)
    contents = read_file(path, cipher)
    assert contents.fields == fields
    assert equal(contents.arrays, arrays)
    assert contents.digest == digest
    assert all(
        each.flags.c_contiguous and each.flags.writeable for each in contents.arrays.values()
    )


def test_big_endian_arrays_and_slices_are_written_little_endian(tmp_path: Path) -> None:
    rows = np.arange(20, dtype=">i8").reshape(10, 2)
    write_file(tmp_path / "a.hsx", {}, {"rows": rows[::2], "column": rows[:, 1]}, None)
    arrays = read_file(tmp_path / "a.hsx", None).arrays
    assert arrays["rows"].tolist() == rows[::2].tolist()
    assert arrays["column"].tolist() == rows[:, 1].tolist()
    assert struct.pack("<2q", 0, 1) in (tmp_path / "a.hsx").read_bytes()


@CIPHERS
def test_a_file_that_is_cut_anywhere_is_refused(cipher: BlockCipher | None, tmp_path: Path) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), cipher)
    good = path.read_bytes()
    assert equal(read_file(path, cipher).arrays, some_arrays())
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(SegmentError):
            read_file(path, cipher)
    for more in (b"\0", good[-_ROW_BYTES:], good):
        path.write_bytes(good + more)
        with pytest.raises(SegmentError):
            read_file(path, cipher)
    path.unlink()
    with pytest.raises(SegmentError):
        read_file(path, cipher)


@CIPHERS
def test_a_file_with_one_altered_byte_is_refused(
    cipher: BlockCipher | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), cipher)
    good = path.read_bytes()
    for place in range(len(good)):
        flipped = good[place] ^ 1 << place % 8
        path.write_bytes(good[:place] + bytes([flipped]) + good[place + 1 :])
        with pytest.raises(SegmentError):
            read_file(path, cipher)


def with_right_digests(data: bytes) -> bytes:
    """Return a file's bytes with a table and an end that fit its blocks."""
    header_length = struct.unpack_from("<I", data, 28)[0]
    (count,) = struct.unpack_from("<I", data, len(data) - _ROW_BYTES)
    start, place = 32 + header_length, len(data) - _ROW_BYTES * (count + 1)
    table = bytearray()
    at = start
    for number in range(count):
        (length,) = struct.unpack_from("<I", data, place + _ROW_BYTES * number)
        table += struct.pack("<I", length) + hashlib.sha256(data[at : at + length]).digest()
        at += length
    end = struct.pack("<I", count) + hashlib.sha256(data[:start] + table).digest()
    return data[:place] + bytes(table) + end


def blocks_of(data: bytes) -> list[tuple[int, int]]:
    """Return where each block begins and ends."""
    header_length = struct.unpack_from("<I", data, 28)[0]
    (count,) = struct.unpack_from("<I", data, len(data) - _ROW_BYTES)
    place, at, found = len(data) - _ROW_BYTES * (count + 1), 32 + header_length, []
    for number in range(count):
        (length,) = struct.unpack_from("<I", data, place + _ROW_BYTES * number)
        found.append((at, at + length))
        at += length
    return found


def test_the_tests_know_the_format(tmp_path: Path) -> None:
    """Files from `with_right_digests` are read. So in later tests, only the cipher refuses them."""
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), None)
    good = path.read_bytes()
    assert with_right_digests(good) == good
    begin, _ = blocks_of(good)[1]
    path.write_bytes(with_right_digests(good[:begin] + b"\7" + good[begin + 1 :]))
    assert not equal(read_file(path, None).arrays, some_arrays())


def test_the_cipher_refuses_altered_bytes_even_with_right_digests(tmp_path: Path) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), KEY)
    good = path.read_bytes()
    # Alter every byte before the table, except the header's length; compute the digests again.
    for place in range(blocks_of(good)[-1][1]):
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        if not 28 <= place < 32:
            path.write_bytes(with_right_digests(changed))
            with pytest.raises(SegmentError):
                read_file(path, KEY)


def test_blocks_in_another_position_do_not_open(tmp_path: Path) -> None:
    """This holds within a file, and between two files with the same arrays and key."""
    paths = tmp_path / "a.hsx", tmp_path / "b.hsx"
    for each in paths:
        write_file(each, {"a": 1}, some_arrays(), KEY)
    first, second = (each.read_bytes() for each in paths)
    assert len(first) == len(second)
    places = blocks_of(first)
    (begin, end), (other_begin, other_end) = places[0], places[1]
    assert end - begin == other_end - other_begin
    swapped = bytearray(first)
    swapped[begin:end], swapped[other_begin:other_end] = (
        first[other_begin:other_end],
        first[begin:end],
    )
    moved = first[:begin] + second[begin:end] + first[end:]
    header = first[:32] + second[32 : places[0][0]] + first[places[0][0] :]
    for data in (bytes(swapped), moved, header):
        paths[0].write_bytes(with_right_digests(data))
        with pytest.raises(SegmentError):
            read_file(paths[0], KEY)


def test_another_key_does_not_open_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), KEY)
    with pytest.raises(SegmentError, match="not open"):
        read_file(path, Aes(b"\1" * 32))
    with pytest.raises(SegmentError, match="no cipher"):
        read_file(path, None)
    write_file(path, {"a": 1}, some_arrays(), None)
    with pytest.raises(SegmentError, match="not sealed"):
        read_file(path, KEY)


def test_a_sealed_file_shows_no_field_name_or_code(tmp_path: Path) -> None:
    path = tmp_path / "a.hsx"
    arrays = some_arrays()
    write_file(path, {"a field": "a word"}, arrays, KEY)
    data = path.read_bytes()
    for known in (b"a field", b"a word", b"codes", *(each.tobytes() for each in arrays["codes"])):
        assert known not in data


SENSIBLE = '{"fields": {}, "arrays": [["a", "<i8", [0, 3]]], "block_bytes": 64}'


@pytest.mark.parametrize(
    "header",
    [
        SENSIBLE,
        "[]",
        "{}",
        "not json",
        '{"arrays": [], "block_bytes": 64}',
        '{"fields": {}, "arrays": []}',
        '{"fields": {}, "arrays": [], "block_bytes": 0}',
        '{"fields": {}, "arrays": [], "block_bytes": "64"}',
        '{"fields": 3, "arrays": [], "block_bytes": 64}',
        *(
            f'{{"fields": {{}}, "arrays": [{arrays}], "block_bytes": 64}}'
            for arrays in (
                '["a", "|O", [1]]',
                '["a", "<i8", [-1]]',
                '["a", "<i8", [true]]',
                '["a", "<i8", [1e3]]',
                '["a", "<i8", [4611686018427387904, 4]]',
                '["a", "<i8", [1]]',
                '["a", "<i8", [0]], ["a", "<i8", [0]]',
                '["a", "<i8"]',
                '["a", "<i8", 3]',
                "3",
            )
        ),
    ],
)
def test_an_invalid_header_is_refused(header: str, tmp_path: Path) -> None:
    head = struct.pack("<4sII16sI", b"HSX2", 2, 0, bytes(16), len(header)) + header.encode()
    (tmp_path / "a.hsx").write_bytes(head + struct.pack("<I", 0) + hashlib.sha256(head).digest())
    if header == SENSIBLE:
        assert read_file(tmp_path / "a.hsx", None).arrays["a"].shape == (0, 3)
        return
    with pytest.raises(SegmentError):
        read_file(tmp_path / "a.hsx", None)


def test_blocks_of_another_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "a.hsx", {}, some_arrays(), None)
    monkeypatch.setattr(blockfile, "BLOCK_BYTES", 1000)
    assert equal(read_file(tmp_path / "a.hsx", None).arrays, some_arrays())


@pytest.mark.parametrize(("place", "value"), [(0, b"HSX1"), (0, b"HSX3"), (4, b"\3\0\0\0"),
                                              (8, b"\2\0\0\0")])  # fmt: skip
def test_an_unknown_version_is_refused(place: int, value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {}, some_arrays(), None)
    good = path.read_bytes()
    path.write_bytes(with_right_digests(good[:place] + value + good[place + 4 :]))
    with pytest.raises(SegmentError, match=r"version|sealed"):
        read_file(path, None)


def test_only_the_owner_may_read_a_file(tmp_path: Path) -> None:
    write_file(tmp_path / "a.hsx", {}, some_arrays(), None)
    assert (tmp_path / "a.hsx").stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.hsx"
    write_file(path, {"a": 1}, some_arrays(), None)
    written: Callable[..., int] = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 64:
            raise OSError("No space left on the medium.")
        return written(descriptor, data[:7])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            write_file(path, {"a": 2}, some_arrays(), None)
    assert read_file(path, None).fields == {"a": 1}
