"""Submits, follows, cancels, resumes and retries scans."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.scanning.errors import CancelledScanError, OtherBatchError, UnknownScanError
from hashsvc.scanning.lists import BatchLine, by_line, sort_lines
from hashsvc.settings import Settings
from hashsvc.store import Database, UnknownRowError, matches, scans, tallies
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    ItemId,
    KeyId,
    OrganisationId,
    ScanId,
    random_id,
)
from hashsvc.store.scans import Item, Repeatable, Scan, Seen
from hashsvc.store.tallies import Tally

_FINISHED = ("done", "dead", "cancelled")


@dataclass(frozen=True, slots=True)
class Submitted:
    """
    The result of submitting a batch.

    Attributes:
        scan_id: The scan of the batch.

        accepted: Number of URLs in the work list.

        duplicates: Number of lines that repeat a URL.

        invalid: Number (from 1) of each invalid line, and the rule it breaks.
    """

    scan_id: ScanId
    accepted: int
    duplicates: int
    invalid: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a scan is.

    Attributes:
        items: Number of its items by state.

        matches: Number of the matches it found, by state.

        tallied: Number of its items whose images were counted.

        tally: The sum of these items' tallies.
    """

    scan: Scan
    items: dict[str, int]
    matches: dict[str, int]
    tallied: int
    tally: Tally

    @property
    def total(self) -> int:
        """Number of all items."""
        return sum(self.items.values())

    @property
    def finished(self) -> int:
        """Number of items that need no more work."""
        return sum(self.items.get(state, 0) for state in _FINISHED)

    @property
    def is_over(self) -> bool:
        """Whether all items are finished."""
        return self.finished == self.total


class WorkList:
    """
    All scans.

    Methods that take an `organisation_id` raise UnknownScanError for scans of other organisations;
    None allows any organisation.

    Attributes:
        work_came: An event that is set when this process has added work.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._key_lifetime = timedelta(hours=settings.scan_repeat_h)
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
            lines: The lines of the batch.

            actor: The key that submits, for the audit log.

            organisation_id: The organisation that will own the scan.

            repeatable: The batch's Idempotency-Key. If the same batch was submitted with this key
                before, nothing is added, and the result is that of the earlier scan.

            via: Name of the proxy in the settings that downloads go through.

        Raises:
            OtherBatchError: If the Idempotency-Key was used before, with another batch.
        """
        batch = sort_lines(lines)
        scan_id, now = ScanId(random_id()), self._clock()
        with self._database.write() as connection:
            if repeatable is not None:
                since = now - self._key_lifetime
                before = scans.repeated(connection, repeatable, since=since)
                if before is not None:
                    scan, is_same = before
                    if not is_same:
                        raise OtherBatchError(
                            "This Idempotency-Key was used before, with another batch. "
                            "Use a new key for each batch."
                        )
                    return self._result(connection, scan.id)
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
            submitted = self._result(connection, scan_id)
        self.work_came.set()
        return submitted

    def progress(self, scan_id: ScanId, organisation_id: OrganisationId | None = None) -> Progress:
        """Return how far a scan is, counting only matches with the organisation's own cases."""
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
        """Return up to `limit` of a scan's items, those with an id above `after`."""
        with self._database.read() as connection:
            _scan(connection, scan_id, organisation_id)
            return scans.items_of(connection, scan_id, after=ItemId(after), limit=limit)

    def seen(
        self,
        scan_id: ScanId,
        organisation_id: OrganisationId | None = None,
        *,
        since: datetime | None = None,
    ) -> list[Seen]:
        """
        Return the matches with the organisation's own cases that a scan saw, new or known before.

        Args:
            scan_id: The scan.

            organisation_id: The organisation; None allows any.

            since: Leave out URLs that were finished before this time; None returns all.
        """
        with self._database.read() as connection:
            _scan(connection, scan_id, organisation_id)
            return scans.seen_by(connection, scan_id, organisation_id, since=since)

    def cancel(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """Cancel the items of a scan that have not begun."""
        now = self._clock()
        with self._database.write() as connection:
            _scan(connection, scan_id, organisation_id)
            scans.cancel(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.cancel", subject=scan_id, now=now)
            return self._progress(connection, scan_id, organisation_id)

    def resume(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """Put the cancelled items of a scan back into the work list."""
        now = self._clock()
        with self._database.write() as connection:
            _scan(connection, scan_id, organisation_id)
            scans.resume(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.resume", subject=scan_id, now=now)
            progress = self._progress(connection, scan_id, organisation_id)
        self.work_came.set()
        return progress

    def retry(
        self, scan_id: ScanId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> Progress:
        """
        Retry the failed items of a scan at once, with the full number of attempts.

        Raises:
            CancelledScanError: If the scan was cancelled.
        """
        now = self._clock()
        with self._database.write() as connection:
            if _scan(connection, scan_id, organisation_id).cancelled_at is not None:
                raise CancelledScanError("The scan was cancelled; resume it first.")
            scans.retry(connection, scan_id, now)
            audit.record(connection, actor=actor, action="scan.retry", subject=scan_id, now=now)
            progress = self._progress(connection, scan_id, organisation_id)
        self.work_came.set()
        return progress

    def _progress(
        self, connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None
    ) -> Progress:
        tallied, tally = tallies.total(connection, scan_id)
        return Progress(
            scan=_scan(connection, scan_id, organisation_id),
            items=scans.progress(connection, scan_id),
            matches=matches.count_by_state(connection, scan_id, organisation_id),
            tallied=tallied,
            tally=tally,
        )

    def _result(self, connection: Connection, scan_id: ScanId) -> Submitted:
        progress = self._progress(connection, scan_id, None)
        scan = progress.scan
        invalid = tuple(by_line(scan.invalid))
        return Submitted(scan_id, progress.total, scan.duplicates, invalid)


def _scan(connection: Connection, scan_id: ScanId, organisation_id: OrganisationId | None) -> Scan:
    try:
        return scans.by_id(connection, scan_id, organisation_id)
    except UnknownRowError as error:
        raise UnknownScanError("There is no such scan.") from error
