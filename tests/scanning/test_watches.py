"""Watched URLs are scanned at each interval, and images that come back are seen again."""

from datetime import timedelta

import pytest

from hashsvc import audit
from hashsvc.scanning import UnknownScanError, UnknownWatchError, Watches
from hashsvc.store import audit_entries
from hashsvc.store.ids import ScanId, WatchId
from tests.conftest import generated_photo, jpeg
from tests.scanning.support import REPORTER, OddSite, Service

HOUR = 3600
MINE = generated_photo(1)


@pytest.fixture
def watches(service: Service) -> Watches:
    return Watches(service.database, service.work_list.work_came.set, service.clock)


def work(service: Service, watches: Watches) -> int:
    """Submit and finish the scans that are due, and return their number."""
    made = 0
    while watches.work_once():
        made += 1
    service.finish()
    return made


def last_scan(watches: Watches) -> ScanId:
    (watch,) = watches.search(limit=10)
    return watch.scan_id


def test_an_image_that_comes_back_is_seen_again_and_one_at_a_new_url_is_reported(
    service: Service, site: OddSite, watches: Watches
) -> None:
    service.open_case(MINE)
    page = site.add_page("/page", ["a.jpg", "b.jpg"])
    site.add_image("/a.jpg", jpeg(MINE))
    first = service.scan(page)
    service.finish()
    watches.begin(first, every_h=6, days=30, actor=REPORTER)
    rounds = {"a": [True], "gone": [], "a again": [False], "and b": [False, True]}
    for what, new in rounds.items():
        if what == "gone":
            site.take_off(f"{site.url}/a.jpg")
        elif what == "a again":
            site.add_image("/a.jpg", jpeg(MINE))
        elif what == "and b":
            site.add_image("/b.jpg", jpeg(MINE, 60))
        if what != "a":
            service.clock.advance(6 * HOUR)
            assert work(service, watches) == 1
        scan = first if what == "a" else last_scan(watches)
        progress = service.work_list.progress(scan)
        assert progress.is_over
        assert (progress.scan.watch_id is None) is (what == "a")
        assert sorted(each.is_new for each in service.work_list.seen(scan)) == new, what
    assert len(service.matches()) == 2
    with service.database.read() as connection:
        audit.verify(connection)


def test_a_watch_is_due_after_each_interval_and_ends_by_itself(
    service: Service, site: OddSite, watches: Watches
) -> None:
    scan = service.scan(site.add_page("/page", []))
    service.finish()
    watch = watches.begin(scan, every_h=10, days=1, actor=REPORTER)
    assert watch.ends_at - watch.created_at == timedelta(days=1)
    service.clock.advance(10 * HOUR - 1)
    assert work(service, watches) == 0
    made = []
    service.clock.advance(1)
    for _ in range(4):
        made.append(work(service, watches))
        service.clock.advance(10 * HOUR)
    assert made == [1, 1, 0, 0]
    assert watches.search(limit=1)[0].due_at is None


def test_a_watch_can_be_ended(service: Service, site: OddSite, watches: Watches) -> None:
    scan = service.scan(site.add_page("/page", []))
    service.finish()
    watch = watches.begin(scan, every_h=1, days=1, actor=REPORTER)
    watches.end(watch.id, actor=REPORTER)
    service.clock.advance(2 * HOUR)
    assert work(service, watches) == 0
    with service.database.read() as connection:
        entries = audit_entries.page(connection, after=0, limit=99)
    assert [(each.action, each.subject) for each in entries[-2:]] == [
        ("watch.begin", watch.id),
        ("watch.end", watch.id),
    ]


def test_a_watch_waits_until_its_previous_scan_is_finished(
    service: Service, site: OddSite, watches: Watches
) -> None:
    scan = service.scan(site.add_page("/page", []))
    watches.begin(scan, every_h=1, days=1, actor=REPORTER)
    service.clock.advance(HOUR)
    while watches.work_once():
        continue
    assert last_scan(watches) == scan
    service.finish()
    service.clock.advance(HOUR)
    assert work(service, watches) == 1
    assert last_scan(watches) != scan


def test_an_unknown_scan_or_watch_is_refused(service: Service, watches: Watches) -> None:
    with pytest.raises(UnknownScanError):
        watches.begin(ScanId("0" * 32), every_h=1, days=1, actor=REPORTER)
    with pytest.raises(UnknownWatchError):
        watches.end(WatchId("0" * 32), actor=REPORTER)
