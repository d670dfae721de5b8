"""Takes items from the work list, at most so many of one host at a time, and ends them."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from hashsvc.clock import Clock, utc_now
from hashsvc.matching import Found
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.look import SeenImage
from hashsvc.settings import Settings
from hashsvc.store import Database, cases, leases, matches, scans
from hashsvc.store.ids import MatchId, random_id
from hashsvc.store.scans import Item

_LONGEST_RETRY = timedelta(days=1)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """An item that is leased, and the proxy of its scan."""

    item: Item
    via: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """
    How many images of an item were looked at, and how many could not be.

    Attributes:
        later: Why one of these could not be that may be later; None for none.
    """

    images: int
    images_failed: int
    later: str | None = None


class Leases:
    """
    The items that this process has in hand; threads share it.

    A lease ends by itself: a worker that is gone holds nothing for longer. Whoever lost a lease
    stores nothing any more.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lease = timedelta(seconds=settings.scan_lease_s)
        # One thread at a time asks and writes: on SQLite the others would wait in steps of its own.
        self._lock = threading.Lock()
        self._in_hand: Counter[bytes] = Counter()

    def take(self) -> Taken | None:
        """Return the next item, leased; None when none is due, or only of hosts that are busy."""
        with self._lock:
            now, busy = self._clock(), self._busy_hosts()
            with self._database.read() as connection:
                if not leases.is_due(connection, now=now, avoiding=busy):
                    return None
            with self._database.write() as connection:
                item = leases.take(connection, now=now, until=now + self._lease, avoiding=busy)
                if item is None:
                    return None
                via = scans.by_id(connection, item.scan_id).via
            if item.host_digest is not None:
                self._in_hand[item.host_digest] += 1
            return Taken(item, via)

    def let_go(self, item: Item) -> None:
        """Count an item as no longer in hand, whatever became of it."""
        with self._lock:
            if item.host_digest is not None:
                self._in_hand[item.host_digest] -= 1
                self._in_hand += Counter()  # Without those of which none is left.

    def is_worn(self, item: Item) -> bool:
        """Tell whether an item was taken too often: its workers did not live to say why."""
        return item.attempts - item.attempts_before > self._settings.scan_attempts

    def finish(
        self, item: Item, counted: Counted, found: Iterable[tuple[SeenImage, Found]]
    ) -> bool:
        """
        Mark an item done and store what was found at it; False when the lease was lost.

        One that was found before, by content and image URL, is not reported again. An item of which
        images may be had later is looked at again, as often as one that failed altogether.
        """
        now = self._clock()
        with self._lock, self._database.write() as connection:
            # A lost lease means that another worker does, or did, the item: it stores the matches.
            again = counted.later and self._retry_at(
                connection, item, FetchError(counted.later, retry=True)
            )
            counts = {"images": counted.images, "images_failed": counted.images_failed}
            if again and counted.later:
                is_mine = leases.fail(
                    connection, item, reason=counted.later, retry_at=again, now=now, **counts
                )
            else:
                is_mine = leases.finish(connection, item, now=now, **counts)
            if not is_mine:
                return False
            for image, each in found:
                if not cases.has_content(connection, each.content_id):
                    continue  # Withdrawn since.
                match_id = matches.add(
                    connection,
                    MatchId(random_id()),
                    content_id=each.content_id,
                    scan_id=item.scan_id,
                    page_url=image.page_url,
                    image_url=image.image_url,
                    image_sha256=image.sha256,
                    tier=str(each.evidence.tier),
                    evidence=each.evidence.dump(),
                    facts=json.dumps(dict(image.facts)),
                    now=now,
                )
                leases.note_sighting(connection, item.id, match_id)
        return True

    def fail(self, item: Item, error: FetchError) -> None:
        """Mark an item as to be tried later, where that may help, or else as dead."""
        now = self._clock()
        with self._lock, self._database.write() as connection:
            retry_at = self._retry_at(connection, item, error)
            leases.fail(connection, item, reason=error.reason, retry_at=retry_at, now=now)
        again = retry_at is not None
        _log.info("scan.item_failed", item=item.id, reason=error.reason, again=again)

    def give_back(self, item: Item) -> None:
        """Put an item back that was begun and not finished, for the next to take."""
        with self._lock, self._database.write() as connection:
            leases.give_back(connection, item, now=self._clock())

    def _busy_hosts(self) -> list[bytes]:
        most = self._settings.scan_items_per_host
        return [host for host, items in self._in_hand.items() if items >= most]

    def _retry_at(self, connection: Connection, item: Item, error: FetchError) -> datetime | None:
        """Return when an item is to be tried again; None for never."""
        tries = item.attempts - item.attempts_before
        if not error.retry or tries >= self._settings.scan_attempts:
            return None
        if scans.by_id(connection, item.scan_id).cancelled_at is not None:
            return None
        return self._clock() + self._wait(tries, error)

    def _wait(self, tries: int, error: FetchError) -> timedelta:
        """Return how long to wait: twice as long each time, more or less, or as the site says."""
        # Items that failed together do not come back together.
        wait_s = self._settings.scan_retry_s * 2 ** (tries - 1) * random.uniform(0.75, 1.25)
        return min(timedelta(seconds=max(wait_s, error.retry_after or 0)), _LONGEST_RETRY)
