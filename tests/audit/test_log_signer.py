"""Once entries are signed, altering, cutting off or rewriting them is found."""

import fcntl
import hashlib
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from hashsvc.audit import BadSignatureError, BrokenChainError, LogSigner, MalformedError
from hashsvc.audit.chain import digest_of
from hashsvc.settings import Settings
from hashsvc.store import Database, audit_entries
from tests.audit.tampering import cut_off, rewrite_log
from tests.helpers.set_clock import START
from tests.helpers.waiting import wait_until

Add = Callable[[int], None]


def test_a_checkpoint_names_the_last_entry(
    log_signer: LogSigner, database: Database, settings: Settings
) -> None:
    made = log_signer.checkpoint()
    with database.read() as connection:
        last = audit_entries.last(connection)
    assert last is not None
    assert (made.seq, made.digest, made.at) == (6, last.digest, START)
    log_signer.key().public().check(made)
    assert (settings.data_dir / "audit.anchor").read_text() == made.dump() + "\n"
    assert log_signer.verify() == 6


def test_an_empty_log_can_be_signed(database: Database, settings: Settings) -> None:
    log_signer = LogSigner(settings, database, lambda: START)
    assert (log_signer.checkpoint().seq, log_signer.checkpoint().digest) == (0, bytes(32))
    assert log_signer.verify() == 0


def test_a_log_without_new_entries_is_not_signed_again(log_signer: LogSigner, add: Add) -> None:
    first = log_signer.checkpoint()
    assert log_signer.checkpoint() == first
    add(2)
    second = log_signer.checkpoint()
    assert second.seq == 8
    assert log_signer.checkpoints() == [first, second]
    assert log_signer.verify() == 8


def test_a_reader_waits_until_another_process_has_written_its_line(
    log_signer: LogSigner, settings: Settings, add: Add
) -> None:
    """The other process is stopped in the middle of a checkpoint."""
    first = log_signer.checkpoint()
    add(1)
    second = log_signer.checkpoint()
    anchor = settings.data_dir / "audit.anchor"
    line = second.dump() + "\n"
    anchor.write_text(first.dump() + "\n")
    found: list[object] = []

    def read() -> None:
        try:
            found.append(log_signer.checkpoints())
        except MalformedError as error:
            found.append(error)

    reader = threading.Thread(target=read)
    with anchor.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(line[:50])
        other.flush()
        reader.start()
        reader.join(timeout=0.5)
        other.write(line[50:])
    reader.join()
    assert found == [[first, second]]


@pytest.mark.parametrize("entry", range(1, 7))
def test_a_rewritten_log_is_found(
    log_signer: LogSigner, database: Database, add: Add, entry: int
) -> None:
    """Only the anchor file shows it: the rewritten entries are chained correctly."""
    log_signer.checkpoint()
    add(3)
    assert log_signer.verify() == 9
    rewrite_log(database, entry)
    with pytest.raises(BrokenChainError, match=r"entry 1: it, or a later one up to 6, is not"):
        log_signer.verify()
    # A rewritten log is not signed.
    with pytest.raises(BrokenChainError, match="entry 6"):
        log_signer.checkpoint()
    assert [each.seq for each in log_signer.checkpoints()] == [6]


