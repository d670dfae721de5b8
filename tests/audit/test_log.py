"""An altered, removed, moved or inserted entry of the audit log is always found."""

import contextlib
import hashlib
import itertools
import multiprocessing
import re
import threading
from collections.abc import Iterator
from datetime import timedelta, timezone

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from hashsvc import audit
from hashsvc.audit import log
from hashsvc.settings import Settings
from hashsvc.store import Database, audit_entries
from hashsvc.store.tables import audit_entry
from tests.helpers.set_clock import START

NUMBERS = range(1, 7)
ALTERATIONS: dict[str, object] = {
    "at": START + timedelta(microseconds=1),
    "actor": "kez",
    "action": "thing.dp",
    "subject": "",
    "digest": bytes(32),
    "seq": 1000,
}


class Undo(Exception):  # noqa: N818 - this is not an error.
    """Raised at the end of a transaction to roll it back."""


@contextlib.contextmanager
def undone(database: Database) -> Iterator[Connection]:
    """Open a write transaction that is rolled back at the end."""
    with contextlib.suppress(Undo), database.write() as connection:
        yield connection
        raise Undo


def record(connection: Connection, *numbers: int, actor: str = "key") -> None:
    for number in numbers:
        audit.record(
            connection,
            actor=actor,
            action="thing.do",
            subject=f"thing {number}",
            now=START + timedelta(seconds=number),
        )


def verify(database: Database) -> int:
    with database.read() as connection:
        return audit.verify(connection)


def broken_at(connection: Connection) -> int:
    with pytest.raises(audit.BrokenChainError) as raised:
        audit.verify(connection)
    found = re.match(r"The audit log is broken at entry (\d+): ", str(raised.value))
    assert found is not None
    return int(found[1])


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as connection:
        record(connection, *NUMBERS)
    assert verify(database) == len(NUMBERS)
    return database


def test_an_empty_log_is_intact(database: Database) -> None:
    assert verify(database) == 0


def test_the_digest_of_an_entry_never_changes(database: Database) -> None:
    """
    The first digest was made by `(head -c 32 /dev/zero; printf %s '[1,"2026-…","thing 1"]') |
    sha256sum`. Any other digest would break every existing log.
    """
    with database.write() as connection:
        record(connection, 1)
        record(connection, 2, actor="kéy")
        entries = audit_entries.page(connection, after=0, limit=10)
    first = "422b3a818fc18aaecb89bdb45d057d6bb843e00e45b72b626e51ee331dd56472"
    second = hashlib.sha256(
        bytes.fromhex(first)
        + b'[2,"2026-01-05T09:30:02.000000+00:00","k\\u00e9y","thing.do","thing 2"]'
    ).hexdigest()
    assert [each.digest.hex() for each in entries] == [first, second]


@pytest.mark.parametrize("column", ALTERATIONS)
def test_an_altered_entry_is_found(filled: Database, column: str) -> None:
    for number in NUMBERS:
        with undone(filled) as connection:
            connection.execute(
                update(audit_entry)
                .where(audit_entry.c.seq == number)
                .values({column: ALTERATIONS[column]})
            )
            assert broken_at(connection) == number
    assert verify(filled) == len(NUMBERS)


def test_any_removed_entry_is_found_even_the_last(filled: Database) -> None:
    for number in NUMBERS:
        with undone(filled) as connection:
            connection.execute(delete(audit_entry).where(audit_entry.c.seq == number))
            assert broken_at(connection) == number
            record(connection, 7)
            assert broken_at(connection) == number


def test_a_removed_end_is_found_even_if_the_log_grows_again(filled: Database) -> None:
    for first in NUMBERS:
        with undone(filled) as connection:
            connection.execute(delete(audit_entry).where(audit_entry.c.seq >= first))
            for more in (0, *NUMBERS):
                assert broken_at(connection) == first
                record(connection, more)


def test_a_removed_end_is_found_after_the_file_was_rewritten(filled: Database) -> None:
    with filled.write() as connection:
        connection.execute(delete(audit_entry).where(audit_entry.c.seq == NUMBERS[-1]))
    assert filled.purge(START)
    with filled.read() as connection:
        assert broken_at(connection) == NUMBERS[-1]


def test_swapped_entries_are_found(filled: Database) -> None:
    for first, second in itertools.combinations(NUMBERS, 2):
        with undone(filled) as connection:
            for old, new in ((first, 1000), (second, first), (1000, second)):
                connection.execute(
                    update(audit_entry).where(audit_entry.c.seq == old).values(seq=new)
                )
            assert broken_at(connection) == first


def test_an_inserted_entry_is_found(filled: Database) -> None:
    with undone(filled) as connection:
        last = audit_entries.last(connection)
        assert last is not None
        connection.execute(
            insert(audit_entry).values(
                seq=last.seq + 1,
                at=START,
                actor="key",
                action="thing.do",
                subject="thing",
                digest=last.digest,
            )
        )
        assert broken_at(connection) == last.seq + 1


def test_the_size_of_pages_does_not_matter(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for page in range(1, 8):
        monkeypatch.setattr(log, "PAGE", page)
        assert verify(filled) == len(NUMBERS)
        for number in NUMBERS:
            with undone(filled) as connection:
                connection.execute(
                    update(audit_entry).where(audit_entry.c.seq == number).values(actor="x")
                )
                assert broken_at(connection) == number


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fields=st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"))] * 3),
    zone=st.integers(-720, 720),
)
def test_a_log_of_any_texts_and_times_is_intact(
    database: Database, fields: tuple[str, str, str], zone: int
) -> None:
    actor, action, subject = fields
    now = START.astimezone(timezone(timedelta(minutes=zone)))
    before = verify(database)
    with database.write() as connection:
        audit.record(connection, actor=actor, action=action, subject=subject, now=now)
    assert verify(database) == before + 1


def test_a_transaction_that_fails_leaves_no_entry(filled: Database) -> None:
    with undone(filled) as connection:
        record(connection, 7)
        assert audit.verify(connection) == 7
    assert verify(filled) == 6
    with filled.write() as connection:
        record(connection, 7)
    assert verify(filled) == 7


@pytest.mark.both_databases
def test_threads_that_write_at_the_same_time_keep_the_chain_intact(database: Database) -> None:
    writers, each_writes = 4, 15
    begin = threading.Barrier(writers)

    def write(name: str) -> None:
        begin.wait()
        for number in range(each_writes):
            with database.write() as connection:
                record(connection, number, actor=name)

    threads = [threading.Thread(target=write, args=(f"writer {n}",)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(database) == writers * each_writes
    with database.read() as connection:
        actors = connection.execute(select(audit_entry.c.actor)).scalars().all()
    assert {name: actors.count(name) for name in set(actors)} == {
        f"writer {n}": each_writes for n in range(writers)
    }


def write_many(settings: Settings, name: str, count: int) -> None:
    """Write entries, in another process."""
    database = Database.of(settings)
    for number in range(count):
        with database.write() as connection:
            record(connection, number, actor=name)
    database.close()


@pytest.mark.both_databases
def test_processes_that_write_at_the_same_time_keep_the_chain_intact(
    database: Database, settings: Settings
) -> None:
    writers, each_writes = 2, 20
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=write_many, args=(settings, f"writer {n}", each_writes))
        for n in range(writers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert verify(database) == writers * each_writes


def test_an_entry_whose_time_has_no_zone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="zone"), database.write() as connection:
        audit.record(connection, actor="a", action="b", subject="c", now=START.replace(tzinfo=None))
