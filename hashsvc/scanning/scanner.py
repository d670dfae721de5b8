"""Takes items from the work list, looks at each, and stores the suspected re-uploads."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching import BankIndex, Found
from hashsvc.scanning.errors import BadUrlError, FetchError, UnknownScanError
from hashsvc.scanning.look import Looker, SeenImage
from hashsvc.scanning.urls import normalise_url
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, cases, matches, scans
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    ItemId,
    KeyId,
    MatchId,
    OrganisationId,
    ScanId,
    random_id,
)
from hashsvc.store.scans import Item, Scan

_IDLE_S = 0.5
# Of a lease; what is left is for the last image's signature and for storing.
_LOOKING = 0.8
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    What became of a batch.

    Attributes:
        accepted: URLs in the work list now.

        duplicates: Lines that name a URL a second time.

        invalid: Number (from 1) of each line that is no URL, and the rule it breaks.
    """

    scan_id: ScanId
    accepted: int
    duplicates: int
    invalid: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is; counts of items by state, and of matches by state."""

    scan: Scan
    items: dict[str, int]
    matches: dict[str, int]

    @property
    def total(self) -> int:
        """All items."""
        return sum(self.items.values())

    @property
    def finished(self) -> int:
        """Items of which nothing more will come."""
        return sum(self.items.get(state, 0) for state in ("done", "dead", "cancelled"))


class Scanner:
    """The scans of one process: accepts batches, and works them off in threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bank_index: BankIndex,
        looker: Looker,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._database = database
        self._bank_index = bank_index
        self._looker = looker
        self._clock = clock
        self._stopping = threading.Event()
        self._work_came = threading.Event()
        self._threads: list[threading.Thread] = []

    def submit(
        self,
        lines: Iterable[str],
        *,
        actor: KeyId,
        organisation_id: OrganisationId = DEFAULT_ORGANISATION,
    ) -> Submitted:
        """Put a batch of reported URLs into the work list."""
        urls: dict[str, None] = {}
        invalid, duplicates = [], 0
        for number, line in enumerate(lines, start=1):
            try:
                url = normalise_url(line)
            except BadUrlError as error:
                invalid.append((number, str(error)))
                continue
            duplicates += url in urls
            urls[url] = None
        scan_id, now = ScanId(random_id()), self._clock()
        with self._database.write() as connection:
            scans.add(connection, scan_id, actor, list(urls), now, organisation_id)
            audit.record(connection, actor=actor, action="scan.submit", subject=scan_id, now=now)
        self._work_came.set()
        return Submitted(scan_id, len(urls), duplicates, tuple(invalid))

    def progress(self, scan_id: ScanId, organisation_id: OrganisationId | None = None) -> Progress:
        """
        Return how far a scan is, and its matches with the organisation's own cases.

        Args:
            organisation_id: Whose it has to be; here and below, None stands for any.

        Raises:
            UnknownScanError: If there is no such scan.
        """
        with self._database.read() as connection:
            try:
                scan = scans.by_id(connection, scan_id, organisation_id)
            except UnknownRowError as error:
                raise UnknownScanError("There is no such scan.") from error
            return Progress(
                scan=scan,
                items=scans.progress(connection, scan_id),
                matches=matches.count_by_state(connection, scan_id, organisation_id),
            )

    def items(
        self,
        scan_id: ScanId,
        *,
        after: int,
        limit: int,
        organisation_id: OrganisationId | None = None,
    ) -> list[Item]:
        """
        Return one page of a scan's items: those with an id above `after`.

        Raises:
            UnknownScanError: If there is no such scan.
        """
        self.progress(scan_id, organisation_id)
        with self._database.read() as connection:
            return scans.items_of(connection, scan_id, after=ItemId(after), limit=limit)

    def cancel(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """
        Stop what has not begun of a scan.

        Raises:
            UnknownScanError: If there is no such scan.
        """
        self.progress(scan_id, organisation_id)
        now = self._clock()
        with self._database.write() as connection:
            scans.cancel(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.cancel", subject=scan_id, now=now)
        return self.progress(scan_id, organisation_id)

    def start(self) -> None:
        """Begin to work off the list, in as many threads as the settings say."""
        for number in range(self._settings.scan_threads):
            thread = threading.Thread(target=self._work, name=f"scan-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the items in hand and stop."""
        self._stopping.set()
        self._work_came.set()
        for thread in self._threads:
            thread.join()

    def work_once(self) -> bool:
        """Do one item; False when none is due."""
        now = self._clock()
        lease = timedelta(seconds=self._settings.scan_lease_s)
        with self._database.write() as connection:
            item = scans.lease(connection, now=now, until=now + lease)
        if item is None:
            return False
        if item.attempts > self._settings.scan_attempts:
            self._fail(item, FetchError("worker-lost"))
            return True
        try:
            self._do(item)
        except FetchError as error:
            self._fail(item, error)
        except Exception as error:  # noqa: BLE001 - whatever one item does, the others go on.
            # The message may hold a URL, so that only the kind of error is told.
            _log.error("scan.item_crashed", item=item.id, error=type(error).__name__)
            self._fail(item, FetchError("internal", retry=True))
        return True

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.work_once()
            except Exception as error:  # noqa: BLE001 - a database that fails now may work later.
                _log.error("scan.worker_failed", error=type(error).__name__)
                busy = False
            if not busy:
                self._work_came.wait(_IDLE_S)
                self._work_came.clear()

    def _do(self, item: Item) -> None:
        seen = failed = 0
        found: list[tuple[SeenImage, Found]] = []
        # A slow page must not outlast the lease, or the item would be begun again and again.
        deadline = time.monotonic() + _LOOKING * self._settings.scan_lease_s
        for look in self._looker.look(item.url, deadline=deadline):
            if look.image is None:
                failed += 1
                continue
            seen += 1
            found += [(look.image, each) for each in self._find(look.image)]
        now = self._clock()
        with self._database.write() as connection:
            # A lost lease means that another worker does, or did, the item: it stores the matches.
            if not scans.finish(connection, item, images=seen, images_failed=failed, now=now):
                return
            for image, each in found:
                withdrawn = not cases.has_content(connection, each.content_id)
                if withdrawn or matches.find(connection, each.content_id, image.image_url):
                    continue
                matches.add(
                    connection,
                    MatchId(random_id()),
                    content_id=each.content_id,
                    scan_id=item.scan_id,
                    page_url=image.page_url,
                    image_url=image.image_url,
                    image_sha256=image.sha256,
                    tier=str(each.evidence.tier),
                    evidence=each.evidence.dump(),
                    now=now,
                )
        _log.info("scan.item_done", item=item.id, images=seen, failed=failed, found=len(found))

    def _find(self, image: SeenImage) -> list[Found]:
        """Return the contents that any frame of an image matches, each with its best evidence."""
        best: dict[int, Found] = {}
        for frame in image.frames:
            for each in self._bank_index.find(frame):
                before = best.get(each.content_id)
                if before is None or each.surer_than(before):
                    best[each.content_id] = each
        return list(best.values())

    def _fail(self, item: Item, error: FetchError) -> None:
        now = self._clock()
        wait = timedelta(seconds=self._settings.scan_retry_s)
        with self._database.write() as connection:
            cancelled = scans.by_id(connection, item.scan_id).cancelled_at is not None
            left = item.attempts < self._settings.scan_attempts
            again = error.retry and left and not cancelled
            scans.fail(
                connection,
                item,
                reason=error.reason,
                retry_at=now + wait if again else None,
                now=now,
            )
        _log.info("scan.item_failed", item=item.id, reason=error.reason, again=again)
