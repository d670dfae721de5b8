"""Scans of reported URLs, and lookups of single signatures."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from hashsvc.access.callers import Role
from hashsvc.api import scan_batches
from hashsvc.api.auth import LookupDep, ReporterDep, ScanReaderDep, ServicesDep
from hashsvc.api.errors import BodyTooLargeError
from hashsvc.api.routes import problems
from hashsvc.api.safe_responses import was_head
from hashsvc.api.scan_batches import BodyDep, IdempotencyKey
from hashsvc.api.scan_events import EVENT, EventStream, events_of, no_events
from hashsvc.api.scan_results import as_csv, as_json, as_workbook, results
from hashsvc.api.schemas.base import CsvDialect, Limit, OpaqueId
from hashsvc.api.schemas.scans import ItemOut, ResultOut, ScanCreatedOut, ScanOut
from hashsvc.api.schemas.signatures import LookupIn, LookupOut
from hashsvc.spreadsheets import XLSX, Dialect
from hashsvc.store.ids import ScanId

router = APIRouter(prefix="/v1", tags=["scans"])


class ResultFormat(StrEnum):
    """File formats of results."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


_MEDIA = {
    ResultFormat.JSON: "application/json",
    ResultFormat.CSV: "text/csv",
    ResultFormat.XLSX: XLSX,
}


@router.post(
    "/scans",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(409, 422),
    openapi_extra=scan_batches.documented(),
)
def submit_scan(
    sent: BodyDep,
    caller: ReporterDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
    via: Annotated[
        str | None,
        Query(
            pattern=r"^[a-z0-9-]{1,40}$",
            description="Name of a proxy in the settings. The URLs are fetched through it.",
        ),
    ] = None,
) -> ScanCreatedOut:
    """
    Submit URLs that may show a case's image, and start a scan of them.

    Lines that are not valid URLs are listed with the rule that they break; the others are scanned.
    A URL that appears twice is scanned once.
    """
    media_type, body = sent
    lines, limit = scan_batches.lines_of(media_type, body), services.settings.max_urls_per_scan
    if len(lines) > limit:
        raise BodyTooLargeError(f"A scan has at most {limit} URLs. Split the batch.")
    submitted = services.work_list.submit(
        lines,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        repeatable=scan_batches.repeatable(idempotency_key, caller, f"{media_type} {via}", body),
        via=via,
    )
    return ScanCreatedOut.of(submitted)


@router.get("/scans/{scan}", responses=problems(404, 422))
def read_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Show the progress of a scan."""
    return ScanOut.of(services.work_list.progress(ScanId(scan), caller.organisation_id))


@router.get("/scans/{scan}/items", responses=problems(404, 422))
def list_scan_items(
    scan: OpaqueId,
    caller: ScanReaderDep,
    services: ServicesDep,
    after: Annotated[
        int,
        Query(
            ge=0, le=2**63 - 1, description="Id of the last item you have. 0 for the first page."
        ),
    ] = 0,
    limit: Limit = 100,
) -> list[ItemOut]:
    """List a scan's URLs with their states. Failed ones have a reason."""
    items = services.work_list.items(
        ScanId(scan), after=after, limit=limit, organisation_id=caller.organisation_id
    )
    services.record(caller.key_id, "scan.items", scan)
    return [ItemOut.of(each) for each in items]


@router.get(
    "/scans/{scan}/results",
    response_model=list[ResultOut],
    responses=problems(404, 422)
    | {
        200: {
            "content": {
                _MEDIA[ResultFormat.CSV]: {"schema": {"type": "string"}},
                XLSX: {"schema": {"type": "string", "format": "binary"}},
            }
        }
    },
)
def read_scan_results(
    scan: OpaqueId,
    caller: ScanReaderDep,
    services: ServicesDep,
    request: Request,
    form: Annotated[
        ResultFormat | None,
        Query(
            alias="format",
            description="Default: the format that the `Accept` header begins with, else JSON.",
        ),
    ] = None,
    dialect: CsvDialect = Dialect.STANDARD,
) -> Response:
    """
    Show the result for each URL of a scan. Analysts also see the URL's matches.

    In CSV and in a workbook (`xlsx`), a URL has one row for each of its matches, with the match's
    state in `match_state`. In CSV, a cell that a spreadsheet would read as a formula begins with an
    apostrophe. In a workbook, times are in UTC.
    """
    rows = results(services, caller, ScanId(scan))
    form = form or _accepted(request.headers.get("accept", ""))
    sees_matches = caller.role is Role.ANALYST
    content: Iterator[str] | Iterator[bytes]
    match form:
        case ResultFormat.CSV:
            content = as_csv(rows, with_matches=sees_matches, dialect=dialect)
        case ResultFormat.XLSX:
            content = as_workbook(rows, with_matches=sees_matches)
        case ResultFormat.JSON:
            content = as_json(rows)
    return StreamingResponse(content, media_type=_MEDIA[form])


def _accepted(header: str) -> ResultFormat:
    """Return the format that an `Accept` header begins with; JSON if it begins with none."""
    wanted = header.strip().lower()
    return next((each for each in _MEDIA if wanted.startswith(_MEDIA[each])), ResultFormat.JSON)


@router.get(
    "/scans/{scan}/events",
    status_code=status.HTTP_200_OK,
    response_class=EventStream,
    responses=problems(404, 422) | {200: {"content": {EventStream.media_type: {"schema": EVENT}}}},
)
def follow_scan(
    scan: OpaqueId,
    caller: ScanReaderDep,
    services: ServicesDep,
    request: Request,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            max_length=50,
            description="Id of the last event you received. The stream continues from there.",
        ),
    ] = None,
) -> Response:
    """
    Follow a scan by server-sent events.

    `progress` comes whenever the scan has changed, and holds what `/v1/scans/{scan}` shows. `match`
    comes for each match, for analysts only. `end` is the last event. If there are no events, a
    comment comes every 15 seconds. The stream ends after an hour. Connect again to continue. A
    match may then come a second time. A key can have 4 streams open at once.
    """
    services.work_list.progress(ScanId(scan), caller.organisation_id)
    services.record(caller.key_id, "scan.follow", scan)
    services.streams.enter(caller.key_id)
    events = (
        no_events()
        if was_head(request)
        else events_of(services, caller, ScanId(scan), last_event_id)
    )
    return EventStream(events, services.streams, caller.key_id)


@router.post("/scans/{scan}/cancel", responses=problems(404, 422))
def cancel_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Cancel a scan. The service still finishes the URLs that it has begun to scan."""
    cancelled = services.work_list.cancel(
        ScanId(scan), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ScanOut.of(cancelled)


@router.post("/scans/{scan}/resume", responses=problems(404, 422))
def resume_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Resume a cancelled scan."""
    resumed = services.work_list.resume(
        ScanId(scan), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ScanOut.of(resumed)


@router.post("/scans/{scan}/retry", responses=problems(404, 409, 422))
def retry_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Retry the failed and dead URLs of a scan."""
    tried = services.work_list.retry(
        ScanId(scan), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ScanOut.of(tried)


@router.post("/lookups", responses=problems(422))
def look_up(body: LookupIn, caller: LookupDep, services: ServicesDep) -> list[LookupOut]:
    """Look up a signature in the bank. Analysts also see evidence for their own cases."""
    return [LookupOut.of(each) for each in services.lookups.look_up(caller, body.signature())]
