"""What was signed once cannot be altered, cut off or written anew without being found."""

import hashlib
import json
import time
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
from tests.audit.conftest import START

Add = Callable[[int], None]


def write_anew(database: Database, first: int, actor: str = "nobody") -> None:
    """Alter an entry, and chain it and all after it as whoever knows how would do."""
    with database.write() as connection:
        entries = audit_entries.page(connection, after=0, limit=100)
        before = bytes(32)
        for entry in entries:
            name = actor if entry.seq == first else entry.actor
            before = digest_of(before, entry.seq, entry.at, name, entry.action, entry.subject)
            connection.execute(
                text("UPDATE audit_entry SET actor = :actor, digest = :digest WHERE seq = :seq"),
                {"actor": name, "digest": before, "seq": entry.seq},
            )


def cut_off(database: Database, first: int) -> None:
    """Remove the entries from one on, and every trace of them."""
    with database.write() as connection:
        for statement in (
            "DELETE FROM audit_entry WHERE seq >= :first",
            "UPDATE sqlite_sequence SET seq = :first - 1 WHERE name = 'audit_entry'",
        ):
            connection.execute(text(statement), {"first": first})


def test_a_checkpoint_is_of_the_last_entry(
    log_signer: LogSigner, database: Database, settings: Settings
) -> None:
    made = log_signer.checkpoint()
    with database.read() as connection:
        last = audit_entries.last(connection)
    assert (made.seq, made.digest, made.at) == (6, last.digest, START)
    log_signer.key().public().check(made)
    assert (settings.data_dir / "audit.anchor").read_text() == made.dump() + "\n"
    assert log_signer.verify() == 6


def test_an_empty_log_can_be_signed_too(database: Database, settings: Settings) -> None:
    log_signer = LogSigner(settings, database, lambda: START)
    assert (log_signer.checkpoint().seq, log_signer.checkpoint().digest) == (0, bytes(32))
    assert log_signer.verify() == 0


def test_the_same_end_is_signed_once(log_signer: LogSigner, add: Add) -> None:
    first = log_signer.checkpoint()
    assert log_signer.checkpoint() == first
    add(2)
    second = log_signer.checkpoint()
    assert second.seq == 8
    assert log_signer.checkpoints() == [first, second]
    assert log_signer.verify() == 8


@pytest.mark.parametrize("entry", range(1, 7))
def test_a_log_written_anew_is_found(
    log_signer: LogSigner, database: Database, add: Add, entry: int
) -> None:
    """Without the anchor nothing shows: every entry follows from the one before."""
    log_signer.checkpoint()
    add(3)
    assert log_signer.verify() == 9
    write_anew(database, entry)
    with pytest.raises(BrokenChainError, match=r"broken at entry 1: it, or one up to 6, is not"):
        log_signer.verify()
    # And it is not signed as if nothing had been.
    with pytest.raises(BrokenChainError, match="entry 6"):
        log_signer.checkpoint()
    assert [each.seq for each in log_signer.checkpoints()] == [6]


def test_the_place_is_told_as_closely_as_checkpoints_allow(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    log_signer.checkpoint()
    add(3)
    log_signer.checkpoint()
    write_anew(database, 8)
    with pytest.raises(BrokenChainError, match=r"broken at entry 7: it, or one up to 9, is not"):
        log_signer.verify()


@pytest.mark.parametrize("first", range(1, 7))
def test_an_end_cut_off_without_a_trace_is_found(
    log_signer: LogSigner, database: Database, add: Add, first: int
) -> None:
    log_signer.checkpoint()
    cut_off(database, first)
    expected = rf"broken at entry {first}: it is missing; 6 entries were signed on 2026-01-05"
    with pytest.raises(BrokenChainError, match=expected):
        log_signer.verify()
    with pytest.raises(BrokenChainError):
        log_signer.checkpoint()
    # Nor does it help to let the log grow again.
    add(6)
    with pytest.raises(BrokenChainError, match="entry 1: it, or one up to 6"):
        log_signer.verify()
    with pytest.raises(BrokenChainError):
        log_signer.checkpoint()


def test_what_was_not_signed_yet_is_not_protected(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    """That is the reason to sign often."""
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


def test_a_forged_anchor_is_found(
    log_signer: LogSigner, database: Database, settings: Settings
) -> None:
    made = log_signer.checkpoint()
    write_anew(database, 2)
    with database.read() as connection:
        digest = audit_entries.last(connection).digest
    forged = made.as_json() | {"digest": digest.hex()}
    (settings.data_dir / "audit.anchor").write_text(json.dumps(forged) + "\n")
    with pytest.raises(BadSignatureError):
        log_signer.verify()
    (settings.data_dir / "audit.anchor").write_text("\n")
    with pytest.raises(MalformedError, match="Line 1"):
        log_signer.verify()


def test_key_and_anchor_may_be_elsewhere(
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


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_while_the_service_runs_it_signs_again_and_again(
    settings: Settings, database: Database, add: Add
) -> None:
    log_signer = LogSigner(
        settings.model_copy(update={"audit_checkpoint_s": 0.01}), database, lambda: START
    )
    with capture_logs():
        log_signer.start()
        wait_for(lambda: len(log_signer.checkpoints()) == 1)
        add(2)
        wait_for(lambda: log_signer.checkpoints()[-1].seq == 2)
        log_signer.stop()
        # What came at last is signed when it stops; it can be started again.
        settled = LogSigner(settings, database, lambda: START + timedelta(days=1))
        settled.start()
        settled.stop()
        settled.start()
        add(1)
        settled.stop()
    assert settled.checkpoints()[-1].seq == 3
    assert settled.verify() == 3


def test_a_broken_log_is_told_to_the_operator_and_stops_nothing(
    log_signer: LogSigner, database: Database
) -> None:
    log_signer.checkpoint()
    write_anew(database, 2)
    with capture_logs() as logs:
        log_signer.start()
        wait_for(lambda: any(each["event"] == "audit.broken" for each in logs))
        log_signer.stop()
    told = next(each for each in logs if each["event"] == "audit.broken")
    assert "entry 6" in told["error"]
    assert told["log_level"] == "error"


def test_a_database_that_fails_stops_nothing(log_signer: LogSigner, database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("ALTER TABLE audit_entry RENAME TO gone"))
    with capture_logs() as logs:
        log_signer.start()
        wait_for(lambda: bool(logs))
        log_signer.stop()
    assert logs[0]["event"] == "audit.checkpoint_failed"
    assert "gone" not in str(logs)


def test_digests_are_those_of_sha256() -> None:
    body = b'[1,"2026-01-05T09:30:00.000000+00:00","a","b","c"]'
    digest = digest_of(bytes(32), 1, START, "a", "b", "c")
    assert digest == hashlib.sha256(bytes(32) + body).digest()
