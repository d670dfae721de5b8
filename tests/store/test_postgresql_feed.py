"""On PostgreSQL nothing that commits late is missed, and nothing is told of twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from hashsvc.store import (
    Database,
    feed,
)
from hashsvc.store.tables import change
from tests.store.conftest import tell


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


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
