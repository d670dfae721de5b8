"""Scans take turns, so a long scan does not delay a short one."""

from datetime import UTC, datetime, timedelta

import pytest

from hashsvc.scanning.leases import Leases
from hashsvc.settings import Settings
from hashsvc.store import Database, scans
from hashsvc.store.ids import KeyId, ScanId

pytestmark = pytest.mark.both_databases
START = datetime(2026, 1, 5, tzinfo=UTC)


class TurnClock:
    now = START

    def __call__(self) -> datetime:
        return self.now


def submit(database: Database, scan: str, count: int) -> None:
    with database.write() as connection:
        urls = [f"https://{scan}.example.org/{number}" for number in range(count)]
        scans.add(connection, ScanId(scan), KeyId("reporter"), urls, START)


def taken(leases: Leases, count: int) -> list[str]:
    found = [leases.take() for _ in range(count)]
    return [each.item.scan_id for each in found if each is not None]


@pytest.fixture(name="clock")
def _clock() -> TurnClock:
    return TurnClock()


@pytest.fixture(name="leases")
def _leases(settings: Settings, database: Database, clock: TurnClock) -> Leases:
    return Leases(settings, database, clock)


def test_scans_take_turns_until_each_is_finished(leases: Leases, database: Database) -> None:
    submit(database, "long", 30)
    submit(database, "short", 3)
    submit(database, "other", 2)
    order = taken(leases, 40)
    for scan, count in (("long", 30), ("short", 3), ("other", 2)):
        assert order.count(scan) == count
    assert set(order[:3]) == set(order[3:6]) == {"long", "short", "other"}
    assert set(order[6:8]) == {"long", "short"}


def test_a_scan_that_comes_later_has_its_turn_within_a_second(
    leases: Leases, database: Database, clock: TurnClock
) -> None:
    submit(database, "long", 30)
    assert taken(leases, 10) == 10 * ["long"]
    submit(database, "short", 3)
    clock.now += timedelta(seconds=1)
    assert sorted(taken(leases, 6)) == 3 * ["long"] + 3 * ["short"]


def test_within_a_scan_the_url_that_waited_longest_comes_first(
    leases: Leases, database: Database
) -> None:
    submit(database, "long", 5)
    submit(database, "short", 5)
    urls = [found.item.url for _ in range(10) if (found := leases.take()) is not None]
    for scan in ("long", "short"):
        mine = [each for each in urls if f"//{scan}." in each]
        assert mine == [f"https://{scan}.example.org/{number}" for number in range(5)]
