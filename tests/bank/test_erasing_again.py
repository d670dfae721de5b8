"""A restored backup does not bring back what was withdrawn after the backup was made."""

from pathlib import Path

import pytest
from sqlalchemy import select

from hashsvc import audit
from hashsvc.bank import Bank, UnknownCaseError, erase_again
from hashsvc.settings import Settings
from hashsvc.store import Database, backups, cases, data_keys, erasures
from hashsvc.store.tables import audit_entry
from tests.helpers.cases import new_content
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START, SetClock


@pytest.fixture
def before(bank: Bank, database: Database, tmp_path: Path) -> list[str]:
    """The numbers of three cases with two contents each, all in a backup."""
    numbers = []
    for place in range(3):
        numbers.append(bank.open_case(adult=True, actor="intake").number)
        seeds = (2 * place, 2 * place + 1)
        bank.add_contents(numbers[-1], [new_content(each) for each in seeds], actor="intake")
    backups.back_up(database, tmp_path / "backup", version="0.1.0", now=START)
    return numbers


def restored(settings: Settings, tmp_path: Path, ids: list[str], clock: SetClock) -> Database:
    there = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    there.data_dir.mkdir()
    key = settings.data_dir / "key-encryption-key"
    (there.data_dir / key.name).write_bytes(key.read_bytes())
    with backups.restoring(tmp_path / "backup", there) as database:
        erase_again(Bank(database, clock), database, ids, actor="restore")
    return Database.of(there)


def test_withdrawn_cases_and_contents_stay_withdrawn(
    bank: Bank, database: Database, settings: Settings, tmp_path: Path, clock: SetClock,
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
        entries = connection.execute(select(audit_entry.c.actor, audit_entry.c.action)).all()
        repeated = sorted(action for actor, action in entries if actor == "restore")
        assert repeated == ["case.withdraw", *["content.withdraw"] * 3]
        audit.verify(connection)
        assert data_keys.count_strays(connection) == 0
        assert sorted(erasures.all_ids(connection)) == sorted(ids)
    there.close()


def test_a_content_and_then_its_case_are_erased_in_any_order(
    bank: Bank, database: Database, settings: Settings, tmp_path: Path, clock: SetClock,
    before: list[str],
) -> None:  # fmt: skip
    """A case's new key keeps the id of the old one, so that the case is found in an old backup."""
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


def test_ids_that_the_backup_does_not_have_change_nothing(
    bank: Bank, database: Database, settings: Settings, before: list[str]
) -> None:
    rows = rows_of(settings.data_dir)
    ids = ["records", "e" * 32, "f" * 32]
    assert erase_again(bank, database, ids, actor="restore") == 0
    assert rows_of(settings.data_dir) == rows
