"""Threads that lease items of the work list, look at each, and record the matches."""

import threading
import time
from collections.abc import Callable
from itertools import chain, islice

import structlog

from hashsvc.matching import BankIndex, Found, sighted
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.leases import Leases, Taken
from hashsvc.scanning.look import Looker
from hashsvc.scanning.results import SeenImage
from hashsvc.settings import Settings
from hashsvc.store.candidates import Sighted
from hashsvc.store.tallies import Tally

_IDLE_S = 0.5
# The share of a lease for downloads. The rest is for signing the last image and for storing.
_LOOKING_SHARE = 0.8
# Match as soon as this many pictures wait, so that an item with hundreds of images does not keep
# all their signatures in memory.
_FRAMES_TOGETHER = 8
_log = structlog.get_logger()


class Scanner:
    """
    The worker threads of one process; each looks at one item at a time.

    While one thread waits for a site, the sandbox can decode images of other threads, and the index
    can match them.

    Args:
        settings: Number of threads and length of a lease.

        leases: Leases items, and stores how they ended.

        bank_index: Finds the contents that match.

        looker: Finds and signs the images at a URL.

        work_came: An event that is set when work is added, to wake an idle thread. If it is None,
            threads find new work only by looking for it every half second.

        get_ready: Called before the first lease; returns once images can be signed, so that no
            lease runs while a sandbox is starting.
    """

    def __init__(
        self,
        settings: Settings,
        leases: Leases,
        bank_index: BankIndex,
        looker: Looker,
        work_came: threading.Event | None = None,
        get_ready: Callable[[], object] | None = None,
    ) -> None:
        self._settings = settings
        self._leases = leases
        self._bank_index = bank_index
        self._looker = looker
        self._get_ready = get_ready
        self._stopping = threading.Event()
        self._work_came = work_came or threading.Event()
        # Held by the one idle thread that waits for work; other idle threads wait for this lock.
        self._idle = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the worker threads; the setting `scan_threads` says how many."""
        for number in range(self._settings.scan_threads):
            thread = threading.Thread(target=self._work, name=f"scan-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop the threads: each finishes its current image and puts its unfinished item back."""
        self._stopping.set()
        self._work_came.set()
        for thread in self._threads:
            thread.join()

    def work_once(self) -> bool:
        """Work on one item; return False if none is due."""
        taken = self._leases.take()
        if taken is None:
            return False
        try:
            self._work_on(taken)
        finally:
            self._leases.release(taken.item)
        return True

    def _work(self) -> None:
        if self._get_ready is not None:
            self._get_ready()
        while not self.is_stopping:
            try:
                busy = self.work_once()
            except Exception as error:  # noqa: BLE001 - the database may work again later.
                _log.error("scan.worker_failed", error=type(error).__name__)
                busy = False
            if busy:
                # There may be more items, so wake an idle thread.
                self._work_came.set()
                continue
            with self._idle:
                if not self.is_stopping:
                    self._work_came.clear()
                    self._work_came.wait(_IDLE_S)

    def _work_on(self, taken: Taken) -> None:
        item = taken.item
        if self._leases.is_worn_out(item):
            self._leases.fail(item, FetchError("worker-lost"))
            return
        tally = Tally()
        try:
            self._look(taken, tally)
        except FetchError as error:
            self._leases.fail(item, error, tally)
        except Exception as error:  # noqa: BLE001 - one item must not stop the others.
            # The message may contain a URL, so log only the type of the error.
            _log.error("scan.item_crashed", item=item.id, error=type(error).__name__)
            self._leases.fail(item, FetchError("internal", retry=True))

    def _look(self, taken: Taken, tally: Tally) -> None:
        item = taken.item
        retry_reason: str | None = None
        images = _ItemImages(self._bank_index)
        # A slow page must not outlast the lease, or the item would be started again and again.
        deadline = time.monotonic() + _LOOKING_SHARE * self._settings.scan_lease_s
        for look in self._looker.look(item.url, deadline=deadline, via=taken.via, tally=tally):
            if look.image is not None:
                images.add(look.image)
            # Don't retry an image that failed after the deadline; it would be too late again.
            elif look.retry and time.monotonic() < deadline:
                retry_reason = retry_reason or look.reason
            if self.is_stopping:
                self._leases.give_back(item)
                return
        found = images.found()
        if self._leases.finish(
            item, tally, found, images.kept, retry_reason=retry_reason, mark=taken.mark
        ):
            _log.info("scan.item_done", item=item.id, found=len(found), **tally.columns())


class _ItemImages:
    """Matches the images of an item in small batches; images too plain to match are dropped."""

    def __init__(self, bank_index: BankIndex) -> None:
        self.kept: list[Sighted] = []
        self._bank_index = bank_index
        self._waiting: list[tuple[Sighted, SeenImage]] = []
        self._frames = 0
        self._found: list[tuple[Sighted, Found]] = []

    def add(self, image: SeenImage) -> None:
        kept = sighted(image)
        if kept is not None:
            self.kept.append(kept)
            self._waiting.append((kept, image))
            self._frames += len(image.frames)
        if self._frames >= _FRAMES_TOGETHER:
            self._match()

    def found(self) -> list[tuple[Sighted, Found]]:
        """Return images and the contents they match, each pair once, with its best evidence."""
        self._match()
        return self._found

    def _match(self) -> None:
        waiting, self._waiting, self._frames = self._waiting, [], 0
        frames = [frame for _, image in waiting for frame in image.frames]
        found_by_frame = iter(self._bank_index.find_all(frames))
        for kept, image in waiting:
            best: dict[int, Found] = {}
            for each in chain(*islice(found_by_frame, len(image.frames))):
                before = best.get(each.content_id)
                if before is None or each.surer_than(before):
                    best[each.content_id] = each
            self._found += [(kept, each) for each in best.values()]
