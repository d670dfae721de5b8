"""No item is lost or recorded twice when a worker dies or is late, and threads share the work."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hashsvc.scanning import Look
from hashsvc.store import Database
from hashsvc.store.tallies import Tally
from tests.conftest import generated_photo, jpeg
from tests.helpers.waiting import wait_until
from tests.scanning.support import OddSite, OtherLooker, Service, altered

MINE = generated_photo(1)
OTHER = generated_photo(2)


# Workers that are lost or late.


class Killed(BaseException):
    """Stands for the end of a process in the middle of an item."""


def test_the_item_of_a_dead_worker_is_taken_again_once_its_lease_has_expired(
    service: Service, site: OddSite
) -> None:
    def die(_url: str) -> None:
        raise Killed

    service.open_case(MINE)
    scan = service.scan(site.add_image("/copy.jpg", altered(MINE)))
    with pytest.raises(Killed):
        service.another_scanner(looker=OtherLooker(service.looker, die)).work_once()
    service.clock.advance(service.settings.scan_lease_s - 0.001)
    assert not service.scanner.work_once()
    assert service.states(scan) == [("leased", None)]
    service.clock.advance(0.001)
    assert service.scanner.work_once()
    assert service.states(scan) == [("done", None)]
    assert service.items(scan)[0].attempts == 2
    assert len(service.matches()) == 1


def test_an_item_that_kills_every_worker_is_given_up(service: Service, site: OddSite) -> None:
    looked: list[str] = []

    def die(url: str) -> None:
        looked.append(url)
        raise Killed

    scanner = service.another_scanner(looker=OtherLooker(service.looker, die))
    url = site.add_image("/deadly.jpg", jpeg(OTHER))
    scan = service.scan(url)
    for _ in range(service.settings.scan_attempts):
        with pytest.raises(Killed):
            scanner.work_once()
        service.clock.advance(service.settings.scan_lease_s)
    assert scanner.work_once()
    assert looked == [url] * service.settings.scan_attempts
    assert service.states(scan) == [("dead", "worker-lost")]
    service.clock.advance(service.settings.scan_lease_s)
    assert not scanner.work_once()


def test_the_result_of_a_late_worker_is_not_stored(service: Service, site: OddSite) -> None:
    """The other worker found the image gone, and its result stays."""
    service.open_case(MINE)
    url = site.add_image("/copy.jpg", altered(MINE))

    class Late:
        """A looker that returns after the lease has expired and another worker has the item."""

        def look(self, url: str, **_how: object) -> Iterator[Look]:
            seen = list(service.looker.look(url))
            assert seen[0].image is not None
            service.clock.advance(service.settings.scan_lease_s)
            site.take_off(url)
            assert service.scanner.work_once()
            yield from seen

    scan = service.scan(url)
    assert service.another_scanner(looker=Late()).work_once()
    assert service.states(scan) == [("dead", "http-404")]
    assert service.items(scan)[0].images == 0
    assert service.matches() == []


def test_the_failure_of_a_late_worker_changes_nothing(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    site.add_image("/copy.jpg", altered(MINE))

    def be_late(url: str) -> None:
        service.clock.advance(service.settings.scan_lease_s)
        assert service.scanner.work_once()
        raise RuntimeError

    scan = service.scan(f"{site.url}/copy.jpg")
    assert service.another_scanner(looker=OtherLooker(service.looker, be_late)).work_once()
    assert service.states(scan) == [("done", None)]
    assert len(service.matches()) == 1


def test_a_slow_page_ends_before_its_lease(service: Service, site: OddSite) -> None:
    """The images seen so far are stored; otherwise a slow page would be started again and again."""
    service.open_case(MINE)
    site.add_image("/copy.jpg", altered(MINE))
    never = threading.Event()
    for number in range(20):
        site.answer(f"/{number}.jpg", lambda _handler: never.wait(30))
    page = site.add_page("/page", ["copy.jpg", *(f"{number}.jpg" for number in range(20))])
    settings = service.settings.model_copy(update={"scan_lease_s": 2.5})
    scan = service.scan(page)
    deadlines: list[float | None] = []

    class Watched:
        """A looker that records its deadline."""

        def look(
            self, url: str, *, deadline: float | None, tally: Tally, **_how: object
        ) -> Iterator[Look]:
            deadlines.append(deadline)
            return service.looker.look(url, deadline=deadline, tally=tally)

    began = time.monotonic()
    assert service.another_scanner(settings=settings, looker=Watched()).work_once()
    never.set()
    (deadline,) = deadlines
    assert deadline is not None
    assert began < deadline < began + settings.scan_lease_s
    (item,) = service.items(scan)
    assert (item.state, item.images, item.images_failed) == ("done", 1, 20)
    assert len(service.matches()) == 1


# Threads.


def test_threads_work_on_the_list_until_they_are_stopped(service: Service, site: OddSite) -> None:
    settings = service.settings.model_copy(update={"scan_threads": 3})
    scanner = service.another_scanner(settings=settings)
    service.open_case(MINE)
    urls = [site.add_image(f"/{number}.jpg", altered(MINE)) for number in range(12)]
    before = service.scan(*urls[:6])
    threads = set(threading.enumerate())
    scanner.start()
    # The site starts threads of its own, which are left out here.
    new = set(threading.enumerate()) - threads
    started = [each for each in new if each.name.startswith("scan-")]
    assert sorted(each.name for each in started) == ["scan-0", "scan-1", "scan-2"]
    wait_until(lambda: service.work_list.progress(before).finished == 6)
    after = service.scan(*urls[6:])
    wait_until(lambda: service.work_list.progress(after).finished == 6)
    scanner.stop()
    assert not any(each.is_alive() for each in started)
    assert service.states(before) + service.states(after) == [("done", None)] * 12
    assert sorted(each.image_url for each in service.matches()) == sorted(urls)
    assert {each.attempts for each in service.items(before)} == {1}
    late = service.scan(urls[0])
    assert service.states(late) == [("queued", None)]


def test_stopping_puts_the_item_in_hand_back_and_starts_no_other(
    service: Service, site: OddSite
) -> None:
    """The item does not count as tried, so its number of attempts stays the same."""
    asked, answer = threading.Event(), threading.Event()

    def slow(_url: str) -> None:
        asked.set()
        assert answer.wait(30)

    settings = service.settings.model_copy(update={"scan_threads": 1})
    scanner = service.another_scanner(settings=settings, looker=OtherLooker(service.looker, slow))
    url = site.add_image("/other.jpg", jpeg(OTHER))
    scan = service.scan(url, site.add_image("/other2.jpg", jpeg(OTHER)))
    scanner.start()
    assert asked.wait(30)
    stopping = threading.Thread(target=scanner.stop)
    stopping.start()
    wait_until(lambda: scanner.is_stopping)
    answer.set()
    stopping.join(30)
    assert not stopping.is_alive()
    assert service.states(scan) == [("queued", None), ("queued", None)]
    first, _ = service.items(scan)
    assert first.attempts - first.attempts_before == 0
    assert service.finish() == 2
    assert service.states(scan) == [("done", None)] * 2


def test_threads_that_wait_for_one_host_do_not_block_others(
    service: Service, site: OddSite
) -> None:
    """A limited number of a slow host's URLs are in hand, and other hosts' URLs are scanned."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    def wait(url: str) -> None:
        if "localhost" in url:
            asked.release()
            assert go_on.wait(30)

    settings = service.settings.model_copy(update={"scan_threads": 4, "scan_items_per_host": 2})
    scanner = service.another_scanner(settings=settings, looker=OtherLooker(service.looker, wait))
    pages = [site.add_page(f"/{number}", []) for number in range(6)]
    slow = service.scan(*(each.replace("127.0.0.1", "localhost") for each in pages))
    quick = service.scan(*pages)
    scanner.start()
    for _ in range(2):
        assert asked.acquire(timeout=30)
    wait_until(lambda: service.work_list.progress(quick).is_over)
    assert service.work_list.progress(slow).items == {"leased": 2, "queued": 4}
    assert not asked.acquire(blocking=False)
    go_on.set()
    wait_until(lambda: service.work_list.progress(slow).is_over)
    scanner.stop()
    assert {each.state for each in service.items(slow)} == {"done"}


