"""Index files of every version ever written are still read."""

import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from index import ExactSearch, LiveIndex, SegmentError
from index.version1 import read_version1
from tests.index.made import Aes

FILES = Path(__file__).parent / "files"
KEY = Aes(bytes(range(32)))
FOLDERS = [("v1", None), ("v2", None), ("v2-sealed", KEY)]


def right() -> list[tuple[int, int, bytes]]:
    """Return ids, owners and codes as files/make.py has them."""
    codes = np.random.default_rng(20240501).integers(0, 256, (50, 32), dtype=np.uint8)
    every = zip(range(100, 150), codes, strict=True)
    return [
        (each, (each - 100) // 4, code.tobytes()) for each, code in every if each not in {103, 149}
    ]


def held(index: LiveIndex) -> list[tuple[int, int, bytes]]:
    """Return what an index finds for the codes that should be in it, and whatever else."""
    every = right()
    queries = np.frombuffer(b"".join(code for *_, code in every), dtype=np.uint8).reshape(-1, 32)
    hits = index.search(queries, threshold=0)
    assert np.diff(hits.offsets).tolist() == [1] * len(every)
    assert len(index) == len(every)
    found = zip(hits.ids.tolist(), hits.owners.tolist(), queries, strict=True)
    return [(each, owner, code.tobytes()) for each, owner, code in found]


@pytest.mark.parametrize("engine", ["auto", "faiss"])
@pytest.mark.parametrize(("folder", "cipher"), FOLDERS)
def test_it_is_read(folder: str, cipher, engine: str) -> None:
    index = LiveIndex.load(FILES / folder, engine=engine, cipher=cipher)
    assert (index.bits, index.feed_position) == (256, 77)
    assert held(index) == right()
    assert index.remove([103, 149]) == 0


@pytest.mark.parametrize(("folder", "cipher"), FOLDERS)
def test_the_next_save_makes_it_a_new_one(folder: str, cipher, tmp_path: Path) -> None:
    shutil.copytree(FILES / folder, tmp_path / "copy")
    index = LiveIndex.load(tmp_path / "copy", cipher=cipher)
    index.add(np.array([7]), np.zeros((1, 32), np.uint8))
    index.save(tmp_path / "copy", cipher=cipher)
    names = {each.name for each in (tmp_path / "copy").iterdir()}
    assert "manifest.hsx" in names
    assert "codes.hsx" not in names
    loaded = LiveIndex.load(tmp_path / "copy", cipher=cipher)
    assert loaded.remove([7]) == 1
    assert held(loaded) == right()


@pytest.mark.parametrize("engine", ["auto", "faiss"])
def test_tables_that_were_stored_find_the_same(engine: str) -> None:
    """Whoever changes the tables without giving them another number (segment.py) fails here."""
    codes = np.random.default_rng(20240501).integers(0, 256, (300, 8), dtype=np.uint8)
    index = LiveIndex.load(FILES / "v2-tables", engine=engine)
    (part,) = index.parts
    if engine == "auto":
        assert set(part.segment.arrays()) > {"codes"}
    oracle = ExactSearch(64, np.arange(300), codes)
    for threshold in (0, 5, 12, 20, 31):
        ours, right = (each.search(codes[:50] ^ 1, threshold=threshold) for each in (index, oracle))
        assert ours.offsets.tolist() == right.offsets.tolist()
        assert ours.ids.tolist() == right.ids.tolist()
        assert ours.distances.tolist() == right.distances.tolist()


def test_a_file_of_version_1_that_was_cut_or_altered_is_refused(tmp_path: Path) -> None:
    good = (FILES / "v1" / "codes.hsx").read_bytes()
    file = tmp_path / "codes.hsx"
    for place in (*range(60), *range(60, len(good), 23)):
        for data in (good[:place], good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]):
            file.write_bytes(data)
            with pytest.raises(SegmentError):
                read_version1(file)
    file.write_bytes(good)
    assert len(LiveIndex.load(tmp_path)) == 48
    # Nobody may slip plain codes to an index that is to be sealed.
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path, cipher=KEY)


@pytest.mark.parametrize(("bits", "count"), [(255, 1), (0, 0), (64, 2**62), (64, -1), (8, 3)])
def test_a_file_of_version_1_that_makes_no_sense_is_refused(
    bits: int, count: int, tmp_path: Path
) -> None:
    header = struct.pack("<4sIIqq", b"HSX1", 1, bits, 0, count)
    body = bytes(47) if bits == 255 else bytes(count == 3)
    (tmp_path / "codes.hsx").write_bytes(header + hashlib.sha256(header + body).digest() + body)
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path)
