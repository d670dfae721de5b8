"""What was withdrawn after a backup does not come back with it."""

from pathlib import Path

import pytest
from sqlalchemy import select

from hashsvc import audit
from hashsvc.bank import Bank, UnknownCaseError, erase_again
from hashsvc.settings import Settings
from hashsvc.store import Database, backups, cases, data_keys, erasures
from hashsvc.store.tables import audit_entry
from tests.bank.conftest import new_content
from tests.store.conftest import START, Clock, rows_of


@pytest.fixture
def before(bank: Bank, database: Database, tmp_path: Path) -> list[str]:
    """Three cases of two contents each, of which there is a backup."""
    numbers = []
    for place in range(3):
        numbers.append(bank.open_case(adult=True, actor="intake").number)
        seeds = (2 * place, 2 * place + 1)
        bank.add_contents(numbers[-1], [new_content(each) for each in seeds], actor="intake")
    backups.back_up(database, tmp_path / "backup", version="0.1.0", now=START)
    return numbers


def restored(settings: Settings, tmp_path: Path, ids: list[str], clock: Clock) -> Database:
    there = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    there.data_dir.mkdir()
    key = settings.data_dir / "key-encryption-key"
    (there.data_dir / key.name).write_bytes(key.read_bytes())
    with backups.restoring(tmp_path / "backup", there) as database:
        erase_again(Bank(database, clock), database, ids, actor="restore")
    return Database.of(there)


def test_withdrawn_cases_and_contents_stay_withdrawn(
    bank: Bank, database: Database, settings: Settings, tmp_path: Path, clock: Clock,
    before: list[str],
) -> None:  # fmt: skip
    gone, part, whole = before
    bank.withdraw_case(gone, actor="holder")
    bank.withdraw_content(part, new_content(2).public_id, actor="holder")
    ids = erasures.read_list(settings.data_dir / erasures.LIST_NAME)
    assert len(ids) == 2
    there = restored(settings, tmp_path, ids, clock)
    again = Bank(there, clock)
    with pytest.raises(UnknownCaseError):
        again.view(gone, actor="intake")
    left = {
        number: [each.content for each in again.view(number, actor="intake").contents]
        for number in (part, whole)
    }
    assert left == {
        part: [new_content(3).public_id],
        whole: [new_content(4).public_id, new_content(5).public_id],
    }
    with there.read() as connection:
        deeds = connection.execute(select(audit_entry.c.actor, audit_entry.c.action)).all()
        again_done = sorted(action for actor, action in deeds if actor == "restore")
        assert again_done == ["case.withdraw", *["content.withdraw"] * 3]
        audit.verify(connection)
        assert data_keys.count_strays(connection) == 0
        assert sorted(erasures.all_ids(connection)) == sorted(ids)
    there.close()


def test_a_content_and_then_its_case(
    bank: Bank, database: Database, settings: Settings, tmp_path: Path, clock: Clock,
    before: list[str],
) -> None:  # fmt: skip
    """The key of a case keeps its id when it is given anew, so that an old backup's is known."""
    gone = before[0]
    bank.withdraw_content(gone, new_content(0).public_id, actor="holder")
    bank.withdraw_case(gone, actor="holder")
    ids = erasures.read_list(settings.data_dir / erasures.LIST_NAME)
    for order in (ids, ids[::-1]):
        target = tmp_path / str(order is ids)
        target.mkdir()
        (target / "backup").symlink_to(tmp_path / "backup")
        there = restored(settings, target, order, clock)
        with there.read() as connection:
            assert cases.counts(connection) == (2, 4)
        there.close()


def test_ids_of_what_the_backup_never_held_change_nothing(
    bank: Bank, database: Database, settings: Settings, before: list[str]
) -> None:
    rows = rows_of(settings.data_dir)
    ids = ["records", "e" * 32, "f" * 32]
    assert erase_again(bank, database, ids, actor="restore") == 0
    assert rows_of(settings.data_dir) == rows
