"""An export can be checked without the service, and every change to it is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashsvc.audit import (
    AuditError,
    BadSignatureError,
    BrokenChainError,
    LogSigner,
    MalformedError,
    PublicKey,
    SigningKey,
    exports,
)
from hashsvc.audit.chain import digest_of
from hashsvc.store import Database, audit_entries
from tests.helpers.set_clock import START


@pytest.fixture
def exported(log_signer: LogSigner, database: Database) -> list[str]:
    """The lines of an export of six entries."""
    with database.read() as connection:
        return list(exports.lines(connection, log_signer.key(), START))


@pytest.fixture
def key(log_signer: LogSigner) -> PublicKey:
    return log_signer.key().public()


def changed(line: str, **values: Any) -> str:
    return json.dumps(json.loads(line) | values)


def test_an_export_has_all_entries_and_a_checkpoint(
    exported: list[str], key: PublicKey, database: Database
) -> None:
    with database.read() as connection:
        entries = audit_entries.page(connection, after=0, limit=10)
    parsed = [json.loads(line) for line in exported]
    assert [each.get("seq") for each in parsed] == [1, 2, 3, 4, 5, 6, None]
    assert [bytes.fromhex(each["digest"]) for each in parsed[:-1]] == [e.digest for e in entries]
    assert set(parsed[0]) == {"seq", "at", "actor", "action", "subject", "digest", "blind"}
    assert exports.verify_lines(exported, key) == 6


def test_the_size_of_pages_does_not_matter(
    log_signer: LogSigner, database: Database, exported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for page in range(1, 8):
        monkeypatch.setattr(exports, "PAGE", page)
        with database.read() as connection:
            assert list(exports.lines(connection, log_signer.key(), START)) == exported


def test_an_empty_log_can_be_exported(database: Database, tmp_path: Path) -> None:
    key = SigningKey.at(tmp_path / "key")
    with database.read() as connection:
        (line,) = exports.lines(connection, key, START)
    assert exports.verify_lines([line], key.public()) == 0


ALTERED = {"at": "2026-01-05T09:30:01.5+00:00", "actor": "kez", "action": "x", "subject": ""}


@pytest.mark.parametrize("field", [*ALTERED, "digest"])
@pytest.mark.parametrize("entry", [1, 3, 6])
def test_an_altered_entry_is_named(
    exported: list[str], key: PublicKey, field: str, entry: int
) -> None:
    value = ALTERED.get(field, "00" * 32)
    exported[entry - 1] = changed(exported[entry - 1], **{field: value})
    with pytest.raises(BrokenChainError, match=f"entry {entry}: it was altered"):
        exports.verify_lines(exported, key)


@pytest.mark.parametrize("entry", range(1, 7))
def test_a_removed_entry_is_named(exported: list[str], key: PublicKey, entry: int) -> None:
    del exported[entry - 1]
    expected = f"entry {entry}: it is missing"
    with pytest.raises(BrokenChainError, match=expected):
        exports.verify_lines(exported, key)


@pytest.mark.parametrize("first", range(1, 8))
def test_a_missing_end_is_found(exported: list[str], key: PublicKey, first: int) -> None:
    with pytest.raises(MalformedError, match="its end is missing"):
        exports.verify_lines(exported[: first - 1], key)


@pytest.mark.parametrize("first", range(1, 6))
def test_moved_entries_are_named(exported: list[str], key: PublicKey, first: int) -> None:
    exported[first - 1], exported[first] = exported[first], exported[first - 1]
    with pytest.raises(BrokenChainError, match=f"entry {first}: it is missing"):
        exports.verify_lines(exported, key)


def test_a_repeated_entry_is_named(exported: list[str], key: PublicKey) -> None:
    exported.insert(3, exported[2])
    with pytest.raises(BrokenChainError, match="entry 4: entry 3 is in its place"):
        exports.verify_lines(exported, key)


def test_an_entry_added_with_the_right_digest_is_named(exported: list[str], key: PublicKey) -> None:
    before = bytes.fromhex(json.loads(exported[5])["digest"])
    digest = digest_of(before, 7, START, "key", "thing.do", "thing")
    added = changed(exported[5], seq=7, at=START.isoformat(), subject="thing", digest=digest.hex())
    exported.insert(6, added)
    with pytest.raises(BrokenChainError, match="entry 7: it was added after the signing"):
        exports.verify_lines(exported, key)


def test_rewritten_entries_disagree_with_the_checkpoint(
    exported: list[str], key: PublicKey
) -> None:
    before, rewritten = bytes(32), []
    for line in exported[:-1]:
        each = json.loads(line) | {"actor": "nobody"}
        at = START.fromisoformat(each["at"])
        before = digest_of(before, each["seq"], at, "nobody", each["action"], each["subject"])
        rewritten.append(json.dumps(each | {"digest": before.hex()}))
    with pytest.raises(BrokenChainError, match="entry 1: it, or a later one up to 6, is not"):
        exports.verify_lines([*rewritten, exported[-1]], key)


def test_a_checkpoint_signed_by_another_key_is_refused(
    exported: list[str], key: PublicKey, database: Database, tmp_path: Path
) -> None:
    other = SigningKey.at(tmp_path / "other")
    with database.read() as connection:
        forged = list(exports.lines(connection, other, START))
    with pytest.raises(BadSignatureError):
        exports.verify_lines(forged, key)
    with pytest.raises(BadSignatureError):
        exports.verify_lines(exported, other.public())


def test_an_older_export_disagrees_with_a_witness_who_has_seen_more(
    exported: list[str], key: PublicKey, log_signer: LogSigner, add: Callable[[int], None]
) -> None:
    first = log_signer.checkpoint()
    add(2)
    second = log_signer.checkpoint()
    assert exports.verify_lines(exported, key, [first]) == 6
    with pytest.raises(BrokenChainError, match="entry 7: it is missing; 8 entries were signed"):
        exports.verify_lines(exported, key, [first, second])


@pytest.mark.parametrize("line", ["canary", "[]", "{}", "5", '{"seq": "x"}', "", '{"seq": 1}'])
def test_a_malformed_line_is_named_and_not_repeated(
    exported: list[str], key: PublicKey, line: str
) -> None:
    exported[2] = line
    with pytest.raises(MalformedError, match="Line 3 of the export is not") as raised:
        exports.verify_lines(exported, key)
    assert "canary" not in str(raised.value)


def test_a_broken_log_cannot_be_exported(log_signer: LogSigner, database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET actor = 'x' WHERE seq = 4")
    with pytest.raises(AuditError, match="entry 4"), database.read() as connection:
        list(exports.lines(connection, log_signer.key(), START))
