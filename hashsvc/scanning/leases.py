"""Leases items of the work list, within a limit per host, and stores how each item ended."""

import random
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection

from hashsvc.clock import Clock, utc_now
from hashsvc.matching import Found, record_match
from hashsvc.scanning.errors import FetchError
from hashsvc.settings import Settings
from hashsvc.store import Database, candidates, leases, scans, unmatched
from hashsvc.store.candidates import Sighted
from hashsvc.store.ids import CandidateId, ScanId
from hashsvc.store.scans import Item
from hashsvc.store.tallies import Tally

_LONGEST_RETRY = timedelta(days=1)
_SINGLE_SCAN_FOR = timedelta(seconds=1)
_MOST_SCANS = 1000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """
    An item that is leased.

    Attributes:
        via: Name of the proxy that its scan uses; None for the default.

        mark: Feed position when the item was leased; contents added later have higher positions.
    """

    item: Item
    via: str | None
    mark: int


class Leases:
    """
    The items that this process has leased; safe to share between threads.

    A lease expires by itself, so a dead worker cannot keep an item. A worker that has lost its
    lease stores nothing.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lease = timedelta(seconds=settings.scan_lease_s)
        # Only one thread of this process writes at a time, because SQLite makes waiting writers
        # sleep in fixed steps.
        self._lock = threading.Lock()
        self._in_hand: Counter[bytes] = Counter()
        # The scans that had their turn in this round. Scans take turns, however many URLs each has.
        self._had_turn: set[ScanId] = set()
        # Until this time, assume that only one scan has items that are due.
        self._single_scan_until = datetime.min.replace(tzinfo=UTC)
        # A scan's proxy never changes.
        self._via: dict[ScanId, str | None] = {}
        # After one item there is usually another, so skip the check for due items.
        self._took_last_time = False

    def take(self) -> Taken | None:
        """Lease the next item; return None if no item is due, or only items of busy hosts."""
        with self._lock:
            now, busy = self._clock(), self._busy_hosts()
            # Check in a read transaction first: a worker that finds nothing must not block writers.
            if not self._took_last_time and not self._is_due(now, busy):
                return None
            with self._database.write(alone=False) as connection:
                item = self._take(connection, now, busy)
                self._took_last_time = item is not None
                if item is None:
                    return None
                via = self._via_of(connection, item.scan_id)
                # On SQLite no other transaction can write during this one. So `newest_change` is
                # exact here, and takes a hundredth of the time of an SQL statement.
                newest = self._database.newest_change()
                mark = unmatched.mark(connection) if newest is None else newest
            if item.host_digest is not None:
                self._in_hand[item.host_digest] += 1
            return Taken(item, via, mark)

    def _via_of(self, connection: Connection, scan_id: ScanId) -> str | None:
        if scan_id not in self._via:
            if len(self._via) >= _MOST_SCANS:
                self._via.clear()
            self._via[scan_id] = scans.via_of(connection, scan_id)
        return self._via[scan_id]

    def _is_due(self, now: datetime, busy: list[bytes]) -> bool:
        with self._database.read() as connection:
            return leases.is_due(connection, now=now, avoiding=busy)

    def _take(self, connection: Connection, now: datetime, busy: list[bytes]) -> Item | None:
        """Lease an item of a scan that has had no turn in this round, or begin a new round."""
        rounds: list[Collection[ScanId]] = [()]
        if self._had_turn and now >= self._single_scan_until:
            rounds.insert(0, tuple(self._had_turn))
        until = now + self._lease
        for had_turn in rounds:
            item = leases.take(
                connection, now=now, until=until, avoiding=busy, passing_over=had_turn
            )
            if item is not None:
                if not had_turn:
                    self._had_turn.clear()
                self._had_turn.add(item.scan_id)
                return item
            if len(had_turn) == 1:
                # Searching past thousands of URLs for another scan takes milliseconds.
                self._single_scan_until = now + _SINGLE_SCAN_FOR
        return None

    def release(self, item: Item) -> None:
        """Count an item as no longer in hand, however it ended."""
        with self._lock:
            if item.host_digest is not None:
                self._in_hand[item.host_digest] -= 1
                self._in_hand += Counter()  # Drops the hosts whose count is 0.

    def is_worn_out(self, item: Item) -> bool:
        """Return whether an item was leased too often because its workers died without a report."""
        return item.attempts - item.attempts_before > self._settings.scan_attempts

    def finish(
        self,
        item: Item,
        tally: Tally,
        found: Iterable[tuple[Sighted, Found]],
        seen: Iterable[Sighted] = (),
        *,
        retry_reason: str | None = None,
        mark: int = 0,
    ) -> bool:
        """
        Mark an item done and record its matches; return False if the lease was lost.

        A match with the same content and image URL as an earlier one is not recorded again. If
        some images may succeed later, the item is retried as often as an item that failed.

        Args:
            item: The leased item.

            tally: What became of its images.

            found: Images and the contents that they match.

            seen: All images of the item, which are kept for contents that are added later.

            retry_reason: Why an image failed that may succeed later; None if there is no such
                image.

            mark: `Taken.mark`; contents added since are compared with these images too.
        """
        now = self._clock()
        with self._lock, self._database.write(alone=False) as connection:
            retry_at = retry_reason and self._retry_at(
                connection, item, FetchError(retry_reason, retry=True)
            )
            if retry_at and retry_reason:
                is_mine = leases.fail(
                    connection, item, reason=retry_reason, retry_at=retry_at, now=now, tally=tally
                )
            else:
                is_mine = leases.finish(connection, item, tally, now=now)
            if not is_mine:
                return False  # Another worker has the item, and stores its matches.
            # Workers that store the same matches do it in the same order, so they cannot deadlock.
            for image, each in sorted(found, key=_order):
                match_id = record_match(
                    connection,
                    image,
                    each,
                    scan_id=item.scan_id,
                    flood_matches=self._settings.flood_matches,
                    now=now,
                )
                if match_id is not None:
                    leases.note_sighting(connection, item.id, match_id)
            if self._settings.candidate_days:
                self._keep(connection, item, seen, mark)
        return True

    def _keep(self, connection: Connection, item: Item, seen: Iterable[Sighted], mark: int) -> None:
        day = self._clock().astimezone(UTC).date().isoformat()
        ordered = sorted(seen, key=lambda each: (each.image_url, each.image_sha256))
        kept = candidates.keep_all(connection, ordered, scan_id=item.scan_id, day=day)
        new = [each for each in kept if each is not None]
        if new and self._database.newest_change() != mark:
            # Contents added after `mark` were not in the index when these images were matched, and
            # these images were not kept yet when the contents were added.
            added = unmatched.came_since(connection, mark)
            unmatched.add(connection, added, CandidateId(min(new) - 1))

    def fail(self, item: Item, error: FetchError, tally: Tally | None = None) -> None:
        """
        Mark an item to be retried later, or as dead if a retry would not help.

        Args:
            tally: What became of its images; None if that is not known.
        """
        now = self._clock()
        with self._lock, self._database.write(alone=False) as connection:
            retry_at = self._retry_at(connection, item, error)
            leases.fail(
                connection, item, reason=error.reason, retry_at=retry_at, now=now, tally=tally
            )
        again = retry_at is not None
        _log.info("scan.item_failed", item=item.id, reason=error.reason, again=again)

    def give_back(self, item: Item) -> None:
        """Put an unfinished item back, for the next worker to take."""
        with self._lock, self._database.write(alone=False) as connection:
            leases.give_back(connection, item, now=self._clock())

    def _busy_hosts(self) -> list[bytes]:
        most = self._settings.scan_items_per_host
        return [host for host, items in self._in_hand.items() if items >= most]

    def _retry_at(self, connection: Connection, item: Item, error: FetchError) -> datetime | None:
        """Return when to retry an item; None for never."""
        tries = item.attempts - item.attempts_before
        if not error.retry or tries >= self._settings.scan_attempts:
            return None
        if scans.by_id(connection, item.scan_id).cancelled_at is not None:
            return None
        return self._clock() + self._wait(tries, error)

    def _wait(self, tries: int, error: FetchError) -> timedelta:
        """Return how long to wait: about twice as long each time, or longer if the site asks."""
        # The random factor keeps items that failed together from coming back together.
        wait_s = self._settings.scan_retry_s * 2 ** (tries - 1) * random.uniform(0.75, 1.25)
        return min(timedelta(seconds=max(wait_s, error.retry_after or 0)), _LONGEST_RETRY)


def _order(found: tuple[Sighted, Found]) -> tuple[int, str]:
    image, each = found
    return each.content_id, image.image_url