def test_the_error_names_the_first_entry_after_the_last_matching_checkpoint(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    log_signer.checkpoint()
    add(3)
    log_signer.checkpoint()
    rewrite_log(database, 8)
    with pytest.raises(BrokenChainError, match=r"entry 7: it, or a later one up to 9, is not"):
        log_signer.verify()


@pytest.mark.parametrize("first", range(1, 7))
def test_a_removed_end_is_found_even_without_a_trace_in_the_database(
    log_signer: LogSigner, database: Database, add: Add, first: int
) -> None:
    log_signer.checkpoint()
    cut_off(database, first)
    expected = rf"broken at entry {first}: it is missing; 6 entries were signed on 2026-01-05"
    with pytest.raises(BrokenChainError, match=expected):
        log_signer.verify()
    with pytest.raises(BrokenChainError):
        log_signer.checkpoint()
    # Adding new entries does not hide it.
    add(6)
    with pytest.raises(BrokenChainError, match="entry 1: it, or a later one up to 6"):
        log_signer.verify()
    with pytest.raises(BrokenChainError):
        log_signer.checkpoint()


def test_entries_that_are_not_signed_yet_are_not_protected(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    """This is why the log is signed often."""
    log_signer.checkpoint()
    add(3)
    cut_off(database, 7)
    assert log_signer.verify() == 6


def test_an_altered_entry_after_the_last_checkpoint_is_not_signed(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    log_signer.checkpoint()
    add(3)
    with database.write() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 8"))
    with pytest.raises(BrokenChainError, match="entry 8: it was altered"):
        log_signer.checkpoint()


def test_a_forged_anchor_file_is_found(
    log_signer: LogSigner, database: Database, settings: Settings
) -> None:
    made = log_signer.checkpoint()
    rewrite_log(database, 2)
    with database.read() as connection:
        last = audit_entries.last(connection)
    assert last is not None
    forged = made.as_json() | {"digest": last.digest.hex()}
    (settings.data_dir / "audit.anchor").write_text(json.dumps(forged) + "\n")
    with pytest.raises(BadSignatureError):
        log_signer.verify()
    (settings.data_dir / "audit.anchor").write_text("\n")
    with pytest.raises(MalformedError, match="Line 1"):
        log_signer.verify()


def test_settings_can_move_the_key_and_the_anchor_file(
    settings: Settings, database: Database, add: Add, tmp_path: Path
) -> None:
    add(1)
    elsewhere = settings.model_copy(
        update={"audit_key_file": tmp_path / "k", "audit_anchor_file": tmp_path / "a"}
    )
    LogSigner(elsewhere, database).checkpoint()
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "a").read_text().splitlines()) == 1
    assert not list(settings.data_dir.glob("audit*"))


def test_a_running_log_signer_signs_at_intervals_and_when_it_stops(
    settings: Settings, database: Database, add: Add
) -> None:
    log_signer = LogSigner(
        settings.model_copy(update={"audit_checkpoint_s": 0.01}), database, lambda: START
    )
    with capture_logs():
        log_signer.start()
        wait_until(lambda: len(log_signer.checkpoints()) == 1)
        add(2)
        wait_until(lambda: log_signer.checkpoints()[-1].seq == 2)
        log_signer.stop()
        # It signs the last entries when it stops, and it can be started again.
        settled = LogSigner(settings, database, lambda: START + timedelta(days=1))
        settled.start()
        settled.stop()
        settled.start()
        add(1)
        settled.stop()
    assert settled.checkpoints()[-1].seq == 3
    assert settled.verify() == 3


def test_a_broken_log_is_logged_and_does_not_stop_the_thread(
    log_signer: LogSigner, database: Database
) -> None:
    log_signer.checkpoint()
    rewrite_log(database, 2)
    with capture_logs() as logs:
        log_signer.start()
        wait_until(lambda: any(each["event"] == "audit.broken" for each in logs))
        log_signer.stop()
    logged = next(each for each in logs if each["event"] == "audit.broken")
    assert "entry 6" in logged["error"]
    assert logged["log_level"] == "error"


def test_a_failing_database_is_logged_and_does_not_stop_the_thread(
    log_signer: LogSigner, database: Database
) -> None:
    with database.write() as connection:
        connection.execute(text("ALTER TABLE audit_entry RENAME TO gone"))
    with capture_logs() as logs:
        log_signer.start()
        wait_until(lambda: bool(logs))
        log_signer.stop()
    assert logs[0]["event"] == "audit.checkpoint_failed"
    assert "gone" not in str(logs)


def test_digests_are_sha256() -> None:
    body = b'[1,"2026-01-05T09:30:00.000000+00:00","a","b","c"]'
    digest = digest_of(bytes(32), 1, START, "a", "b", "c")
    assert digest == hashlib.sha256(bytes(32) + body).digest()
