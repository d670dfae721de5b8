"""Batches of reported URLs, and single signatures looked up."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from hashsvc.api.auth import ReporterDep, Role, ServicesDep
from hashsvc.api.errors import BodyTooLargeError
from hashsvc.api.routes import problems
from hashsvc.api.schemas import (
    ItemOut,
    Limit,
    LookupOut,
    OpaqueId,
    ScanCreatedOut,
    ScanIn,
    ScanOut,
    SignatureIn,
)
from hashsvc.store.ids import ScanId

router = APIRouter(prefix="/v1", tags=["scans"])


@router.post("/scans", status_code=status.HTTP_202_ACCEPTED, responses=problems(422))
def submit_scan(body: ScanIn, caller: ReporterDep, services: ServicesDep) -> ScanCreatedOut:
    """Report URLs that may show a case's image. Lines that are no URL are listed, not lost."""
    limit = services.settings.max_urls_per_scan
    if len(body.urls) > limit:
        raise BodyTooLargeError(f"A scan has at most {limit} URLs.")
    return ScanCreatedOut.of(services.scanner.submit(body.urls, actor=caller.key_id))


@router.get("/scans/{scan}", responses=problems(404, 422))
def read_scan(scan: OpaqueId, _caller: ReporterDep, services: ServicesDep) -> ScanOut:
    """Show how far a scan is."""
    return ScanOut.of(services.scanner.progress(ScanId(scan)))


@router.get("/scans/{scan}/items", responses=problems(404, 422))
def read_items(
    scan: OpaqueId,
    _caller: ReporterDep,
    services: ServicesDep,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Id of the last one seen.")] = 0,
    limit: Limit = 100,
) -> list[ItemOut]:
    """List a scan's URLs, each with its state and, where it failed, the reason."""
    items = services.scanner.items(ScanId(scan), after=after, limit=limit)
    return [ItemOut.of(each) for each in items]


@router.post("/scans/{scan}/cancel", responses=problems(404, 422))
def cancel_scan(scan: OpaqueId, caller: ReporterDep, services: ServicesDep) -> ScanOut:
    """Stop what has not begun of a scan."""
    return ScanOut.of(services.scanner.cancel(ScanId(scan), actor=caller.key_id))


@router.post("/lookups", responses=problems(422))
def look_up(body: SignatureIn, caller: ReporterDep, services: ServicesDep) -> list[LookupOut]:
    """Say which tiers of match a signature has in the bank; only analysts are told why."""
    found = services.bank_index.find(body.signature())
    return [
        LookupOut(
            tier=each.evidence.tier,
            evidence=each.evidence.as_json() if caller.role is Role.ANALYST else None,
        )
        for each in found
        if each.evidence.tier is not None
    ]
