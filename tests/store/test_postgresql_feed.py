"""On PostgreSQL a reader of the feed misses no late commit, and gets no change twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from hashsvc.store import (
    Database,
    feed,
)
from hashsvc.store.tables import change
from tests.helpers.cases import add_change


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


class Follower:
    """Follows the feed as an index does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.position = feed.START
        self.seen: list[int] = []

    def follow(self, limit: int = 3) -> list[int]:
        new: list[int] = []
        with self.database.read() as connection:
            while True:
                changes, self.position = feed.after(connection, self.position, limit)
                new += [each.content_id for each in changes]
                if not changes:
                    break
        self.seen += new
        return new


def test_a_change_that_is_committed_late_is_returned_once(database: Database) -> None:
    """Its number is lower than those returned before, so asking for higher ones would miss it."""
    follower = Follower(database)
    with database.write(alone=False) as late:
        add_change(late, 1)
        with database.write(alone=False) as early:
            add_change(early, 2)
            add_change(early, 3)
        # Committed changes are returned at once, although an older transaction is still open.
        assert follower.follow() == [2, 3]
        with database.write(alone=False) as early:
            add_change(early, 4)
        assert follower.follow() == [4]
    assert follower.follow() == [1]
    assert follower.follow() == []
    with database.write() as connection:
        add_change(connection, 5)
    assert follower.follow() == [5]
    with database.read() as connection:
        order = connection.execute(select(change.c.content_id).order_by(change.c.seq)).scalars()
        assert list(order) == [1, 2, 3, 4, 5]
    assert follower.position.ahead == frozenset()


def test_a_lower_number_of_a_later_transaction_is_returned(database: Database) -> None:
    follower = Follower(database)
    with database.write(alone=False) as later:
        with database.write(alone=False) as earlier:
            earlier.execute(text("SELECT pg_current_xact_id()"))
            add_change(later, 1)
            add_change(earlier, 2)
        assert follower.follow() == [2]
        assert follower.position.ahead == frozenset()
    assert follower.follow() == [1]


def test_a_reader_misses_nothing_while_many_write(database: Database) -> None:
    writers, each_writes = 4, 40
    follower, writing = Follower(database), threading.Event()

    def write(number: int) -> None:
        for turn in range(each_writes):
            with database.write(alone=False) as connection:
                add_change(connection, number * each_writes + turn)
                # The order of the commits differs from the order of the numbers.
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


def test_a_feed_that_was_restored_on_another_server_can_be_followed(database: Database) -> None:
    with database.write() as connection:
        add_change(connection, 1)
        # The old server's transaction ids are far above this server's.
        connection.execute(text("UPDATE change SET xid = 1000000000000"))
    database.migrate()
    follower = Follower(database)
    assert follower.follow() == [1]
    assert follower.position.ahead == frozenset()
    with database.write() as connection:
        add_change(connection, 2)
    assert follower.follow() == [2]
