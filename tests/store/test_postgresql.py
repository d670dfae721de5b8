"""On PostgreSQL what SQLite's one writer gives holds as well, on any number of machines."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text

from hashsvc import audit
from hashsvc.keyring import GivenKeys
from hashsvc.matching import BankIndex
from hashsvc.settings import Settings
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import (
    Database,
    LockedError,
    audit_entries,
    cases,
    data_keys,
    erasures,
    leases,
    rows,
    scans,
)
from hashsvc.store.ids import KeyId, ScanId
from hashsvc.store.tables import api_key, case, metadata, person
from tests.helpers.postgresql import KEY, Server
from tests.store.conftest import START, store_case, store_content, tell, wrapped_keys, write_nothing


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "It did not come to pass."
        time.sleep(0.01)


def waiting_locks(database: Database) -> int:
    """Return how many transactions wait for another one."""
    with database.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return int(connection.execute(text(query)).scalar_one())


def test_a_withdrawal_elsewhere_is_honoured_by_the_next_search(
    database: Database, settings: Settings
) -> None:
    code = bytes(range(32))
    seen = Signature(100, (ViewedSignal(Signal("pdq1", code), View.WHOLE),))
    case_id = store_case(database)
    index = BankIndex(database)
    # Somebody who began before holds back what is below all transactions.
    with closing(Database.of(settings)) as other, database.write(alone=False) as open_one:
        open_one.execute(text("SELECT pg_current_xact_id()"))
        for _ in range(3):
            with other.write(alone=False) as connection:
                content_id = cases.add_content(
                    connection,
                    case_id,
                    public_id=f"{time.monotonic_ns():032x}",
                    quality=100,
                    day="2026-01-05",
                    signals=[("pdq1", "whole", code)],
                )
            assert [each.content_id for each in index.find(seen)] == [content_id]
            with other.write(alone=False) as connection:
                cases.delete_content(connection, content_id)
            assert index.find(seen) == []
    assert len(index) == 0


def test_one_writes_at_a_time_and_sees_what_those_before_have_written(database: Database) -> None:
    case_id = store_case(database)
    counts: list[tuple[int, int]] = []

    def write() -> None:
        with database.write() as connection:
            counts.append(cases.counts(connection))
            # A look that holds until the end: nobody else comes between.
            connection.execute(text("SELECT pg_sleep(0.01)"))
            cases.add_content(
                connection,
                case_id,
                public_id=f"{len(counts)}",
                quality=100,
                day="2026-01-05",
                signals=[("pdq1", "whole", bytes(32))],
            )

    with ThreadPoolExecutor(5) as pool:
        for each in [pool.submit(write) for _ in range(5)]:
            each.result()
    assert counts == [(1, number) for number in range(5)]


def test_who_writes_alone_waits_for_workers_and_they_for_it(database: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        for first, second in ((False, True), (True, False)):
            with database.write(alone=first):
                waiting = pool.submit(lambda alone=second: write_nothing(database, alone=alone))
                wait_until(lambda: waiting_locks(database) == 1)
                assert not waiting.done()
            waiting.result(30)
    with database.write(alone=False):
        write_nothing(database, alone=False)


def test_a_reader_sees_one_state_and_cannot_write(database: Database) -> None:
    case_id = store_case(database)
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)
        store_content(database, case_id)
        assert cases.counts(connection) == (1, 0)
    with pytest.raises(Exception, match="read-only"), database.read() as connection:
        tell(connection, 1)


def take_all(url: str, taken: "multiprocessing.Queue[int]", begin: "multiprocessing.Event") -> None:
    """Take items until there is none, as a worker's process does."""
    with closing(Database(url, GivenKeys(KEY))) as database:
        begin.wait()
        while True:
            with database.write(alone=False) as connection:
                item = leases.take(connection, now=START, until=START + timedelta(seconds=60))
            if item is None:
                return
            taken.put(item.id)


def test_two_workers_never_take_the_same_item(database: Database, settings: Settings) -> None:
    count = 120
    urls = [f"https://example.org/{number}" for number in range(count)]
    with database.write() as connection:
        scans.add(connection, ScanId("a scan"), KeyId("reporter"), urls, START)
    context = multiprocessing.get_context("spawn")
    taken, begin = context.Queue(), context.Event()
    processes = [
        context.Process(target=take_all, args=(settings.url, taken, begin)) for _ in range(2)
    ]
    for each in processes:
        each.start()
    begin.set()
    ids = [taken.get(timeout=60) for _ in range(count)]
    for each in processes:
        each.join(60)
        assert each.exitcode == 0
    assert len(set(ids)) == count
    assert taken.empty()


def test_an_item_that_another_is_taking_is_passed_over(database: Database) -> None:
    with database.write() as connection:
        scans.add(connection, ScanId("s"), KeyId("r"), ["https://a.org/", "https://b.org/"], START)
    until = START + timedelta(seconds=60)
    with database.write(alone=False) as one, database.write(alone=False) as other:
        first = leases.take(one, now=START, until=until)
        second = leases.take(other, now=START, until=until)
        assert first is not None
        assert second is not None
        assert first.id != second.id
        assert leases.take(other, now=START, until=until) is None


def migrate(url: str, begin: "multiprocessing.Event") -> None:
    with closing(Database(url, GivenKeys(KEY))) as database:
        begin.wait()
        database.migrate()


