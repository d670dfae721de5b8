"""Index files of every version can still be read."""

import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from index import Engine, ExactSearch, LiveIndex, SegmentError
from index.blockfile import BlockCipher
from index.version1 import read_version1
from tests.index.made import Aes

FILES = Path(__file__).parent / "files"
KEY = Aes(bytes(range(32)))
FOLDERS: list[tuple[str, BlockCipher | None]] = [("v1", None), ("v2", None), ("v2-sealed", KEY)]


def right() -> list[tuple[int, int, bytes]]:
    """Return ids, owners and codes of the live codes that files/make.py saves."""
    codes = np.random.default_rng(20240501).integers(0, 256, (50, 32), dtype=np.uint8)
    every = zip(range(100, 150), codes, strict=True)
    return [
        (each, (each - 100) // 4, code.tobytes()) for each, code in every if each not in {103, 149}
    ]


def content(index: LiveIndex) -> list[tuple[int, int, bytes]]:
    """Return what an index finds for the expected codes, after checking that it has no others."""
    every = right()
    queries = np.frombuffer(b"".join(code for *_, code in every), dtype=np.uint8).reshape(-1, 32)
    hits = index.search(queries, threshold=0)
    assert np.diff(hits.offsets).tolist() == [1] * len(every)
    assert len(index) == len(every)
    found = zip(hits.ids.tolist(), hits.owners.tolist(), queries, strict=True)
    return [(each, owner, code.tobytes()) for each, owner, code in found]


@pytest.mark.parametrize("engine", ["auto", "faiss"])
@pytest.mark.parametrize(("folder", "cipher"), FOLDERS)
def test_an_old_file_is_read(folder: str, cipher: BlockCipher | None, engine: Engine) -> None:
    index = LiveIndex.load(FILES / folder, engine=engine, cipher=cipher)
    assert (index.bits, index.feed_position) == (256, 77)
    assert content(index) == right()
    assert index.remove([103, 149]) == 0


@pytest.mark.parametrize(("folder", "cipher"), FOLDERS)
def test_the_next_save_writes_the_new_format(
    folder: str, cipher: BlockCipher | None, tmp_path: Path
) -> None:
    shutil.copytree(FILES / folder, tmp_path / "copy")
    index = LiveIndex.load(tmp_path / "copy", cipher=cipher)
    index.add(np.array([7]), np.zeros((1, 32), np.uint8))
    index.save(tmp_path / "copy", cipher=cipher)
    names = {each.name for each in (tmp_path / "copy").iterdir()}
    assert "manifest.hsx" in names
    assert "codes.hsx" not in names
    loaded = LiveIndex.load(tmp_path / "copy", cipher=cipher)
    assert loaded.remove([7]) == 1
    assert content(loaded) == right()


@pytest.mark.parametrize("engine", ["auto", "faiss"])
def test_stored_tables_give_the_same_hits(engine: Engine) -> None:
    """This fails if the tables change but keep their format name (segment.py)."""
    codes = np.random.default_rng(20240501).integers(0, 256, (300, 8), dtype=np.uint8)
    index = LiveIndex.load(FILES / "v2-tables", engine=engine)
    (part,) = index.parts
    if engine == "auto":
        assert set(part.segment.arrays()) > {"codes"}
    oracle = ExactSearch(64, np.arange(300), codes)
    queries = (codes[:50] ^ 1).astype(np.uint8)
    for threshold in (0, 5, 12, 20, 31):
        ours, right = (each.search(queries, threshold=threshold) for each in (index, oracle))
        assert ours.offsets.tolist() == right.offsets.tolist()
        assert ours.ids.tolist() == right.ids.tolist()
        assert ours.distances.tolist() == right.distances.tolist()


def test_a_cut_or_altered_file_of_version_1_is_refused(tmp_path: Path) -> None:
    good = (FILES / "v1" / "codes.hsx").read_bytes()
    file = tmp_path / "codes.hsx"
    for place in (*range(60), *range(60, len(good), 23)):
        for data in (good[:place], good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]):
            file.write_bytes(data)
            with pytest.raises(SegmentError):
                read_version1(file)
    file.write_bytes(good)
    assert len(LiveIndex.load(tmp_path)) == 48
    # An index that must be sealed accepts no plain codes.
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path, cipher=KEY)


@pytest.mark.parametrize(("bits", "count"), [(255, 1), (0, 0), (64, 2**62), (64, -1), (8, 3)])
def test_an_invalid_file_of_version_1_is_refused(bits: int, count: int, tmp_path: Path) -> None:
    header = struct.pack("<4sIIqq", b"HSX1", 1, bits, 0, count)
    body = bytes(47) if bits == 255 else bytes(count == 3)
    (tmp_path / "codes.hsx").write_bytes(header + hashlib.sha256(header + body).digest() + body)
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path)
