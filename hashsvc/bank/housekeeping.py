"""Housekeeping: ending what has expired, and rewriting the database's files after erasures."""

from datetime import UTC, timedelta

import structlog

from hashsvc import audit
from hashsvc.bank.cases import Bank
from hashsvc.bank.holders import REMEMBERED
from hashsvc.clock import Clock, utc_now
from hashsvc.loops import Loop
from hashsvc.settings import Settings
from hashsvc.store import Database, candidates, erasures, pin_guesses, scans

EVERY_S = 60
"""Seconds from the end of one pass to the beginning of the next."""

# Begin to rewrite files after this share of the allowed time, so that time is left for more
# attempts.
_BEGUN_BY = 0.5
# A candidate takes 30 kB, and other writers wait while rows are deleted, so delete few at a time.
_ROWS_AT_A_TIME = 500
_ACTOR = "retention"
_log = structlog.get_logger()


class Housekeeping(Loop):
    """Once a minute, ends what has expired, and finishes erasures."""

    def __init__(
        self, settings: Settings, database: Database, bank: Bank, clock: Clock = utc_now
    ) -> None:
        super().__init__("housekeeping", every_s=EVERY_S)
        self._within = timedelta(hours=settings.purge_within_h)
        self._scan_lifetime = timedelta(days=settings.scan_lifetime_days)
        self._candidate_days = settings.candidate_days
        self._candidate_most = settings.candidate_most
        self._database = database
        self._bank = bank
        self._clock = clock

    def run_once(self) -> None:
        """Do what is due now."""
        ended = self._bank.end_due_cases(actor=_ACTOR)
        if ended:
            _log.info("bank.cases_ended", cases=ended)
        self._delete_old_scans()
        self._forget_guesses()
        self._forget_candidates()
        now = self._clock()
        with self._database.read() as connection:
            oldest = erasures.oldest_unpurged(connection)
        if oldest is None:
            return
        # An erasure is unfinished if the service was killed or another connection blocked it.
        self._database.finish_erasures()
        if now - oldest >= _BEGUN_BY * self._within and self._database.purge(now):
            _log.info("bank.purged")
        elif now - oldest > self._within:
            _log.error("bank.purge_overdue")

    def _delete_old_scans(self) -> None:
        now = self._clock()
        with self._database.read() as connection:
            old = scans.finished_before(connection, now - self._scan_lifetime)
        for scan_id in old:
            with self._database.write() as connection:
                if not scans.delete_scan(connection, scan_id):
                    continue  # Another process has deleted it in the meantime.
                erasures.add(connection, scan_id, now=now)
                audit.record(
                    connection, actor=_ACTOR, action="scan.expired", subject=scan_id, now=now
                )

    def _forget_guesses(self) -> None:
        with self._database.write() as connection:
            pin_guesses.forget_before(connection, self._clock() - REMEMBERED)

    def _forget_candidates(self) -> None:
        """Expire candidates of past days, and delete expired and surplus rows in batches."""
        today = self._clock().astimezone(UTC).date()
        # With 0 days no candidates are kept, so expire today's too.
        days = self._candidate_days or -1
        with self._database.write() as connection:
            expired = candidates.expire(connection, (today - timedelta(days=days)).isoformat())
        if expired:
            self._database.finish_erasures()
            _log.info("bank.candidates_expired", days=expired)
        while not self.is_stopping:
            with self._database.write() as connection:
                deleted = candidates.sweep(connection, _ROWS_AT_A_TIME)
                deleted += candidates.drop_beyond(connection, self._candidate_most, _ROWS_AT_A_TIME)
            if not deleted:
                return
