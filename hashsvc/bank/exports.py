"""Bulk exports of all PDQ codes: one administrator requests an export, another approves it."""

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

_LIFETIME = timedelta(hours=24)
_UNKNOWN = "There is no such request, or it has expired."


@dataclass(frozen=True, slots=True)
class RequestedExport:
    """A request for an export, and when it expires."""

    export_id: ExportId
    expires_at: datetime


class Exports:
    """Requesting, approving and taking bulk exports."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def request(self, *, actor: KeyId) -> RequestedExport:
        """Request an export."""
        now, export_id = self._clock(), ExportId(random_id())
        made = RequestedExport(export_id, now + _LIFETIME)
        with self._database.write() as connection:
            exports.add(connection, export_id, by=actor, now=now, expires_at=made.expires_at)
            self._record(connection, actor, "export.request", export_id)
        return made

    def approve(self, export_id: ExportId, *, actor: KeyId) -> None:
        """
        Approve an export that another key requested.

        Raises:
            UnknownExportError: If there is no such request, or it is expired, approved or taken.

            SameKeyError: If one person could have both keys: the same key requested the export, one
                of the two keys created the other, or a third key created both.
        """
        now = self._clock()
        with self._database.write() as connection:
            export = _live(connection, export_id, now)
            if export.requested_by == actor:
                raise SameKeyError("Another administrator must approve your request.")
            mine, theirs = (
                keys.lineage(connection, each) for each in (actor, KeyId(export.requested_by))
            )
            if mine & theirs:
                raise SameKeyError(
                    "One of these two keys created the other, or a third created both. Create the "
                    "second administrator's key on the service's machine: `hashsvc keys create`."
                )
            if not exports.approve(connection, export_id, by=actor, now=now):
                raise UnknownExportError(_UNKNOWN)
            self._record(connection, actor, "export.approve", export_id)

    def take(self, export_id: ExportId, *, actor: KeyId) -> list[Signal]:
        """
        Return the `pdq1` signals of all contents, but no region signals; this works only once.

        The signals are sorted by their bits, so that their order reveals nothing about cases or
        days.

        Raises:
            UnknownExportError: If this key has no such request, or it is expired or taken.

            NotApprovedError: If nobody has approved it yet.
        """
        now = self._clock()
        with self._database.write() as connection:
            export = _live(connection, export_id, now)
            if export.requested_by != actor:
                raise UnknownExportError(_UNKNOWN)
            if not exports.take(connection, export_id, by=actor, now=now):
                raise NotApprovedError("Another administrator must approve the export first.")
            self._record(connection, actor, "export.take", export_id)
        # Read in a transaction of its own, so that writers need not wait.
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
        raise UnknownExportError(_UNKNOWN) from error
