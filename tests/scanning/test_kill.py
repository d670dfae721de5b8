"""A service that is killed in the middle of a scan continues it when it is started again."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hashsvc import audit
from hashsvc.clock import utc_now
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.conftest import generated_photo, jpeg
from tests.helpers.waiting import wait_until
from tests.scanning.support import Answer, OddSite, Service

PAGES = 6
THREADS = 2
SERVICE = ("serve", "--port", "0")


class Gate:
    """Lets some answers through, and holds the others back until it is opened."""

    def __init__(self, let_through: int) -> None:
        self.waiting = 0
        self.opened = threading.Event()
        self._left = threading.Semaphore(let_through)

    def before(self, body: bytes) -> Answer:
        """Return a function that answers with a body once it has passed the gate."""

        def by(handler: BaseHTTPRequestHandler) -> None:
            if not self._left.acquire(blocking=False):
                self.waiting += 1
                self.opened.wait(60)
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return by


@contextmanager
def running(
    settings: Settings, site: OddSite, log: Path, *command: str, **other: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in its own process: the whole service or a worker."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("HASHSVC_")}
    if settings.database_url and settings.key_encryption_key:
        env["HASHSVC_DATABASE_URL"] = settings.database_url
        env["HASHSVC_KEY_ENCRYPTION_KEY"] = settings.key_encryption_key.get_secret_value()
    env |= {
        "HASHSVC_DATA_DIR": str(settings.data_dir),
        "HASHSVC_FETCH_NETWORKS": "127.0.0.0/8",
        "HASHSVC_FETCH_PORTS": str(site.port),
        "HASHSVC_FETCH_TIMEOUT_S": "60",
        "HASHSVC_SCAN_THREADS": str(THREADS),
        "HASHSVC_SCAN_LEASE_S": "6",
        "HASHSVC_SCAN_ATTEMPTS": "9",
        "HASHSVC_SCAN_ITEMS_PER_HOST": "9",
    }
    env |= other
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "hashsvc", *command], env=env, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(30)


def test_after_kill_9_every_item_is_done_and_every_match_is_recorded_once(
    settings: Settings, database: Database, site: OddSite, tmp_path: Path
) -> None:
    service = Service(settings, database, utc_now)
    mine = generated_photo(1)
    service.open_case(mine)
    # One of each page's three images is on all pages. Five answers come before the kill, so at
    # least one page is done, and each thread has another in hand.
    gate = Gate(let_through=5)
    shared = site.answer("/shared.jpg", gate.before(jpeg(mine, 60)))
    copies, pages = [shared], []
    for number in range(PAGES):
        other = site.answer(f"/other{number}.jpg", gate.before(jpeg(generated_photo(50 + number))))
        copy = site.answer(f"/copy{number}.jpg", gate.before(jpeg(mine, 70 - number)))
        copies.append(copy)
        pages.append(site.add_page(f"/page{number}", [copy, other, shared]))
    scan = service.scan(*pages)

    def counted() -> dict[str, int]:
        return service.work_list.progress(scan).items

    log = tmp_path / "service.log"
    with running(settings, site, log, *SERVICE) as process:
        wait_until(lambda: process.poll() is not None or gate.waiting >= THREADS)
        assert process.poll() is None, log.read_text()
        before = counted()
        process.kill()  # SIGKILL, so the process cannot tidy up.
        process.wait(30)
    assert before["leased"] == THREADS
    assert before["done"] >= 1
    assert before["queued"] >= 1
    assert counted() == before
    found_before = [each.image_url for each in service.matches()]
    assert found_before

    gate.opened.set()
    with running(settings, site, log, *SERVICE) as process:
        wait_until(lambda: counted() == {"done": PAGES} or process.poll() is not None)
        assert process.poll() is None, log.read_text()

    items = service.items(scan)
    assert [(each.state, each.images, each.images_failed) for each in items] == [
        ("done", 3, 0)
    ] * PAGES
    assert sum(each.attempts > 1 for each in items) >= THREADS
    found = Counter(each.image_url for each in service.matches())
    assert found == dict.fromkeys(copies, 1)
    assert set(found_before) <= set(found)
    with database.read() as connection:
        audit.verify(connection)
    said = log.read_text()
    assert "scan.item_done" in said
    assert site.url not in said
    assert "Traceback" not in said
    service.fetcher.close()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("kills", "pages"),
    [(2, 16), pytest.param(40, 400, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
def test_workers_killed_at_any_moment_lose_no_item_and_record_no_match_twice(
    kills: int, pages: int, settings: Settings, database: Database, site: OddSite, tmp_path: Path
) -> None:
    service = Service(settings, database, utc_now)
    mine = generated_photo(1)
    service.open_case(mine)
    copies = [site.add_image("/shared.jpg", jpeg(mine, 60))]
    urls = []
    for number in range(pages):
        # The bytes differ, so each image is decoded.
        image = site.add_image(f"/copy{number}.jpg", jpeg(mine, 70) + bytes([number % 256]))
        copies.append(image)
        urls.append(site.add_page(f"/page{number}", [image, copies[0]]))
    scan = service.scan(*urls)
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    log = tmp_path / "worker.log"

    def done() -> int:
        return service.work_list.progress(scan).items.get("done", 0)

    quick = {"HASHSVC_SCAN_LEASE_S": "6", "HASHSVC_SCAN_ATTEMPTS": "1000"}

    def done_reaches(least: int) -> Callable[[], bool]:
        return lambda: done() >= least

    with running(settings, site, log, "worker", "--threads", "2", **quick) as beside:
        for kill in range(kills):
            before = done()
            with running(settings, site, log, "worker", "--threads", "3", **quick) as process:
                least = min(pages, max(before + 1, pages * (kill + 1) // (kills + 2)))
                wait_until(done_reaches(least))
                time.sleep(rng.uniform(0, 0.05))
                assert process.poll() is None, log.read_text()
                process.kill()
                process.wait(30)
        beside.kill()
    with running(settings, site, log, "worker", "--threads", "3", **quick) as process:
        wait_until(lambda: done() == pages or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        process.terminate()
        assert process.wait(30) == 0
    items = service.items(scan)
    assert [(each.state, each.images, each.images_failed) for each in items] == [
        ("done", 2, 0)
    ] * pages
    found = Counter(each.image_url for each in service.matches())
    assert found == dict.fromkeys(copies, 1)
    # Both images of each page were found.
    assert len(service.work_list.seen(scan)) == 2 * pages
    said = log.read_text()
    assert site.url not in said
    assert "Traceback" not in said
    service.fetcher.close()
