"""Only one worker at a time has the lease of an item, and only that worker can end it."""

from datetime import datetime, timedelta

import pytest

from hashsvc.store import Database, UnknownRowError, leases, scans, tallies
from hashsvc.store.ids import ItemId, KeyId, ScanId
from hashsvc.store.scans import Item
from hashsvc.store.tallies import Tally
from tests.helpers.set_clock import START

pytestmark = pytest.mark.both_databases

SCAN = ScanId("a scan")
TALLY = Tally(2, 1, 4, 5, 6, 7)
LEASE_S = 60


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def submit(database: Database, *urls: str, scan: ScanId = SCAN, seconds: float = 0) -> None:
    with database.write() as connection:
        scans.add(connection, scan, KeyId("reporter"), urls, at(seconds))


def take_any(database: Database, seconds: float) -> Item | None:
    with database.write() as connection:
        return leases.take(connection, now=at(seconds), until=at(seconds + LEASE_S))


def take(database: Database, seconds: float) -> Item:
    """Take an item when one is due."""
    item = take_any(database, seconds)
    assert item is not None
    return item


def finish(database: Database, item: Item, seconds: float) -> bool:
    with database.write() as connection:
        return leases.finish(connection, item, TALLY, now=at(seconds))


def fail(database: Database, item: Item, seconds: float, retry: float | None) -> bool:
    with database.write() as connection:
        return leases.fail(
            connection,
            item,
            reason="timeout",
            retry_at=None if retry is None else at(retry),
            now=at(seconds),
        )


def items(database: Database) -> list[Item]:
    with database.read() as connection:
        return scans.items_of(connection, SCAN, after=ItemId(0), limit=100)


def test_the_item_that_waited_longest_is_taken_first(database: Database) -> None:
    submit(database, "late", scan=ScanId("later"), seconds=5)
    submit(database, "first", "second")
    taken = [take(database, 5) for _ in range(3)]
    assert [each.url for each in taken] == ["first", "second", "late"]
    assert take_any(database, 5) is None


def test_no_item_is_taken_before_it_is_due(database: Database) -> None:
    submit(database, "a", seconds=1)
    assert take_any(database, 0.999_999) is None
    item = take(database, 1)
    assert (item.state, item.attempts, item.due_at) == ("leased", 1, at(1 + LEASE_S))


def test_a_finished_item_is_done(database: Database) -> None:
    submit(database, "a")
    item = take(database, 0)
    assert finish(database, item, 3)
    (done,) = items(database)
    assert (done.state, done.images, done.images_failed) == ("done", 2, 1)
    assert (done.icons_left_out, done.images_over_limit) == (4, 5)
    assert (done.frames_not_followed, done.parts_not_read) == (6, 7)
    assert (done.images_seen, done.reason, done.finished_at) == (12, None, at(3))
    assert take_any(database, 10_000) is None
    assert not finish(database, item, 4)
    assert not fail(database, item, 4, None)
    assert items(database) == [done]


def test_a_failed_item_can_be_taken_again_after_its_wait(database: Database) -> None:
    submit(database, "a")
    assert fail(database, take(database, 0), 3, retry=33)
    (failed,) = items(database)
    assert (failed.state, failed.reason, failed.finished_at) == ("failed", "timeout", None)
    assert take_any(database, 32.999) is None
    again = take(database, 33)
    assert again.attempts == 2
    assert finish(database, again, 34)
    assert items(database)[0].reason is None


def test_a_dead_item_stays_dead(database: Database) -> None:
    submit(database, "a")
    assert fail(database, take(database, 0), 3, retry=None)
    (dead,) = items(database)
    assert (dead.state, dead.reason, dead.finished_at) == ("dead", "timeout", at(3))
    assert take_any(database, 10_000) is None


@pytest.mark.parametrize("ending", ["finish", "retry", "give up"])
def test_a_worker_that_lost_its_lease_changes_nothing(database: Database, ending: str) -> None:
    submit(database, "a")
    slow = take(database, 0)
    assert take_any(database, LEASE_S - 0.001) is None
    second = take(database, LEASE_S)
    assert (second.id, second.attempts) == (slow.id, 2)
    before = items(database)
    ends = {
        "finish": lambda: finish(database, slow, 61),
        "retry": lambda: fail(database, slow, 61, retry=61),
        "give up": lambda: fail(database, slow, 61, retry=None),
    }
    assert not ends[ending]()
    assert items(database) == before
    assert finish(database, second, 62)


def test_cancelling_stops_items_that_have_not_begun(database: Database) -> None:
    submit(database, "done", "leased", "failed", "queued", "queued too")
    submit(database, "of another", scan=ScanId("other"))
    done, leased, failed = (take(database, 0) for _ in range(3))
    finish(database, done, 1)
    fail(database, failed, 1, retry=2)
    with database.write() as connection:
        assert scans.cancel(connection, SCAN, at(2)) == 3
        assert scans.cancel(connection, SCAN, at(9)) == 0
    with database.read() as connection:
        assert scans.by_id(connection, SCAN).cancelled_at == at(2)
        assert scans.progress(connection, SCAN) == {"done": 1, "leased": 1, "cancelled": 3}
        assert scans.count_waiting(connection) == 2
    assert finish(database, leased, 3)
    assert take(database, 10).url == "of another"
    assert take_any(database, 10) is None


def test_an_unknown_scan_is_an_error(database: Database) -> None:
    with database.read() as connection, pytest.raises(UnknownRowError, match="scan"):
        scans.by_id(connection, ScanId("none"))


def test_the_tallies_of_a_scan_are_added_up(database: Database) -> None:
    submit(database, "a", "b", "failed", "unknown", "queued")
    submit(database, "other", scan=ScanId("other"))
    first, second, failed, unknown = (take(database, 0) for _ in range(4))
    finish(database, first, 1)
    with database.write() as connection:
        # Nobody has that many images, but a page can claim to.
        leases.finish(connection, second, Tally(images_over_limit=2**40), now=at(1))
        leases.fail(
            connection, failed, reason="busy", retry_at=at(9), now=at(1), tally=Tally(images=100)
        )
    fail(database, unknown, 1, retry=None)
    assert items(database)[3].images_seen is None
    with database.read() as connection:
        total = tallies.total(connection, SCAN)
        assert total == (3, Tally(102, 1, 4, 5 + 2**31 - 1, 6, 7))
        assert total[1].images_seen == 102 + 1 + 4 + 5 + 2**31 - 1
        assert tallies.total(connection, ScanId("other")) == (0, Tally())
