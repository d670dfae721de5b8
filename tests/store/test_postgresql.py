"""PostgreSQL gives the same promises as SQLite's single writer, for any number of machines."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from multiprocessing.synchronize import Event
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
from hashsvc.store.ids import KeyId, PublicContentId, ScanId, random_id
from hashsvc.store.tables import api_key, case, metadata, person
from tests.helpers.cases import add_change, store_case, store_content, wrapped_keys, write_nothing
from tests.helpers.postgresql import KEY, Server
from tests.helpers.set_clock import START
from tests.helpers.waiting import wait_until


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


def waiting_locks(database: Database) -> int:
    """Return how many transactions wait for a lock."""
    with database.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return int(connection.execute(text(query)).scalar_one())


def test_the_next_search_finds_nothing_that_another_machine_has_withdrawn(
    database: Database, settings: Settings
) -> None:
    code = bytes(range(32))
    seen = Signature(100, (ViewedSignal(Signal("pdq1", code), View.WHOLE),))
    case_id = store_case(database)
    index = BankIndex(database)
    # An older open transaction keeps the feed position from moving on.
    with closing(Database.of(settings)) as other, database.write(alone=False) as open_one:
        open_one.execute(text("SELECT pg_current_xact_id()"))
        for _ in range(3):
            with other.write(alone=False) as connection:
                content_id = cases.add_content(
                    connection,
                    case_id,
                    public_id=PublicContentId(random_id()),
                    quality=100,
                    day="2026-01-05",
                    signals=[("pdq1", "whole", code)],
                )
            assert [each.content_id for each in index.find(seen)] == [content_id]
            with other.write(alone=False) as connection:
                cases.delete_content(connection, content_id)
            assert index.find(seen) == []
    assert len(index) == 0


def test_writers_run_one_after_another_and_each_sees_what_was_written_before(
    database: Database,
) -> None:
    case_id = store_case(database)
    counts: list[tuple[int, int]] = []

    def write() -> None:
        with database.write() as connection:
            counts.append(cases.counts(connection))
            # What this transaction read stays true until it ends, even if it takes a while.
            connection.execute(text("SELECT pg_sleep(0.01)"))
            cases.add_content(
                connection,
                case_id,
                public_id=PublicContentId(f"{len(counts)}"),
                quality=100,
                day="2026-01-05",
                signals=[("pdq1", "whole", bytes(32))],
            )

    with ThreadPoolExecutor(5) as pool:
        for each in [pool.submit(write) for _ in range(5)]:
            each.result()
    assert counts == [(1, number) for number in range(5)]


def test_a_transaction_that_runs_alone_and_a_shared_one_wait_for_each_other(
    database: Database,
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for first, second in ((False, True), (True, False)):
            with database.write(alone=first):
                waiting = pool.submit(write_nothing, database, alone=second)
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
        add_change(connection, 1)


def take_all(url: str, taken: "multiprocessing.Queue[int]", begin: Event) -> None:
    """Take items until there are none, in another process, like a worker."""
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


def test_an_item_that_another_worker_is_taking_is_skipped(database: Database) -> None:
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


def migrate(url: str, begin: Event) -> None:
    with closing(Database(url, GivenKeys(KEY))) as database:
        begin.wait()
        database.migrate()


def test_processes_that_migrate_at_the_same_time_make_one_schema(postgresql: Server) -> None:
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


def test_insert_once_reports_whether_it_inserted_the_row(database: Database) -> None:
    def put(connection: Connection) -> bool:
        new = rows.insert_once(connection, person).values(key_id="a key", name_digest=b"a")
        return rows.changed_one(connection.execute(new))

    with database.write() as connection:
        connection.execute(
            insert(api_key).values(id="a key", role="admin", token_sha256=b"a", created_at=START)
        )
        assert [put(connection) for _ in range(2)] == [True, False]


def test_the_migrated_schema_equals_tables_py_but_for_two_additions(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = {(each[0], each[-1].name) for each in compare_metadata(context, metadata)}
    # Only PostgreSQL has these: the transaction of each change, and the length of the audit log.
    assert found == {
        ("remove_column", "xid"),
        ("remove_index", "ix_change_xid_seq"),
        ("remove_table", "audit_length"),
    }


def test_transactions_add_to_the_audit_log_one_after_another(database: Database) -> None:
    """This holds even for transactions that may run at the same time."""
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


def test_a_removed_last_audit_entry_leaves_a_trace(database: Database) -> None:
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
    """The wrapped data key of a withdrawn case."""
    case_id, _ = store_case(database), store_case(database, "another")
    with database.write() as connection:
        key_id = connection.execute(select(case.c.key_id).where(case.c.id == case_id)).scalar_one()
    wrapped = wrapped_keys(database)[key_id]
    with database.write() as connection:
        cases.delete_case(connection, case_id)
        erasures.add(connection, key_id, now=START)
    return wrapped


def test_a_destroyed_key_is_removed_from_the_servers_table(
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
    # The server's transaction log still has the key until the server reuses the space.
    assert withdrawn in bytes_in(postgresql.data / "pg_wal")
    with database.read() as connection:
        assert erasures.unpurged(connection) == []
        listed = erasures.all_ids(connection)
    assert erasures.read_list(settings.data_dir / erasures.LIST_NAME) == listed


@pytest.mark.parametrize("holder", ["a lock", "an older state"])
def test_an_open_transaction_delays_the_removal_of_a_key(
    database: Database, withdrawn: bytes, holder: str, settings: Settings
) -> None:
    with closing(Database.of(settings)) as other:
        store_case(other, "one more")
        with database.read() as connection:
            if holder == "a lock":
                data_keys.records(connection)
            else:
                # This transaction keeps seeing the present state, with keys destroyed after it.
                connection.execute(text("SELECT 1"))
                with other.write() as writing:
                    found = cases.case_by_number(writing, "one more")
                    cases.delete_case(writing, found.id)
                    erasures.add(writing, found.key_id, now=START)
            assert not other.purge(START)
        assert other.purge(START)
    with database.read() as connection:
        assert erasures.unpurged(connection) == []


def test_a_withdrawal_stands_even_if_the_server_stops_before_the_key_is_removed(
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
