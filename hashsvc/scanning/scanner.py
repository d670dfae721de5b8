"""Threads that take items from the work list, look at each, and store the suspected re-uploads."""

import threading
import time
from collections.abc import Callable
from itertools import chain, islice

import structlog

from hashsvc.matching import BankIndex, Found, sighted
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.leases import Counted, Leases, Taken
from hashsvc.scanning.look import Looker, SeenImage
from hashsvc.settings import Settings
from hashsvc.store.candidates import Sighted

_IDLE_S = 0.5
# Of a lease; what is left is for the last image's signature and for storing.
_LOOKING = 0.8
# Frames: a page of hundreds does not hold the signatures of all.
_MATCHED_TOGETHER = 8
_log = structlog.get_logger()


class Scanner:
    """
    The workers of one process, a thread for each item that is looked at.

    A thread goes through a page some images at a time: while it waits for the site, others have
    their images decoded in the sandbox or matched.

    Args:
        work_came: Set when there is something new to do; otherwise it is noticed half a second
            later.

        get_ready: Returns once images can be signed: no lease runs while a sandbox is starting.
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
        # Held by the one thread that looks whether work came; the other idle ones wait behind it.
        self._idle = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work off the list, in as many threads as the settings say."""
        for number in range(self._settings.scan_threads):
            thread = threading.Thread(target=self._work, name=f"scan-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the images in hand of each item, put back what is not finished, and stop."""
        self._stopping.set()
        self._work_came.set()
        for thread in self._threads:
            thread.join()

    def work_once(self) -> bool:
        """Do one item; False when none is due."""
        taken = self._leases.take()
        if taken is None:
            return False
        try:
            self._do(taken)
        finally:
            self._leases.let_go(taken.item)
        return True

    def _work(self) -> None:
        if self._get_ready is not None:
            self._get_ready()
        while not self._stopping.is_set():
            try:
                busy = self.work_once()
            except Exception as error:  # noqa: BLE001 - a database that fails now may work later.
                _log.error("scan.worker_failed", error=type(error).__name__)
                busy = False
            if busy:
                # Where there was one there may be more: an idle thread is to look.
                self._work_came.set()
                continue
            with self._idle:
                if not self._stopping.is_set():
                    self._work_came.clear()
                    self._work_came.wait(_IDLE_S)

    def _do(self, taken: Taken) -> None:
        item = taken.item
        if self._leases.is_worn(item):
            self._leases.fail(item, FetchError("worker-lost"))
            return
        try:
            self._look(taken)
        except FetchError as error:
            self._leases.fail(item, error)
        except Exception as error:  # noqa: BLE001 - whatever one item does, the others go on.
            # The message may hold a URL, so that only the kind of error is told.
            _log.error("scan.item_crashed", item=item.id, error=type(error).__name__)
            self._leases.fail(item, FetchError("internal", retry=True))

    def _look(self, taken: Taken) -> None:
        item = taken.item
        seen = failed = 0
        later: str | None = None
        images = _Images(self._bank_index)
        # A slow page must not outlast the lease, or the item would be begun again and again.
        deadline = time.monotonic() + _LOOKING * self._settings.scan_lease_s
        for look in self._looker.look(item.url, deadline=deadline, via=taken.via):
            if look.image is None:
                failed += 1
                # What is late for this time's lease is not for the next: it would be late again.
                if look.retry and time.monotonic() < deadline:
                    later = later or look.reason
            else:
                seen += 1
                images.add(look.image)
            if self._stopping.is_set():
                self._leases.give_back(item)
                return
        counted, found = Counted(seen, failed, later), images.found()
        if self._leases.finish(item, counted, found, images.kept, mark=taken.mark):
            _log.info("scan.item_done", item=item.id, images=seen, failed=failed, found=len(found))


class _Images:
    """The images of an item, matched some at a time; of plain ones nothing is kept."""

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
        if self._frames >= _MATCHED_TOGETHER:
            self._match()

    def found(self) -> list[tuple[Sighted, Found]]:
        """Return which contents the images match: each once, with its best evidence."""
        self._match()
        return self._found

    def _match(self) -> None:
        waiting, self._waiting, self._frames = self._waiting, [], 0
        frames = [frame for _, image in waiting for frame in image.frames]
        of_frames = iter(self._bank_index.find_all(frames))
        for kept, image in waiting:
            best: dict[int, Found] = {}
            for each in chain(*islice(of_frames, len(image.frames))):
                before = best.get(each.content_id)
                if before is None or each.surer_than(before):
                    best[each.content_id] = each
            self._found += [(kept, each) for each in best.values()]
