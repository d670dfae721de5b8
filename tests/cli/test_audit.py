"""`hashsvc audit` verifies, signs and exports the log; an export is checked without a service."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run

DATABASE = Path("data/hashsvc.db")


def change(statement: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def filled(run: Run) -> Run:
    """A service with three entries in its log."""
    for _ in range(3):
        assert run("keys", "create", "--role", "scanner").exit_code == 0
    return run


def test_the_log_is_verified_with_its_checkpoints(filled: Run) -> None:
    assert filled("audit", "verify").stderr == (
        "3 entries are in an unbroken chain; 0 of them are signed.\n"
        "NOT SIGNED: anybody who can write to the database could have replaced the whole log.\n"
    )
    printed = filled("audit", "checkpoint").stdout
    assert Path("data/audit.anchor").read_text() == printed
    assert json.loads(printed)["seq"] == 3
    filled("keys", "create", "--role", "scanner")
    done = filled("audit", "verify")
    assert done.stderr == "4 entries are in an unbroken chain; 3 of them are signed.\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE seq = 2", "entry 2: it was altered."),
        ("DELETE FROM audit_entry WHERE seq = 2", "entry 2: it is missing."),
        ("DELETE FROM audit_entry WHERE seq = 3", "entry 3: it is missing; 3 entries were signed"),
    ],
)
def test_a_broken_log_is_reported_in_one_line(filled: Run, statement: str, said: str) -> None:
    filled("audit", "checkpoint")
    change(statement)
    for command in (("verify",), ("checkpoint",), ("export", "out.jsonl")):
        done = filled("audit", *command)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("The audit log is broken at entry ")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr or command[0] == "export"
    assert len(Path("data/audit.anchor").read_text().splitlines()) == 1
    assert not Path("out.jsonl").exists()


def test_a_witness_s_copy_shows_that_the_log_was_cut(filled: Run) -> None:
    """The operator cuts the log and removes all local traces. The witness's copy shows it."""
    filled("audit", "checkpoint")
    Path("copy.anchor").write_bytes(Path("data/audit.anchor").read_bytes())
    change("DELETE FROM audit_entry WHERE seq >= 2")
    change("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'audit_entry'")
    Path("data/audit.anchor").unlink()
    assert filled("audit", "verify").exit_code == 0
    done = filled("audit", "verify", "--anchor", "copy.anchor")
    assert done.exit_code == 1
    assert "entry 2: it is missing; 3 entries were signed" in done.stderr


def test_an_export_is_verified_without_the_service(filled: Run) -> None:
    exported = filled("audit", "export", "out.jsonl")
    key = exported.stderr.split()[-1]
    assert filled("audit", "public-key").stdout == key + "\n"
    assert Path("out.jsonl").stat().st_mode & 0o777 == 0o600
    # The export itself is in the log.
    entries = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [each["seq"] for each in entries if each.get("action") == "audit.export"] == [4]
    elsewhere = {"HASHSVC_DATA_DIR": "/proc/none"}
    done = filled("audit", "verify", "out.jsonl", "--public-key", key, **elsewhere)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "4 entries are in an unbroken chain; all of them are signed.\n"
    # On the service's machine, the command knows the service's key.
    assert filled("audit", "verify", "out.jsonl").exit_code == 0


def test_an_export_is_compared_with_a_witness_s_copy(filled: Run) -> None:
    key = filled("audit", "public-key").stdout.strip()
    filled("audit", "export", "before.jsonl")
    filled("keys", "create", "--role", "scanner")
    filled("audit", "checkpoint")
    filled("audit", "export", "after.jsonl")
    compare = ("--public-key", key, "--anchor", "data/audit.anchor")
    assert filled("audit", "verify", "after.jsonl", *compare).exit_code == 0
    done = filled("audit", "verify", "before.jsonl", *compare)
    assert done.exit_code == 1
    assert "entry 5: it is missing; 5 entries were signed" in done.stderr


def test_an_altered_export_is_found(filled: Run) -> None:
    filled("audit", "export", "out.jsonl")
    file = Path("out.jsonl")
    file.write_text(file.read_text().replace("key.create", "key.revoke", 1))
    done = filled("audit", "verify", "out.jsonl")
    assert (done.exit_code, done.stderr) == (
        1,
        "The audit log is broken at entry 1: it was altered.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "missing.jsonl"), "The export cannot be read."),
        (("verify", "other.jsonl"), "Line 1 of the export is not JSON."),
        (("verify", "--public-key", "canary"), "A public key is 32 bytes, written as base64."),
        (("verify", "--anchor", "missing"), "There is no checkpoint in the anchor file."),
        (("verify", "--anchor", "other.jsonl"), "Line 1 of the anchor file is not a checkpoint."),
        (("export", "other.jsonl"), "The file cannot be created (File exists)."),
        (("export", "no/folder"), "The file cannot be created (No such file or directory)."),
    ],
)
def test_an_error_is_reported_in_one_line(
    filled: Run, arguments: tuple[str, ...], said: str
) -> None:
    Path("other.jsonl").write_text("canary\n")
    done = filled("audit", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == said + "\n"
    assert Path("other.jsonl").read_text() == "canary\n"


def test_a_key_that_others_may_read_signs_nothing(filled: Run) -> None:
    filled("audit", "checkpoint")
    Path("data/audit-signing-key").chmod(0o644)
    done = filled("audit", "checkpoint")
    assert done.exit_code == 1
    assert "0600" in done.stderr


def test_commands_that_read_all_data_are_in_the_log(filled: Run, photos: Path) -> None:
    assert filled("keys", "list").exit_code == 0
    assert filled("backup", "copy").exit_code == 0
    assert filled("bank", "prove-withdrawn", photos / "a-holiday.jpg").exit_code == 0
    assert filled("bank", "purge").exit_code == 0
    entries = "SELECT actor, action, subject FROM audit_entry ORDER BY seq"
    for path, known in ((DATABASE, 4), (Path("copy/hashsvc.db"), 2)):
        with closing(sqlite3.connect(path)) as connection:
            assert (
                connection.execute(entries).fetchall()[3:]
                == [
                    ("cli", "key.list", "3"),
                    ("cli", "backup.make", "all"),
                    ("cli", "bank.prove-withdrawn", "all"),
                    ("cli", "bank.purge", "all"),
                ][:known]
            )