class Failing:
    """A database whose first transactions fail."""

    def __init__(self, database: Database, failures: int) -> None:
        self._database = database
        self.failures = failures

    @contextmanager
    def read(self) -> Iterator[Any]:
        if self.failures:
            self.failures -= 1
            raise OperationalError("SELECT url = ?", ("http://sekrit/",), Exception("full"))
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Any]:
        if self.failures:
            self.failures -= 1
            raise OperationalError("UPDATE x WHERE url = ?", ("http://sekrit/",), Exception("full"))
        with self._database.write(alone=alone) as connection:
            yield connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def test_scanning_goes_on_after_database_failures(
    service: Service, site: OddSite, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = service.settings.model_copy(update={"scan_threads": 2})
    database = Failing(service.database, failures=3)
    scanner = service.another_scanner(settings=settings, database=database)
    scan = service.scan(site.add_image("/other.jpg", jpeg(OTHER)))
    with capture_logs() as logs:
        scanner.start()
        wait_until(lambda: service.work_list.progress(scan).finished == 1)
        scanner.stop()
    failed = {"event": "scan.worker_failed", "error": "OperationalError", "log_level": "error"}
    assert logs.count(failed) == 3
    assert service.states(scan) == [("done", None)]
    assert "sekrit" not in repr(logs) + "".join(capfd.readouterr())
