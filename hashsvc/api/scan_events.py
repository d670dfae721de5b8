"""Streams a scan's progress and matches as server-sent events."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from hashsvc.access.callers import Caller, Role
from hashsvc.api.open_streams import Streams
from hashsvc.api.schemas.scans import ScanOut
from hashsvc.api.services import Services
from hashsvc.scanning import Progress
from hashsvc.store.ids import KeyId, MatchId, ScanId
from hashsvc.store.scans import Seen

EVENT = {
    "type": "object",
    "description": "One event of the stream. `data` depends on the event.",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": ["progress", "match", "end"]},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "data": {"type": "string", "description": "A JSON object."},
    },
}
"""The OpenAPI schema of an event."""

_EVERY_S = 1.0
_HEARTBEAT_S = 15
# A stream ends after an hour, so that a revoked key cannot listen for longer.
_LONGEST_S = 3600
# A scan item's matches may become visible up to this long after its `finished_at`.
_OVERLAP = timedelta(seconds=60)


class EventStream(StreamingResponse):
    """A response with server-sent events. It counts as an open stream until it ends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], streams: Streams, key_id: KeyId) -> None:
        super().__init__(events)
        self._streams = streams
        self._key_id = key_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end or the client disconnects."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._key_id)


async def events_of(
    services: Services, caller: Caller, scan_id: ScanId, last_id: str | None
) -> AsyncIterator[str]:
    """
    Yield a scan's events until the scan is over: `progress`, `match` (for analysts) and `end`.

    Args:
        last_id: Id of the last event that the client received. Matches since then are sent; some of
            them may be sent a second time.
    """
    since = _moment_of(last_id)
    sent: set[MatchId] = set()
    before: dict[str, Any] | None = None
    waited = passed = 0.0
    while passed < _LONGEST_S:
        now = services.clock()
        progress, seen = await run_in_threadpool(_look, services, caller, scan_id, since, sent)
        for each in seen:
            yield _event("match", _shown(each), now)
        state = ScanOut.of(progress).model_dump(mode="json")
        if state != before:
            before, waited = state, 0.0
            yield _event("progress", state, now)
        if progress.is_over:
            yield _event("end", {}, now)
            return
        if waited >= _HEARTBEAT_S:
            waited = 0.0
            yield ": still there\n\n"
        since = now - _OVERLAP
        await anyio.sleep(_EVERY_S)
        waited += _EVERY_S
        passed += _EVERY_S


async def no_events() -> AsyncIterator[str]:
    """Yield no events: the response to HEAD."""
    yield ""


def _look(
    services: Services,
    caller: Caller,
    scan_id: ScanId,
    since: datetime | None,
    sent: set[MatchId],
) -> tuple[Progress, list[Seen]]:
    """
    Return a scan's progress and the matches that are not in `sent` yet.

    Add these matches to `sent`, and record in the audit log that they were shown.
    """
    # Read the progress first: if it says that the scan is over, no match can come later.
    progress = services.work_list.progress(scan_id, caller.organisation_id)
    if caller.role is not Role.ANALYST:
        return progress, []
    seen = services.work_list.seen(scan_id, caller.organisation_id, since=since)
    fresh: dict[MatchId, Seen] = {}
    for each in seen:
        if each.match_id not in sent:
            fresh.setdefault(each.match_id, each)
    if fresh:
        services.record_list(caller.key_id, "match.list", "match.read", list(fresh))
    sent.update(fresh)
    return progress, list(fresh.values())


def _shown(seen: Seen) -> dict[str, Any]:
    return {
        "match": seen.match_id,
        "new": seen.is_new,
        "tier": seen.tier,
        "state": seen.state,
        "found_at": seen.found_at.isoformat(),
    }


def _event(name: str, data: dict[str, Any], now: datetime) -> str:
    return f"event: {name}\nid: {round(now.timestamp() * 1000)}\ndata: {json.dumps(data)}\n\n"


def _moment_of(event_id: str | None) -> datetime | None:
    """Return the moment from which matches are sent; None for all matches."""
    if event_id is None or not event_id.isdecimal() or len(event_id) > 14:
        return None
    return datetime.fromtimestamp(int(event_id) / 1000, tz=UTC) - _OVERLAP
