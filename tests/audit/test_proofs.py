"""An excerpt proves that its entries were in the signed log, and reveals no other entry."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from hashsvc.audit import (
    BadProofError,
    BadSignatureError,
    BrokenChainError,
    Excerpt,
    LogSigner,
    MalformedError,
    SigningKey,
    anchor,
    exports,
    prove,
)
from hashsvc.audit.chain import Chain, body_of
from hashsvc.audit.log import follow
from hashsvc.settings import Settings
from hashsvc.store import Database, audit_entries
from hashsvc.store.audit_entries import AuditEntry
from tests.audit.tampering import cut_off, rewrite_log
from tests.helpers.set_clock import START

Add = Callable[[int], None]


def excerpt_of(log_signer: LogSigner, database: Database, *seqs: int) -> Excerpt:
    checkpoint = log_signer.checkpoint()
    with database.read() as connection:
        return prove(connection, seqs, checkpoint=checkpoint, key=log_signer.key())


@pytest.fixture
def excerpt(log_signer: LogSigner, database: Database) -> Excerpt:
    return excerpt_of(log_signer, database, 5, 2)


def entries_of(database: Database) -> list[AuditEntry]:
    with database.read() as connection:
        return audit_entries.page(connection, after=0, limit=100)


@pytest.mark.parametrize("seqs", [(), (1,), (6,), (3, 3), (2, 5), tuple(range(1, 7))])
def test_any_entries_can_be_proven(
    log_signer: LogSigner, database: Database, seqs: tuple[int, ...]
) -> None:
    excerpt = excerpt_of(log_signer, database, *seqs)
    excerpt.check(log_signer.key().public())
    assert [each.seq for each in excerpt.entries] == sorted(set(seqs))
    for each in excerpt.entries:
        stored = entries_of(database)[each.seq - 1]
        assert (each.at, each.actor) == (stored.at, stored.actor)
        assert (each.action, each.subject) == (stored.action, stored.subject)


def test_a_written_excerpt_can_be_read_again(excerpt: Excerpt) -> None:
    assert Excerpt.parse(json.loads(json.dumps(excerpt.as_json()))) == excerpt


def test_the_checkpoint_of_an_excerpt_is_in_the_anchor_file(
    excerpt: Excerpt, settings: Settings
) -> None:
    (line,) = (settings.data_dir / "audit.anchor").read_text().splitlines()
    assert line == excerpt.checkpoint.dump()


def test_an_excerpt_can_use_an_older_checkpoint(
    log_signer: LogSigner, database: Database, add: Add
) -> None:
    old = log_signer.checkpoint()
    add(9)
    log_signer.checkpoint()
    with database.read() as connection:
        prove(connection, [4], checkpoint=old, key=log_signer.key()).check(
            log_signer.key().public()
        )
        with pytest.raises(BrokenChainError, match="entry 7: it is missing, or was not signed"):
            prove(connection, [7], checkpoint=old, key=log_signer.key())


@pytest.mark.parametrize("seq", range(1, 16))
def test_the_log_is_read_only_from_the_checkpoint_before_the_entries(
    log_signer: LogSigner, database: Database, add: Add, seq: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof is the same as one from the whole log."""
    for _ in range(3):
        log_signer.checkpoint()
        add(3)
    read: list[int] = []
    page = audit_entries.page

    def watched(connection: Connection, *, after: int, limit: int) -> list[AuditEntry]:
        found = page(connection, after=after, limit=limit)
        read.extend(each.seq for each in found)
        return found

    whole = excerpt_of(log_signer, database, seq)
    monkeypatch.setattr(audit_entries, "page", watched)
    assert log_signer.prove([seq]) == whole
    whole.check(log_signer.key().public())
    # The first checkpoint covers six entries, and each later one three more.
    assert min(read) == (1 if seq <= 6 else 7 + (seq - 7) // 3 * 3)
    assert log_signer.prove([]).entries == ()


def test_an_excerpt_does_not_help_to_guess_other_entries(
    excerpt: Excerpt, database: Database
) -> None:
    """It contains neither their fields nor a digest that can be made from the fields alone."""
    text = json.dumps(excerpt.as_json())
    before = bytes(32)
    for entry in entries_of(database):
        words = body_of(entry.seq, entry.at, entry.actor, entry.action, entry.subject)
        guessable = [
            hashlib.sha256(begin + words).hexdigest() for begin in (b"", b"\x00", b"\x01", before)
        ]
        before = entry.digest
        # The checkpoint has the digest of the last entry. Only somebody who has the
        # digest before it can make it, and the excerpt does not contain that digest.
        if entry.seq != excerpt.checkpoint.seq:
            assert not [each for each in guessable if each in text]
            assert before.hex() not in text
    assert "thing 1" in text
    assert [number for number in range(6) if f'"thing {number}"' in text] == [1, 4]


@pytest.mark.parametrize("entry", [0, 1])
@pytest.mark.parametrize(
    "changed",
    [
        {"at": START},
        {"actor": "kez"},
        {"action": "thing.undo"},
        {"subject": "thing 3"},
        {"blind": bytes(32)},
        {"blind": b""},
        {"path": ()},
        {"path": (bytes(32), bytes(32))},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_altered_entry_is_refused(
    excerpt: Excerpt, log_signer: LogSigner, entry: int, changed: dict[str, Any]
) -> None:
    entries = list(excerpt.entries)
    entries[entry] = dataclasses.replace(entries[entry], **changed)
    with pytest.raises(BadProofError, match=rf"Entry {entries[entry].seq} was not"):
        dataclasses.replace(excerpt, entries=tuple(entries)).check(log_signer.key().public())


def test_an_entry_must_have_its_own_number_and_occur_once(
    excerpt: Excerpt, log_signer: LogSigner
) -> None:
    key, (first, second) = log_signer.key().public(), excerpt.entries
    for seq in (1, 3, 4, 6, 7):
        moved = dataclasses.replace(first, seq=seq)
        with pytest.raises(BadProofError):
            dataclasses.replace(excerpt, entries=(moved,)).check(key)
    for entries in ((second, first), (first, first)):
        with pytest.raises(BadProofError, match="out of order"):
            dataclasses.replace(excerpt, entries=entries).check(key)


def test_a_checkpoint_with_other_peaks_or_of_another_key_is_refused(
    excerpt: Excerpt, log_signer: LogSigner, tmp_path: Path
) -> None:
    key, checkpoint = log_signer.key().public(), excerpt.checkpoint
    with pytest.raises(BadSignatureError):
        excerpt.check(SigningKey.at(tmp_path / "other").public())
    for changed in ({"peaks": (bytes(32), bytes(32))}, {"peaks": None}, {"seq": 7}):
        altered = dataclasses.replace(checkpoint, **changed)
        with pytest.raises(BadSignatureError):
            dataclasses.replace(excerpt, checkpoint=altered).check(key)
    old = log_signer.key().sign(6, checkpoint.digest, START)
    with pytest.raises(BadProofError, match="older than the tree"):
        dataclasses.replace(excerpt, checkpoint=old).check(key)


def test_a_rewritten_log_cannot_be_proven(log_signer: LogSigner, database: Database) -> None:
    checkpoint = log_signer.checkpoint()
    rewrite_log(database, 5)
    with database.read() as connection, pytest.raises(BrokenChainError):
        prove(connection, [2], checkpoint=checkpoint, key=log_signer.key())
    cut_off(database, 4)
    with database.read() as connection, pytest.raises(BrokenChainError):
        prove(connection, [2], checkpoint=checkpoint, key=log_signer.key())


@pytest.mark.parametrize("values", [None, [], {}, {"entries": []}, {"entries": 3}])
def test_a_malformed_excerpt_is_refused(values: object) -> None:
    with pytest.raises(MalformedError):
        Excerpt.parse(values)


@pytest.mark.parametrize(
    "changed", [{"seq": "x"}, {"path": 3}, {"path": ["z"]}, {"blind": None}, {"at": "2026-01-05"}]
)
def test_a_malformed_entry_is_refused(excerpt: Excerpt, changed: dict[str, object]) -> None:
    values = excerpt.as_json()
    values["entries"][0] |= changed
    with pytest.raises(MalformedError):
        Excerpt.parse(values)


def test_a_checkpoint_with_the_wrong_tree_is_found(
    log_signer: LogSigner, database: Database, settings: Settings
) -> None:
    """Its digest and its signature are right; only its peaks are wrong."""
    checkpoint, key = log_signer.checkpoint(), log_signer.key()
    assert checkpoint.peaks is not None
    peaks = (bytes(32), *checkpoint.peaks[1:])
    forged = key.sign(checkpoint.seq, checkpoint.digest, START, peaks)
    anchor.append(settings.data_dir / "audit.anchor", forged)
    with pytest.raises(BrokenChainError, match="is not what was signed"):
        log_signer.verify()
    with database.read() as connection:
        *lines, _ = exports.lines(connection, key, START)
    lines.append(json.dumps({"checkpoint": forged.as_json()}))
    with pytest.raises(BrokenChainError, match="is not what was signed"):
        exports.verify_lines(lines, key.public())


def test_a_log_that_was_signed_before_there_was_a_tree_can_be_signed_again(
    log_signer: LogSigner, database: Database, settings: Settings, add: Add
) -> None:
    chain = Chain()
    with database.read() as connection:
        follow(connection, chain)
    assert chain.tree is None
    old = log_signer.key().sign(chain.seq, chain.digest, START)
    assert "peaks" not in old.as_json()
    anchor.append(settings.data_dir / "audit.anchor", old)
    assert log_signer.verify() == 6
    # The same last entry is signed once more, this time with the tree.
    new = log_signer.checkpoint()
    assert new.peaks is not None
    assert (new.seq, new.digest, len(new.peaks)) == (old.seq, old.digest, 2)
    assert log_signer.checkpoint() == new
    add(3)
    assert log_signer.checkpoint().seq == 9
    assert log_signer.verify() == 9
    excerpt_of(log_signer, database, 3, 8).check(log_signer.key().public())
    rewrite_log(database, 2)
    with pytest.raises(BrokenChainError):
        log_signer.checkpoint()


def test_an_export_that_is_older_than_the_tree_is_still_accepted(
    log_signer: LogSigner, database: Database
) -> None:
    key = log_signer.key()
    with database.read() as connection:
        *lines, last = exports.lines(connection, key, START)
    digest = bytes.fromhex(json.loads(last)["checkpoint"]["digest"])
    without = [
        json.dumps({name: value for name, value in json.loads(line).items() if name != "blind"})
        for line in lines
    ]
    old = json.dumps({"checkpoint": key.sign(6, digest, START).as_json()})
    assert exports.verify_lines([*without, old], key.public()) == 6
    # An export with a signed tree must have the blinds, so that the tree can be compared.
    with pytest.raises(MalformedError, match="lacks the blinds"):
        exports.verify_lines([*without, last], key.public())
    blinded = json.dumps(json.loads(lines[3]) | {"blind": "00" * 32})
    with pytest.raises(BrokenChainError):
        exports.verify_lines([*lines[:3], blinded, *lines[4:], last], key.public())


def test_a_signature_is_valid_for_one_kind_of_content_only(log_signer: LogSigner) -> None:
    key = log_signer.key()
    signature = key.sign_content("evidence", b"content")
    key.public().check_content("evidence", b"content", signature)
    for kind, content in (("audit checkpoint 2", b"content"), ("evidence", b"contenu")):
        with pytest.raises(BadSignatureError):
            key.public().check_content(kind, content, signature)
    with pytest.raises(BadSignatureError):
        key.public().check_content("evidence", b"content", b"")
