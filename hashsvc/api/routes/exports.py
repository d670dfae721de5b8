"""Exports of all PDQ signals. They need two administrators and are in the audit log."""

import json

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from hashsvc.api.auth import AdminDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.safe_responses import was_head
from hashsvc.api.schemas.admin import ExportOut
from hashsvc.api.schemas.base import OpaqueId
from hashsvc.store.ids import ExportId

router = APIRouter(prefix="/v1/exports", tags=["exports"])


class JsonLines(StreamingResponse):
    """A response with one JSON object per line."""

    media_type = "application/x-ndjson"


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems())
def request_export(caller: AdminDep, services: ServicesDep) -> ExportOut:
    """Request an export. Another administrator must approve it within a day."""
    made = services.exports.request(actor=caller.key_id)
    return ExportOut(export=made.export_id, expires_at=made.expires_at)


@router.post(
    "/{export}/approval",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 409, 422),
)
def approve_export(export: OpaqueId, caller: AdminDep, services: ServicesDep) -> None:
    """Approve an export that another administrator requested."""
    services.exports.approve(ExportId(export), actor=caller.key_id)


@router.get("/{export}", response_class=JsonLines, responses=problems(404, 409, 422))
def take_export(
    export: OpaqueId, caller: AdminDep, services: ServicesDep, request: Request
) -> Response:
    """
    Take an approved export. This works once, and only with the key that requested it.

    Each line is a JSON object. Its `signal` is a `pdq1` signal. The export names no cases and no
    dates, and holds no region signals.
    """
    if was_head(request):
        # HEAD would use up the export without showing it.
        raise HTTPException(status.HTTP_405_METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
    signals = services.exports.take(ExportId(export), actor=caller.key_id)
    return JsonLines(json.dumps({"signal": str(each)}) + "\n" for each in signals)
