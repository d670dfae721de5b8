"""The local commands work with PostgreSQL, and report its absence in one line."""

import pytest

from hashsvc.bank import Bank
from hashsvc.settings import Settings
from hashsvc.store import Database, cases, erasures
from tests.cli.conftest import Run
from tests.helpers.postgresql import KEY


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    return {
        "HASHSVC_DATABASE_URL": settings.database_url,
        "HASHSVC_KEY_ENCRYPTION_KEY": KEY,
        "HASHSVC_DATA_DIR": str(settings.data_dir),
    }


def test_a_withdrawal_is_repeated_after_an_older_dump_is_restored(
    run: Run, variables: dict[str, str], database: Database, settings: Settings
) -> None:
    bank = Bank(database)
    gone, stays = (bank.open_case(adult=True, actor="intake").number for _ in range(2))
    with database.read() as connection:
        key_id = cases.case_by_number(connection, gone).key_id
    # The list is newer than the dump: it names a withdrawal that the dump does not know.
    settings.data_dir.mkdir(exist_ok=True)
    erasures.list_beside(settings.data_dir, [key_id])
    done = run("bank", "withdraw-again", **variables)
    assert done.exit_code == 0, done.stderr
    assert "1 withdrawals were repeated" in done.stderr
    with database.read() as connection:
        assert cases.number_by_key(connection, key_id) is None
        assert cases.case_by_number(connection, stays).number == stays
        assert erasures.unpurged(connection) == []


def test_purge_and_proof_say_what_they_looked_at(run: Run, variables: dict[str, str]) -> None:
    assert "table of keys was rewritten" in run("bank", "purge", **variables).stderr


def test_backup_refers_to_pg_dump(run: Run, variables: dict[str, str]) -> None:
    done = run("backup", "somewhere", **variables)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert "pg_dump" in line


@pytest.mark.parametrize("command", [("worker",), ("serve",), ("keys", "list"), ("bank", "purge")])
def test_a_missing_server_is_reported_in_one_line(
    run: Run, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    url = "postgresql+psycopg://canary:canary@127.0.0.1:1/canary"
    done = run(*command, **variables | {"HASHSVC_DATABASE_URL": url})
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line == "The database cannot be opened. Is its URL right, and is it there?"
    assert "canary" not in done.output
