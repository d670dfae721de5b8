"""A saved index is read as it was saved, or refused; purged codes are not in the files."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index import Engine, LiveIndex, SegmentError, part_set
from index.blockfile import BlockCipher, read_file, write_file
from index.mih import MihSegment
from tests.index.made import uniform
from tests.index.saved import KEY, files, made, state


@pytest.fixture(autouse=True)
def _small_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_set, "TAIL_CODES", 64)


def test_a_loaded_index_still_uses_the_steadiest_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    codes, steadiest = uniform(30_000, 32, rng), tuple(rng.permutation(256).tolist())
    index = LiveIndex(256, steadiest=steadiest)
    index.add(np.arange(len(codes)), codes)
    index.save(tmp_path)
    loaded = LiveIndex.load(tmp_path, steadiest=steadiest)
    for each in (index, loaded):
        (part,) = each.parts
        assert isinstance(part.segment, MihSegment)
        tables = part.segment.arrays()
        first = tables["bits"][: tables["bits_at"][7]].tolist()
        assert sorted(first) == sorted(steadiest[: len(first)])
        assert part.segment.steady_chunks == 7
    # The segment was read from the file, not built again.
    assert np.array_equal(
        loaded.parts[0].segment.arrays()["entries"],
        index.parts[0].segment.arrays()["entries"],
    )


@pytest.mark.parametrize("cipher", [None, KEY], ids=["plain", "sealed"])
@pytest.mark.parametrize("now", ["auto", "faiss"])
@pytest.mark.parametrize("before", ["auto", "faiss"])
def test_a_loaded_index_equals_the_saved_one(
    before: Engine, now: Engine, cipher: BlockCipher | None, tmp_path: Path
) -> None:
    index, codes = made(9000, engine=before)
    index.save(tmp_path, cipher=cipher)
    loaded = LiveIndex.load(tmp_path, engine=now, cipher=cipher)
    assert state(loaded) == state(index)
    for threshold in (0, 31):
        ours = loaded.search(codes[:500], threshold=threshold)
        right = index.search(codes[:500], threshold=threshold)
        assert ours.ids.tolist() == right.ids.tolist()
        assert ours.owners.tolist() == right.owners.tolist()
    assert loaded.remove([3]) == 0
    assert loaded.remove([4, 8999 - 100]) == 2
    assert loaded.remove_owners([1]) == index.remove_owners([1]) > 0


def test_an_empty_index_can_be_saved_and_loaded(tmp_path: Path) -> None:
    index = LiveIndex(64)
    index.feed_position = 5
    index.save(tmp_path)
    loaded = LiveIndex.load(tmp_path)
    assert (loaded.bits, loaded.feed_position, len(loaded)) == (64, 5, 0)


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    index, _ = made()
    index.save(tmp_path)
    first = files(tmp_path)
    assert len(first) == 4
    index.remove([4])
    index.add(np.array([1000]), np.zeros((1, 32), np.uint8))
    index.save(tmp_path)
    second = files(tmp_path)
    kept = set(first) & set(second)
    # The two sealed parts and the manifest keep their names; the tail is a new file.
    assert len(kept) == 3
    assert [name for name in kept if first[name] != second[name]] == ["manifest.hsx"]
    loaded = LiveIndex.load(tmp_path)
    loaded.add(np.array([1001]), np.zeros((1, 32), np.uint8))
    loaded.save(tmp_path)
    assert set(files(tmp_path)) & set(first) == kept
    loaded.settle()
    loaded.save(tmp_path)
    assert len(files(tmp_path)) == 3
    assert state(LiveIndex.load(tmp_path)) == state(loaded)


def test_a_save_to_another_directory_or_with_another_key_writes_everything(
    tmp_path: Path,
) -> None:
    index, _ = made()
    index.save(tmp_path / "b")
    index.save(tmp_path / "a")
    index.save(tmp_path / "a", cipher=KEY)
    assert state(LiveIndex.load(tmp_path / "b")) == state(index)
    assert state(LiveIndex.load(tmp_path / "a", cipher=KEY)) == state(index)
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path / "a")


def test_a_directory_that_was_emptied_is_filled_again(tmp_path: Path) -> None:
    index, _ = made()
    index.save(tmp_path)
    for each in tmp_path.iterdir():
        each.unlink()
    index.save(tmp_path)
    assert state(LiveIndex.load(tmp_path)) == state(index)


def test_segments_are_built_once_after_a_change_of_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = made(9000, engine="faiss")
    index.save(tmp_path)
    LiveIndex.load(tmp_path).save(tmp_path)

    def none(*_: object) -> None:
        raise AssertionError("A segment was built although it was on disk.")

    monkeypatch.setattr("index.segment.seal", none)
    assert state(LiveIndex.load(tmp_path)) == state(index)


@pytest.mark.parametrize("cipher", [None, KEY], ids=["plain", "sealed"])
def test_a_missing_cut_or_altered_file_is_refused(
    cipher: BlockCipher | None, tmp_path: Path
) -> None:
    index, _ = made(200)
    index.save(tmp_path, cipher=cipher)
    good = files(tmp_path)
    assert len(good) == 4
    for name, data in good.items():
        path = tmp_path / name
        lengths = {*range(0, len(data), 97), *range(40), len(data) - 1, len(data) - 36}
        changed = [data[:length] for length in sorted(lengths)]
        changed += [data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] for at in lengths]
        for each in changed:
            path.write_bytes(each)
            with pytest.raises(SegmentError):
                LiveIndex.load(tmp_path, cipher=cipher)
        path.unlink()
        with pytest.raises(SegmentError):
            LiveIndex.load(tmp_path, cipher=cipher)
        path.write_bytes(data)
    assert len(LiveIndex.load(tmp_path, cipher=cipher)) == 197


@pytest.mark.parametrize("cipher", [None, KEY], ids=["plain", "sealed"])
def test_a_file_under_the_name_of_another_is_refused(
    cipher: BlockCipher | None, tmp_path: Path
) -> None:
    """This holds even if the other file is the same part, written by another save."""
    index, _ = made()
    index.save(tmp_path, cipher=cipher)
    index.save(tmp_path / "again", cipher=cipher)
    names = [name for name in files(tmp_path / "again") if name != "manifest.hsx"]
    ours = [each for each in tmp_path.glob("*.hsx") if each.name != "manifest.hsx"]
    for path in ours:
        data = path.read_bytes()
        for other in (
            *[each for each in ours if each != path],
            *(tmp_path / "again" / n for n in names),
        ):
            path.write_bytes(other.read_bytes())
            with pytest.raises(SegmentError):
                LiveIndex.load(tmp_path, cipher=cipher)
        path.write_bytes(data)
    assert state(LiveIndex.load(tmp_path, cipher=cipher)) == state(index)


Named = dict[str, Any]


def unchanged(fields: Named, arrays: Named) -> None:
    """Change nothing. This is the control, and it must load."""


BROKEN: list[Callable[[Named, Named], object]] = [
    lambda fields, arrays: fields.pop("bits"),
    lambda fields, arrays: fields.update(bits=64),
    lambda fields, arrays: fields.update(bits="many"),
    lambda fields, arrays: fields.update(bits=0, parts=[], tail=None),
    lambda fields, arrays: fields.update(bits=-8, parts=[], tail=None),
    lambda fields, arrays: fields.update(bits=12, parts=[], tail=None),
    lambda fields, arrays: fields.update(checkpoint=None),
    lambda fields, arrays: fields.update(parts=3),
    lambda fields, arrays: fields["parts"][0].update(name="../outside.hsx"),
    lambda fields, arrays: fields.update(parts=[{"name": "a"}]),
    lambda fields, arrays: fields.update(tail=fields["parts"][0]),
    lambda fields, arrays: fields.update(parts=[fields["tail"]]),
    lambda fields, arrays: arrays.update({"dead.0": np.array([10**6], np.uint32)}),
]


@pytest.mark.parametrize("change", [unchanged, *BROKEN])
def test_an_invalid_manifest_is_refused(
    change: Callable[[Named, Named], object], tmp_path: Path
) -> None:
    """Its digest is right, so only a faulty program or an attacker can have written it."""
    index, _ = made()
    directory = tmp_path / "index"
    index.save(directory)
    path = directory / "manifest.hsx"
    manifest = read_file(path, None)
    shutil.copy(directory / manifest.fields["parts"][0]["name"], tmp_path / "outside.hsx")
    change(manifest.fields, manifest.arrays)
    write_file(path, manifest.fields, manifest.arrays, None)
    if change is unchanged:
        assert state(LiveIndex.load(directory)) == state(index)
        return
    with pytest.raises(SegmentError):
        LiveIndex.load(directory)


WRONG: list[Callable[[Named], object]] = [
    lambda arrays: arrays.pop("ids"),
    lambda arrays: arrays.pop("segment.codes"),
    lambda arrays: arrays.update(ids=arrays["ids"][::-1]),
    lambda arrays: arrays.update(ids=arrays["ids"].astype(np.uint64)),
    lambda arrays: arrays.update(ids=arrays["ids"][:-1]),
    lambda arrays: arrays.update(owners=arrays["owners"][:-1]),
    lambda arrays: arrays.update(order=arrays["order"] + np.uint32(1)),
    lambda arrays: arrays.update(order=arrays["order"][::-1]),
    lambda arrays: arrays.update(order=arrays["order"].astype(np.int64)),
    lambda arrays: arrays.update(order=np.empty(0, np.uint32)),
    lambda arrays: arrays.update({"segment.codes": arrays["segment.codes"][:, :8]}),
    lambda arrays: arrays.update({"segment.codes": arrays["segment.codes"].astype(np.uint32)}),
]


@pytest.mark.parametrize("change", [lambda arrays: None, *WRONG])
def test_an_invalid_part_is_refused(change: Callable[[Named], object], tmp_path: Path) -> None:
    index, _ = made()
    index.save(tmp_path)
    path = tmp_path / "manifest.hsx"
    manifest = read_file(path, None)
    entry = manifest.fields["parts"][0]
    part = read_file(tmp_path / entry["name"], None)
    change(part.arrays)
    entry["digest"] = write_file(tmp_path / entry["name"], part.fields, part.arrays, None).hex()
    write_file(path, manifest.fields, manifest.arrays, None)
    if len(part.arrays) == 4 and change not in WRONG:
        assert state(LiveIndex.load(tmp_path)) == state(index)
        return
    with pytest.raises(SegmentError):
        LiveIndex.load(tmp_path)


@pytest.mark.parametrize("engine", ["auto", "faiss"])
def test_a_purge_leaves_no_removed_code_on_disk(engine: Engine, tmp_path: Path) -> None:
    index, codes = made(6000, engine=engine)
    index.save(tmp_path)
    gone = [3, 5950, 5999, 17, 5951, 5990, 5991]
    index.remove(gone)
    on_disk = b"".join(files(tmp_path).values())
    assert all(codes[each].tobytes() in on_disk for each in (17, 18, 5951, 5990))
    index.purge()
    on_disk = b"".join(files(tmp_path).values())
    for each in range(len(codes)):
        assert (codes[each].tobytes() in on_disk) == (each not in gone)
    assert state(LiveIndex.load(tmp_path)) == state(index)


def test_a_purge_after_loading_cleans_the_files_too(tmp_path: Path) -> None:
    index, codes = made()
    index.save(tmp_path)
    loaded = LiveIndex.load(tmp_path)
    loaded.remove_owners([100])
    loaded.purge()
    on_disk = b"".join(files(tmp_path).values())
    removed = set(index.search(codes, threshold=0).ids.tolist())
    removed -= set(loaded.search(codes, threshold=0).ids.tolist())
    assert len(removed) == 3
    for each in (*removed, 3):
        assert codes[each].tobytes() not in on_disk


def test_removed_codes_of_the_tail_are_never_written(tmp_path: Path) -> None:
    index = LiveIndex(64)
    index.add(np.array([1, 2]), np.array([[7] * 8, [9] * 8], dtype=np.uint8))
    index.remove([1])
    index.save(tmp_path)
    on_disk = b"".join(files(tmp_path).values())
    assert bytes([7] * 8) not in on_disk
    assert bytes([9] * 8) in on_disk


def test_with_a_cipher_no_code_is_on_disk(tmp_path: Path) -> None:
    index, codes = made()
    index.save(tmp_path, cipher=KEY)
    on_disk = b"".join(files(tmp_path).values())
    assert not any(code.tobytes() in on_disk for code in codes)


def test_a_save_deletes_old_index_files_and_keeps_others(tmp_path: Path) -> None:
    for name in ("notes.txt", "codes.hsx", "0123.hsx", "4567.hsx.new"):
        (tmp_path / name).write_text("x")
    made()[0].save(tmp_path)
    left = {each.name for each in tmp_path.iterdir()}
    assert "notes.txt" in left
    assert not left & {"codes.hsx", "0123.hsx", "4567.hsx.new"}