def test_processes_that_migrate_at_once_make_one_schema(postgresql: Server) -> None:
    name = postgresql.empty("anew")
    context = multiprocessing.get_context("spawn")
    begin = context.Event()
    processes = [
        context.Process(target=migrate, args=(postgresql.url(name), begin)) for _ in range(2)
    ]
    for each in processes:
        each.start()
    begin.set()
    for each in processes:
        each.join(60)
        assert each.exitcode == 0
    with closing(Database(postgresql.url(name), GivenKeys(KEY))) as database:
        store_content(database, store_case(database))
    with (
        closing(Database(postgresql.url(name), GivenKeys("11" * 32))) as other,
        pytest.raises(LockedError),
    ):
        other.migrate()
    postgresql.drop(name)


def test_a_row_is_put_in_once_and_who_does_is_told_so(database: Database) -> None:
    def put(connection: Connection) -> bool:
        new = rows.insert_once(connection, person).values(key_id="a key", name_digest=b"a")
        return rows.changed_one(connection.execute(new))

    with database.write() as connection:
        connection.execute(
            insert(api_key).values(id="a key", role="admin", token_sha256=b"a", created_at=START)
        )
        assert [put(connection) for _ in range(2)] == [True, False]


def test_the_schema_is_that_of_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = {(each[0], each[-1].name) for each in compare_metadata(context, metadata)}
    # What this server alone has: with each change its transaction, beside the log its length.
    assert found == {
        ("remove_column", "xid"),
        ("remove_index", "ix_change_xid_seq"),
        ("remove_table", "audit_length"),
    }


def test_whoever_adds_to_the_log_waits_for_who_does(database: Database) -> None:
    """Also where transactions run beside one another."""
    writers, each_writes = 4, 10

    def write(name: str) -> None:
        for _ in range(each_writes):
            with database.write(alone=False) as connection:
                audit.record(connection, actor=name, action="thing.do", subject="x", now=START)

    with ThreadPoolExecutor(writers) as pool:
        for each in [pool.submit(write, f"writer {number}") for number in range(writers)]:
            each.result()
    with database.read() as connection:
        assert audit.verify(connection) == writers * each_writes


def test_a_removed_last_entry_leaves_a_trace(database: Database) -> None:
    with database.write() as connection:
        for number in range(1, 4):
            audit_entries.wait_for_turn(connection)
            assert audit_entries.highest_ever(connection) == number - 1
            entry = audit_entries.AuditEntry(number, START, "key", "thing.do", "x", bytes(32))
            audit_entries.add(connection, [entry])
    with database.write() as connection:
        connection.execute(text("DELETE FROM audit_entry WHERE seq = 3"))
    with database.read() as connection:
        assert audit_entries.highest_ever(connection) == 3


def bytes_in(folder: Path) -> bytes:
    return b"\0".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


@pytest.fixture
def withdrawn(database: Database) -> bytes:
    """The wrapped key of a case that was withdrawn."""
    case_id, _ = store_case(database), store_case(database, "another")
    with database.write() as connection:
        key_id = connection.execute(select(case.c.key_id).where(case.c.id == case_id)).scalar_one()
    wrapped = wrapped_keys(database)[key_id]
    with database.write() as connection:
        cases.delete_case(connection, case_id)
        erasures.add(connection, key_id, now=START)
    return wrapped


def test_a_destroyed_key_is_taken_out_of_the_server_s_table(
    database: Database, withdrawn: bytes, postgresql: Server, settings: Settings
) -> None:
    tables = postgresql.data / "base"
    postgresql.say("CHECKPOINT")
    assert withdrawn in bytes_in(tables)
    database.finish_erasures()
    postgresql.say("CHECKPOINT")
    kept = [each for each in wrapped_keys(database).values() if any(each)]
    left = bytes_in(tables)
    assert withdrawn not in left
    assert len(kept) == 2
    assert all(each in left for each in kept)
    # Honestly: the log of transactions has it until the server needs the space.
    assert withdrawn in bytes_in(postgresql.data / "pg_wal")
    with database.read() as connection:
        assert erasures.unpurged(connection) == []
        listed = erasures.all_ids(connection)
    assert erasures.read_list(settings.data_dir / erasures.LIST_NAME) == listed


@pytest.mark.parametrize("holder", ["a lock", "an older state"])
def test_who_holds_on_puts_the_end_of_a_key_off(
    database: Database, withdrawn: bytes, holder: str, settings: Settings
) -> None:
    with closing(Database.of(settings)) as other:
        store_case(other, "one more")
        with database.read() as connection:
            if holder == "a lock":
                data_keys.records(connection)
            else:
                # It sees what is now, and what is destroyed next it goes on seeing.
                connection.execute(text("SELECT 1"))
                with other.write() as writing:
                    found = cases.case_by_number(writing, "one more")
                    cases.delete_case(writing, found.id)
                    erasures.add(writing, found.key_id, now=START)
            assert not other.purge(START)
        assert other.purge(START)
    with database.read() as connection:
        assert erasures.unpurged(connection) == []


def test_a_withdrawal_is_one_though_the_server_goes_before_its_end(
    database: Database, withdrawn: bytes, postgresql: Server
) -> None:
    postgresql.stop("fast")
    try:
        database.finish_erasures()
    finally:
        postgresql.start()
    with database.read() as connection:
        assert erasures.unpurged(connection) != []
    database.finish_erasures()
    with database.read() as connection:
        assert erasures.unpurged(connection) == []
