"""All PDQ codes of the bank at once: one administrator asks for them, another one approves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank.errors import NotApprovedError, SameKeyError, UnknownExportError
from hashsvc.clock import Clock, utc_now
from hashsvc.signals import PDQ, Signal
from hashsvc.store import Database, UnknownRowError, exports, keys
from hashsvc.store.exports import Export
from hashsvc.store.ids import ExportId, KeyId, random_id

_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RequestedExport:
    """A request for an export, and when it is over."""

    export_id: ExportId
    expires_at: datetime


class Exports:
    """The requests for exports."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def request(self, *, actor: KeyId) -> RequestedExport:
        """Ask for an export."""
        now, export_id = self._clock(), ExportId(random_id())
        made = RequestedExport(export_id, now + _LASTS)
        with self._database.write() as connection:
            exports.add(connection, export_id, by=actor, now=now, expires_at=made.expires_at)
            self._record(connection, actor, "export.request", export_id)
        return made

    def approve(self, export_id: ExportId, *, actor: KeyId) -> None:
        """
        Approve an export that another key has asked for.

        Raises:
            UnknownExportError: If there is no such request, it is over, approved or taken.

            SameKeyError: If it was made with the same key, or one of both keys made the other, or
                a third one made both: whoever has that one would be alone.
        """
        now = self._clock()
        with self._database.write() as connection:
            export = _live(connection, export_id, now)
            if export.requested_by == actor:
                raise SameKeyError("Another administrator has to approve what one has requested.")
            mine, theirs = (
                keys.lineage(connection, each) for each in (actor, KeyId(export.requested_by))
            )
            if mine & theirs:
                raise SameKeyError(
                    "One of these two keys was made with the other, or both with a third; make the "
                    "second administrator's on the service's machine, with `hashsvc keys create`."
                )
            if not exports.approve(connection, export_id, by=actor, now=now):
                raise UnknownExportError("There is no such request, or it is over.")
            self._record(connection, actor, "export.approve", export_id)

    def take(self, export_id: ExportId, *, actor: KeyId) -> list[Signal]:
        """
        Return the `pdq1` signals of all contents, this once; never those of regions.

        They are in the order of their bits, which tells nothing of cases or days.

        Raises:
            UnknownExportError: If there is no such request of this key, it is over or taken.

            NotApprovedError: If nobody has approved it yet.
        """
        now = self._clock()
        with self._database.write() as connection:
            export = _live(connection, export_id, now)
            if export.requested_by != actor:
                raise UnknownExportError("There is no such request, or it is over.")
            if not exports.take(connection, export_id, by=actor, now=now):
                raise NotApprovedError("Another administrator has to approve it first.")
            self._record(connection, actor, "export.take", export_id)
        # Nobody who writes is held up meanwhile.
        with self._database.read() as connection:
            codes = sorted(exports.codes(connection, PDQ.name))
        with self._database.write() as connection:
            self._record(connection, actor, "export.codes", str(len(codes)))
        return [Signal(PDQ.name, code) for code in codes]

    def _record(self, connection: Connection, actor: str, action: str, subject: str) -> None:
        audit.record(connection, actor=actor, action=action, subject=subject, now=self._clock())


def _live(connection: Connection, export_id: ExportId, now: datetime) -> Export:
    try:
        return exports.live(connection, export_id, now)
    except UnknownRowError as error:
        raise UnknownExportError("There is no such request, or it is over.") from error
