"""Watches: scans repeated on a schedule, to find images that come back."""

from fastapi import APIRouter, status

from hashsvc.api.auth import ReporterDep, ScanReaderDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.watches import WatchIn, WatchOut
from hashsvc.store.ids import ScanId, WatchId

router = APIRouter(prefix="/v1/watches", tags=["watches"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(404, 422))
def begin_watch(body: WatchIn, caller: ReporterDep, services: ServicesDep) -> WatchOut:
    """
    Watch the URLs of a scan. They are scanned again at each interval, as a new scan.

    The results of the new scan include matches that were seen before. Only matches that were
    not seen before are recorded.
    """
    watch = services.watches.begin(
        ScanId(body.scan),
        every_h=body.every_h,
        days=body.days,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return WatchOut.of(watch)


@router.get("", responses=problems(422))
def list_watches(
    caller: ScanReaderDep, services: ServicesDep, limit: Limit = 100
) -> list[WatchOut]:
    """List watches, including ended ones, newest first."""
    found = services.watches.search(limit=limit, organisation_id=caller.organisation_id)
    return [WatchOut.of(each) for each in found]


@router.delete("/{watch}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def end_watch(watch: OpaqueId, caller: ScanReaderDep, services: ServicesDep) -> None:
    """End a watch. Its scans and their results stay."""
    services.watches.end(
        WatchId(watch), actor=caller.key_id, organisation_id=caller.organisation_id
    )
