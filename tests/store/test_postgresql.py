"""On PostgreSQL what SQLite's one writer gives holds as well, on any number of machines."""

import multiprocessing
import threading
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
    OpenError,
    UnavailableError,
    audit_entries,
    backups,
    cases,
    data_keys,
    erasures,
    feed,
    leases,
    postgresql,
    rows,
    scans,
)
from hashsvc.store.ids import ContentId, KeyId, ScanId
from hashsvc.store.tables import api_key, case, change, metadata, person
from tests import postgresql as servers
from tests.postgresql import KEY, Server
from tests.store.conftest import START, store_case, store_content, wrapped_keys


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


def tell(connection: Connection, content_id: int) -> None:
    connection.execute(insert(change).values(kind="add", content_id=ContentId(content_id)))


class Follower:
    """Follows the feed as an index does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.checkpoint = feed.START
        self.seen: list[int] = []

    def follow(self, limit: int = 3) -> list[int]:
        new: list[int] = []
        with self.database.read() as connection:
            while True:
                told, self.checkpoint = feed.after(connection, self.checkpoint, limit)
                new += [each.content_id for each in told]
                if not told:
                    break
        self.seen += new
        return new


def test_what_commits_late_is_told_of_and_nothing_twice(database: Database) -> None:
    """Its number is lower than that of what was told before: asking for higher ones loses it."""
    follower = Follower(database)
    with database.write(alone=False) as late:
        tell(late, 1)
        with database.write(alone=False) as early:
            tell(early, 2)
            tell(early, 3)
        # What is committed is told of at once, though a transaction from before is open.
        assert follower.follow() == [2, 3]
        with database.write(alone=False) as early:
            tell(early, 4)
        assert follower.follow() == [4]
    assert follower.follow() == [1]
    assert follower.follow() == []
    with database.write() as connection:
        tell(connection, 5)
    assert follower.follow() == [5]
    with database.read() as connection:
        order = connection.execute(select(change.c.content_id).order_by(change.c.seq)).scalars()
        assert list(order) == [1, 2, 3, 4, 5]
    assert follower.checkpoint.ahead == frozenset()


def test_of_a_later_transaction_a_lower_number_is_told_of_too(database: Database) -> None:
    follower = Follower(database)
    with database.write(alone=False) as later:
        with database.write(alone=False) as earlier:
            earlier.execute(text("SELECT pg_current_xact_id()"))
            tell(later, 1)
            tell(earlier, 2)
        assert follower.follow() == [2]
        assert follower.checkpoint.ahead == frozenset()
    assert follower.follow() == [1]


def test_a_follower_misses_nothing_of_many_writers_at_once(database: Database) -> None:
    writers, each_writes = 4, 40
    follower, writing = Follower(database), threading.Event()

    def write(number: int) -> None:
        for turn in range(each_writes):
            with database.write(alone=False) as connection:
                tell(connection, number * each_writes + turn)
                # Numbers are given out, and commits come, in different orders.
                connection.execute(text(f"SELECT pg_sleep({(number + turn) % 3 * 0.001})"))

    def follow() -> None:
        while not writing.is_set():
            follower.follow()

    with ThreadPoolExecutor(writers + 1) as pool:
        following = pool.submit(follow)
        for each in [pool.submit(write, number) for number in range(writers)]:
            each.result()
        writing.set()
        following.result()
    follower.follow()
    assert sorted(follower.seen) == list(range(writers * each_writes))


def test_a_feed_that_was_restored_on_another_server_goes_on(database: Database) -> None:
    with database.write() as connection:
        tell(connection, 1)
        # Transactions of the old server had higher numbers than those of this one will for long.
        connection.execute(text("UPDATE change SET xid = 1000000000000"))
    database.migrate()
    follower = Follower(database)
    assert follower.follow() == [1]
    assert follower.checkpoint.ahead == frozenset()
    with database.write() as connection:
        tell(connection, 2)
    assert follower.follow() == [2]


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


def write_nothing(database: Database, *, alone: bool) -> None:
    with database.write(alone=alone):
        pass


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
            entry = audit_entries.Entry(number, START, "key", "thing.do", "x", bytes(32))
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


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://canary:canary@127.0.0.1:1/canary",
        "postgresql://canary:canary@127.0.0.1:1/canary",
        "postgres://canary:canary@127.0.0.1:1/canary?connect_timeout=1",
        "postgresql+psycopg://tests@/canary?host={folder}",
        "postgresql+psycopg://canary@127.0.0.1:port/canary",
        "postgresql+asyncpg://canary:canary@127.0.0.1:1/canary",
    ],
)
def test_what_cannot_be_reached_is_said_to_be_so(postgresql: Server, url: str) -> None:
    def open_it() -> None:
        address = url.format(folder=postgresql.folder)
        with closing(Database(address, GivenKeys(KEY))) as database:
            database.migrate()

    with pytest.raises(OpenError) as raised:
        open_it()
    assert "canary" not in str(raised.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(OpenError, match=r"psycopg: pip install 'hashsvc\[postgresql\]'"):
        Database("postgresql+psycopg://127.0.0.1/x", GivenKeys(KEY))


def test_the_password_does_not_show_itself(settings: Settings) -> None:
    with_password = settings.model_copy(update={"database_url": "postgresql://a:canary@b/c"})
    assert "canary" not in repr(with_password)
    assert "canary" not in str(with_password)


def test_a_database_that_is_not_unicode_is_refused(postgresql: Server) -> None:
    postgresql.say("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with (
        closing(Database(postgresql.url("latin"), GivenKeys(KEY))) as database,
        pytest.raises(OpenError, match="UTF8"),
    ):
        database.migrate()
    postgresql.drop("latin")


def test_there_is_no_key_beside_the_data(postgresql: Server) -> None:
    with closing(Database(postgresql.url("postgres"))) as database, pytest.raises(LockedError):
        database.migrate()


def test_backups_are_the_server_s_own(database: Database) -> None:
    with pytest.raises(backups.BackupError, match="pg_dump"):
        backups.check_possible(database)


def test_a_dropped_connection_is_not_handed_out(database: Database, settings: Settings) -> None:
    database.ping()
    with closing(Database.of(settings)) as other:
        end_others(other)
        database.ping()

        def go_on_with_a_dropped_one() -> None:
            with database.read() as connection:
                end_others(other)
                connection.execute(text("SELECT 1"))

        with pytest.raises(UnavailableError):
            go_on_with_a_dropped_one()
        database.ping()


def end_others(database: Database) -> None:
    """Have the server end every other connection to a database."""
    with database.read() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


def test_who_vanishes_with_the_turn_gives_it_back(database: Database) -> None:
    """As a machine does whose power fails: nothing tells the server."""
    given = "SELECT current_setting('idle_in_transaction_session_timeout')"

    def vanish() -> None:
        with database.write() as connection:
            assert connection.execute(text(given)).scalar_one() == "20s"
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            # The next one gets the turn while this one still holds on to its connection.
            store_case(database)
            connection.execute(text("SELECT 1"))

    with pytest.raises(UnavailableError):
        vanish()
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)


def test_it_waits_for_a_turn_no_longer_than_that(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = (f"SET LOCAL lock_timeout = '50ms'; {postgresql.Turn.ALONE.value[0]}",)
    monkeypatch.setattr(postgresql.Turn.ALONE, "_value_", limited)
    with database.write(), pytest.raises(UnavailableError):
        write_nothing(database, alone=True)
    write_nothing(database, alone=True)


def test_there_are_no_more_connections_than_set(settings: Settings) -> None:
    few = settings.model_copy(update={"database_connections": 2})
    with closing(Database.of(few)) as database:
        database._engine.pool._timeout = 0.05
        with database.read(), database.read(), pytest.raises(UnavailableError):
            database.ping()
        database.ping()


def test_a_server_that_is_stopped_is_used_again_when_it_is_back(
    database: Database, postgresql: Server
) -> None:
    case_id = store_case(database)
    postgresql.stop("immediate")
    try:
        with pytest.raises(UnavailableError):
            store_content(database, case_id)
    finally:
        postgresql.start()
    store_content(database, case_id)


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


def test_where_no_server_is_installed_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "programs", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="NOT tested"):
        servers.skip_without()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="NOT tested"):
        servers.skip_without()
