"""Takes items from the work list, at most so many of one host at a time, and ends them."""

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

_LONGEST_RETRY = timedelta(days=1)
_ONE_FOR = timedelta(seconds=1)
_MOST_SCANS = 1000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """
    An item that is leased.

    Attributes:
        via: The proxy of its scan.

        mark: Contents that come from now on are above it, which `finish` asks for.
    """

    item: Item
    via: str | None
    mark: int


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
        # Scans take turns, however many URLs each has. Until when there is known to be but one:
        self._had_turn: set[ScanId] = set()
        self._one_until = datetime.min.replace(tzinfo=UTC)
        # A scan keeps its proxy for good.
        self._via: dict[ScanId, str | None] = {}
        # Where there was one item there are more, as a rule, and no need to ask before.
        self._was_one = False

    def take(self) -> Taken | None:
        """Return the next item, leased; None when none is due, or only of hosts that are busy."""
        with self._lock:
            now, busy = self._clock(), self._busy_hosts()
            # Nobody has to wait for somebody who finds nothing to write.
            if not self._was_one and not self._is_due(now, busy):
                return None
            with self._database.write(alone=False) as connection:
                item = self._take(connection, now, busy)
                self._was_one = item is not None
                if item is None:
                    return None
                via = self._via_of(connection, item.scan_id)
                # On SQLite the transaction is the only one that writes: nothing is committed
                # meanwhile, and to ask the feed costs a hundredth of a statement.
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
        """Return an item of a scan that has had no turn in this round, or begin a new round."""
        rounds: list[Collection[ScanId]] = [()]
        if self._had_turn and now >= self._one_until:
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
                # To look past thousands of URLs for another scan takes milliseconds.
                self._one_until = now + _ONE_FOR
        return None

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
        self,
        item: Item,
        counted: Counted,
        found: Iterable[tuple[Sighted, Found]],
        seen: Iterable[Sighted] = (),
        *,
        mark: int = 0,
    ) -> bool:
        """
        Mark an item done and store what was found at it; False when the lease was lost.

        One that was found before, by content and image URL, is not reported again. An item of which
        images may be had later is looked at again, as often as one that failed altogether.

        Args:
            seen: All its images, which are kept for contents that come later.

            mark: As of `Taken`: what has come since is compared with these images too.
        """
        now = self._clock()
        with self._lock, self._database.write(alone=False) as connection:
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
            # Others may be storing the same ones: in the same order nobody waits for one another.
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
            # These contents were not there when the images were matched, nor these images kept
            # when the contents came.
            came = unmatched.came_since(connection, mark)
            unmatched.add(connection, came, CandidateId(min(new) - 1))

    def fail(self, item: Item, error: FetchError) -> None:
        """Mark an item as to be tried later, where that may help, or else as dead."""
        now = self._clock()
        with self._lock, self._database.write(alone=False) as connection:
            retry_at = self._retry_at(connection, item, error)
            leases.fail(connection, item, reason=error.reason, retry_at=retry_at, now=now)
        again = retry_at is not None
        _log.info("scan.item_failed", item=item.id, reason=error.reason, again=again)

    def give_back(self, item: Item) -> None:
        """Put an item back that was begun and not finished, for the next to take."""
        with self._lock, self._database.write(alone=False) as connection:
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


def _order(found: tuple[Sighted, Found]) -> tuple[int, str]:
    image, each = found
    return each.content_id, image.image_url
