"""The proof finds every code in any file, whole or in part, and images that the bank still has."""

import random
from pathlib import Path

import pytest

from hashsvc.bank import Bank, Proof, proof, prove_withdrawn
from hashsvc.settings import Settings
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import Database
from hashsvc.store.tables import case
from tests.helpers.cases import new_content, signature
from tests.helpers.set_clock import SetClock

IMAGE = signature(1)
(CODE, *_) = (each.signal.code for each in IMAGE.signals)


def prove(database: Database, folder: Path, image: Signature = IMAGE) -> Proof:
    return prove_withdrawn(database, folder, [image])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with some files that do not contain a code."""
    folder = tmp_path / "files"
    (folder / "below").mkdir(parents=True)
    rng = random.Random(2)
    (folder / "empty").touch()
    (folder / "short").write_bytes(b"x")
    (folder / "zeros").write_bytes(bytes(100_000))
    (folder / "below" / "random").write_bytes(rng.randbytes(200_000))
    (folder / "below" / "hex.log").write_text(rng.randbytes(50_000).hex())
    return folder


def test_a_proof_holds_if_no_file_contains_a_code(database: Database, folder: Path) -> None:
    proven = prove(database, folder)
    assert proven.holds
    assert (proven.codes, proven.too_plain, proven.files) == (3, 0, 5)
    assert proven.bytes == sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


LEFT = {
    "bytes": CODE,
    "eight bytes": CODE[11:19],
    "hex": CODE.hex().encode(),
    "upper hex": CODE.hex().upper().encode(),
    "part of hex": CODE.hex().encode()[3:19],
}


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("at", [0, 1, 5, 4_090, 8_190, 99_991])
def test_any_part_left_anywhere_is_found(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, at: int
) -> None:
    """Some places lie across the border of two chunks."""
    monkeypatch.setattr(proof, "CHUNK_BYTES", 4_096)
    path = folder / "zeros"
    path.write_bytes(path.read_bytes()[:at] + LEFT[what] + path.read_bytes()[at:])
    proven = prove(database, folder)
    assert not proven.holds
    assert proven.found_in == ("zeros",)


@pytest.mark.parametrize("part", [CODE[:7], CODE.hex().encode()[:15]], ids=["bytes", "hex"])
def test_fewer_than_eight_bytes_are_not_taken_for_a_code(
    database: Database, folder: Path, part: bytes
) -> None:
    (folder / "short").write_bytes(b"..." + part + b"...")
    assert prove(database, folder).holds


def test_a_code_of_zeros_is_counted_but_not_searched_for(database: Database, folder: Path) -> None:
    plain = ViewedSignal(Signal("dhash1", bytes(8)), View.WHOLE)
    proven = prove(database, folder, Signature(100, (*IMAGE.signals, plain)))
    assert (proven.holds, proven.codes, proven.too_plain) == (True, 3, 1)


def test_an_image_that_is_in_the_bank_is_found_there(
    bank: Bank, database: Database, settings: Settings, clock: SetClock, number: str
) -> None:
    """No file shows its codes, because they are sealed, so the bank is searched too."""
    bank.add_contents(number, [new_content(1), new_content(2)], actor="intake")
    proven = prove(database, settings.data_dir)
    assert (proven.holds, proven.live_contents, proven.found_in) == (False, 1, ())
    bank.withdraw_content(number, new_content(1).public_id, actor="intake")
    proven = prove(database, settings.data_dir)
    assert (proven.holds, proven.rewritten) == (True, False)
    assert prove(database, settings.data_dir, signature(2)).live_contents == 1
    assert database.purge(clock())
    assert prove(database, settings.data_dir).rewritten


def test_a_data_key_without_a_case_is_found(
    bank: Bank, database: Database, settings: Settings, number: str
) -> None:
    assert prove(database, settings.data_dir).stray_keys == 0
    with database.write() as connection:
        connection.execute(case.delete())
    proven = prove(database, settings.data_dir)
    assert (proven.holds, proven.stray_keys) == (False, 1)
