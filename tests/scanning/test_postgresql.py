"""A worker continues after a restart of PostgreSQL, and two workers never record a match twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from hashsvc.clock import utc_now
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import ScanId
from tests.conftest import generated_photo, jpeg
from tests.helpers.postgresql import Server
from tests.helpers.waiting import wait_until
from tests.scanning.support import OddSite, Service

MINE = generated_photo(1)


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


def test_a_restart_of_postgresql_during_a_scan_loses_nothing(
    settings: Settings, database: Database, site: OddSite, postgresql: Server
) -> None:
    settings = settings.model_copy(
        update={"scan_threads": 3, "scan_lease_s": 3, "scan_items_per_host": 9}
    )
    service = Service(settings, database, utc_now)
    service.open_case(MINE)
    copies = [site.add_image(f"/copy{n}.jpg", jpeg(MINE, 70 - n)) for n in range(6)]
    restarts: list[str] = []

    def restart(handler: BaseHTTPRequestHandler) -> None:
        if not restarts:
            restarts.append("immediate")
            postgresql.stop("immediate")
            postgresql.start()
        body = jpeg(MINE, 75)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    copies.append(site.answer("/slow.jpg", restart))
    pages = [site.add_page(f"/page{n}", [each]) for n, each in enumerate(copies)]
    scan = service.scan(*pages)
    scanner = service.another_scanner(settings=settings)
    with capture_logs():
        scanner.start()
        wait_until(lambda: is_over(service, scan))
        scanner.stop()
    assert restarts == ["immediate"]
    assert service.states(scan) == [("done", None)] * len(pages)
    assert Counter(each.image_url for each in service.matches()) == dict.fromkeys(copies, 1)
    service.fetcher.close()


def is_over(service: Service, scan: ScanId) -> bool:
    try:
        return service.work_list.progress(scan).is_over
    except Exception:  # noqa: BLE001 - the server is being restarted.
        return False


def test_workers_that_find_the_same_match_at_once_record_it_once(
    settings: Settings, site: OddSite, database: Database, tmp_path: Path
) -> None:
    """They find the matches in opposite orders, which could make each wait for the other's row."""
    service = Service(settings, database, utc_now)
    service.open_case(MINE)
    copies = [site.add_image(f"/copy{n}.jpg", jpeg(MINE, 70 - n)) for n in range(4)]
    pages = [site.add_page(f"/page{n}", copies[:: 1 if n % 2 else -1]) for n in range(2)]
    scans = [service.scan(*pages) for _ in range(4)]
    together = Barrier(2)

    def work() -> int:
        own_database = Database.of(settings)
        with_own_lock = service.another_scanner(database=own_database)
        worked = 0
        together.wait(30)
        while with_own_lock.work_once():
            worked += 1
        own_database.close()
        return worked

    with capture_logs(), ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work) for _ in range(2)]
        assert sum(each.result() for each in working) == 2 * len(scans)
    for each in scans:
        assert service.states(each) == [("done", None)] * 2
        assert len(service.work_list.seen(each)) == 2 * len(copies)
    assert Counter(each.image_url for each in service.matches()) == dict.fromkeys(copies, 1)
    service.fetcher.close()
