"""Batches of reported URLs, and single signatures looked up."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from hashsvc.api.auth import LookupDep, ReporterDep, ScanReaderDep, ServicesDep
from hashsvc.api.errors import BodyTooLargeError
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.scans import ItemOut, ScanCreatedOut, ScanIn, ScanOut
from hashsvc.api.schemas.signatures import LookupIn, LookupOut
from hashsvc.store.ids import ScanId

router = APIRouter(prefix="/v1", tags=["scans"])


@router.post("/scans", status_code=status.HTTP_202_ACCEPTED, responses=problems(422))
def submit_scan(body: ScanIn, caller: ReporterDep, services: ServicesDep) -> ScanCreatedOut:
    """Report URLs that may show a case's image. Lines that are no URL are listed, not lost."""
    limit = services.settings.max_urls_per_scan
    if len(body.urls) > limit:
        raise BodyTooLargeError(f"A scan has at most {limit} URLs.")
    submitted = services.scanner.submit(
        body.urls, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ScanCreatedOut.of(submitted)


@router.get("/scans/{scan}", responses=problems(404, 422))
def read_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Show how far a scan is."""
    return ScanOut.of(services.scanner.progress(ScanId(scan), caller.organisation_id))


@router.get("/scans/{scan}/items", responses=problems(404, 422))
def read_items(
    scan: OpaqueId,
    caller: ScanReaderDep,
    services: ServicesDep,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Id of the last one seen.")] = 0,
    limit: Limit = 100,
) -> list[ItemOut]:
    """List a scan's URLs, each with its state and, where it failed, the reason."""
    items = services.scanner.items(
        ScanId(scan), after=after, limit=limit, organisation_id=caller.organisation_id
    )
    services.record(caller.key_id, "scan.items", scan)
    return [ItemOut.of(each) for each in items]


@router.post("/scans/{scan}/cancel", responses=problems(404, 422))
def cancel_scan(scan: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> ScanOut:
    """Stop what has not begun of a scan."""
    cancelled = services.scanner.cancel(
        ScanId(scan), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return ScanOut.of(cancelled)


@router.post("/lookups", responses=problems(422))
def look_up(body: LookupIn, caller: LookupDep, services: ServicesDep) -> list[LookupOut]:
    """Say which tiers of match an image has in the bank; only the organisation's analysts, why."""
    return [LookupOut.of(each) for each in services.lookups.look_up(caller, body.signature())]
