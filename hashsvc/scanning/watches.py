"""Repeats scans on a schedule, to see whether an image comes back."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.loops import Loop
from hashsvc.scanning.errors import UnknownScanError, UnknownWatchError
from hashsvc.store import Database, UnknownRowError, scans, watches
from hashsvc.store.ids import ItemId, KeyId, OrganisationId, ScanId, WatchId, random_id
from hashsvc.store.watches import Watch

MOST_DAYS = 365
MOST_HOURS = 30 * 24

_ACTOR = "watch"
_EVERY_S = 10
_PAGE = 1000
_log = structlog.get_logger()


class Watches(Loop):
    """
    Begins and ends watches; as a loop, it submits a new scan for each watch that is due.

    Each run is a separate scan of the previous scan's URLs. A scan's results therefore say what was
    there at that time, and a match is new only the first time it is seen.

    Args:
        database: Where the watches and their scans are stored.

        on_work: Called after a scan was submitted.

        clock: Returns the time.
    """

    def __init__(
        self, database: Database, on_work: Callable[[], object], clock: Clock = utc_now
    ) -> None:
        super().__init__("watches", every_s=_EVERY_S)
        self._database = database
        self._on_work = on_work
        self._clock = clock

    def begin(
        self,
        scan_id: ScanId,
        *,
        every_h: int,
        days: int,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> Watch:
        """
        Watch the URLs of a scan; the first new scan is one interval from now.

        Args:
            scan_id: The scan to repeat.

            every_h: Hours from one scan to the next.

            days: Days until the watch ends.

            actor: The key that asks, for the audit log.

            organisation_id: The organisation that must own the scan; None allows any, here and in
                the methods below.

        Raises:
            UnknownScanError: If the organisation has no such scan.
        """
        now = self._clock()
        with self._database.write() as connection:
            try:
                scan = scans.by_id(connection, scan_id, organisation_id)
            except UnknownRowError as error:
                raise UnknownScanError("There is no such scan.") from error
            watch = Watch(
                id=WatchId(random_id()),
                key_id=actor,
                organisation_id=scan.organisation_id,
                scan_id=scan_id,
                every_h=every_h,
                created_at=now,
                due_at=now + timedelta(hours=every_h),
                ends_at=now + timedelta(days=days),
            )
            watches.add(connection, watch)
            audit.record(connection, actor=actor, action="watch.begin", subject=watch.id, now=now)
        return watch

    def search(self, *, limit: int, organisation_id: OrganisationId | None = None) -> list[Watch]:
        """Return watches, newest first, including those that have ended."""
        with self._database.read() as connection:
            return watches.search(connection, organisation_id, limit=limit)

    def end(
        self, watch_id: WatchId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> None:
        """
        End a watch; its scans and their matches stay.

        Raises:
            UnknownWatchError: If the organisation has no such watch.
        """
        now = self._clock()
        with self._database.write() as connection:
            try:
                watches.by_id(connection, watch_id, organisation_id)
            except UnknownRowError as error:
                raise UnknownWatchError("There is no such watch.") from error
            watches.end(connection, watch_id)
            audit.record(connection, actor=actor, action="watch.end", subject=watch_id, now=now)

    def work_once(self) -> bool:
        """Submit the scan of one watch that is due; return False if none is due."""
        now = self._clock()
        with self._database.write() as connection:
            watch = watches.take_due(connection, now)
            if watch is None:
                return False
            before = scans.progress(connection, watch.scan_id)
            if before.keys() & {"queued", "leased", "failed"}:
                # The previous scan is not finished, and another would only lengthen the queue.
                _log.warning("scan.watch_behind", watch=watch.id)
                return True
            urls = _urls_of(connection, watch.scan_id)
            via = scans.by_id(connection, watch.scan_id).via
            scan_id = ScanId(random_id())
            scans.add(
                connection,
                scan_id,
                watch.key_id,
                urls,
                now,
                watch.organisation_id,
                watch_id=watch.id,
                via=via,
            )
            watches.go_on_from(connection, watch.id, scan_id)
            audit.record(connection, actor=_ACTOR, action="scan.submit", subject=scan_id, now=now)
        _log.info("scan.watch_due", urls=len(urls))
        self._on_work()
        return True

    def run_once(self) -> None:
        """Submit the scans of all watches that are due."""
        while not self.is_stopping and self.work_once():
            continue


def _urls_of(connection: Connection, scan_id: ScanId) -> dict[str, str]:
    """Return the URLs of a scan, with their hosts."""
    urls: dict[str, str] = {}
    after = ItemId(0)
    while items := scans.items_of(connection, scan_id, after=after, limit=_PAGE):
        urls |= {each.url: urlsplit(each.url).hostname or "" for each in items}
        after = items[-1].id
    return urls
