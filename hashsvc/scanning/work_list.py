"""The scans of the service, for those who report URLs: submit, follow, stop, take up again."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.scanning.errors import CancelledScanError, OtherBatchError, UnknownScanError
from hashsvc.scanning.lines import BatchLine, by_line, sort_lines
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, matches, scans
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    ItemId,
    KeyId,
    OrganisationId,
    ScanId,
    random_id,
)
from hashsvc.store.scans import Item, Repeatable, Scan, Seen

_FINISHED = ("done", "dead", "cancelled")


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    What became of a batch.

    Attributes:
        accepted: URLs in the work list.

        duplicates: Lines that name a URL a second time.

        invalid: Number (from 1) of each line that is no URL, and the rule it breaks.
    """

    scan_id: ScanId
    accepted: int
    duplicates: int
    invalid: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is; counts of items by state, and of matches that it found by state."""

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
        return sum(self.items.get(state, 0) for state in _FINISHED)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of the scan."""
        return self.finished == self.total


class WorkList:
    """
    All scans.

    Methods that take an `organisation_id` know the scans of that organisation; None stands for any.
    They raise UnknownScanError for all others.

    Attributes:
        work_came: Set when there is something new to do in this process.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._repeats_known = timedelta(hours=settings.scan_repeat_h)
        self._database = database
        self._clock = clock
        self.work_came = threading.Event()

    def submit(
        self,
        lines: Iterable[BatchLine],
        *,
        actor: KeyId,
        organisation_id: OrganisationId = DEFAULT_ORGANISATION,
        repeatable: Repeatable | None = None,
        via: str | None = None,
    ) -> Submitted:
        """
        Put a batch of reported URLs into the work list.

        Args:
            repeatable: Where the batch came with an Idempotency-Key: what came before under the
                same is not done again, and answered in the same way.

            via: Name of the proxy of the settings that the URLs are fetched through.

        Raises:
            OtherBatchError: If it came before, with another batch.
        """
        batch = sort_lines(lines)
        scan_id, now = ScanId(random_id()), self._clock()
        with self._database.write() as connection:
            if repeatable is not None:
                since = now - self._repeats_known
                before = scans.repeated(connection, repeatable, since=since)
                if before is not None:
                    scan, is_same = before
                    if not is_same:
                        raise OtherBatchError(
                            "This Idempotency-Key came before, with another batch; each needs its "
                            "own."
                        )
                    return self._submitted(connection, scan.id)
            scans.add(
                connection,
                scan_id,
                actor,
                batch.urls,
                now,
                organisation_id,
                duplicates=batch.duplicates,
                invalid=batch.invalid,
                repeatable=repeatable,
                via=via,
            )
            audit.record(connection, actor=actor, action="scan.submit", subject=scan_id, now=now)
            submitted = self._submitted(connection, scan_id)
        self.work_came.set()
        return submitted

    def progress(self, scan_id: ScanId, organisation_id: OrganisationId | None = None) -> Progress:
        """Return how far a scan is, and its matches with the organisation's own cases."""
        with self._database.read() as connection:
            return self._progress(connection, scan_id, organisation_id)

    def items(
        self,
        scan_id: ScanId,
        *,
        after: int,
        limit: int,
        organisation_id: OrganisationId | None = None,
    ) -> list[Item]:
        """Return one page of a scan's items: those with an id above `after`."""
        with self._database.read() as connection:
            _known(connection, scan_id, organisation_id)
            return scans.items_of(connection, scan_id, after=ItemId(after), limit=limit)

    def seen(
        self,
        scan_id: ScanId,
        organisation_id: OrganisationId | None = None,
        *,
        since: datetime | None = None,
    ) -> list[Seen]:
        """
        Return which matches with the organisation's own cases a scan has seen, old and new.

        Args:
            since: Only at URLs that were finished by then or later.
        """
        with self._database.read() as connection:
            _known(connection, scan_id, organisation_id)
            return scans.seen_by(connection, scan_id, organisation_id, since=since)

    def cancel(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """Stop what has not begun of a scan."""
        now = self._clock()
        with self._database.write() as connection:
            _known(connection, scan_id, organisation_id)
            scans.cancel(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.cancel", subject=scan_id, now=now)
            return self._progress(connection, scan_id, organisation_id)

    def resume(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """Go on with what was cancelled of a scan."""
        now = self._clock()
        with self._database.write() as connection:
            _known(connection, scan_id, organisation_id)
            scans.resume(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.resume", subject=scan_id, now=now)
            progress = self._progress(connection, scan_id, organisation_id)
        self.work_came.set()
        return progress

    def retry(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """
        Try what has failed of a scan again, at once and as often as at first.

        Raises:
            CancelledScanError: If the scan was cancelled.
        """
        now = self._clock()
        with self._database.write() as connection:
            if _known(connection, scan_id, organisation_id).cancelled_at is not None:
                raise CancelledScanError("The scan was cancelled; resume it first.")
            scans.retry(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.retry", subject=scan_id, now=now)
            progress = self._progress(connection, scan_id, organisation_id)
        self.work_came.set()
        return progress

    def _progress(
        self, connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None
    ) -> Progress:
        return Progress(
            scan=_known(connection, scan_id, organisation_id),
            items=scans.progress(connection, scan_id),
            matches=matches.count_by_state(connection, scan_id, organisation_id),
        )

    def _submitted(self, connection: Connection, scan_id: ScanId) -> Submitted:
        progress = self._progress(connection, scan_id, None)
        scan = progress.scan
        invalid = tuple(by_line(scan.invalid))
        return Submitted(scan_id, progress.total, scan.duplicates, invalid)


def _known(connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None) -> Scan:
    try:
        return scans.by_id(connection, scan_id, organisation_id)
    except UnknownRowError as error:
        raise UnknownScanError("There is no such scan.") from error
