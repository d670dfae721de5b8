"""Statistics of how platforms handle requests, and evidence bundles for courts."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import CaseNumber, CsvDialect, OpaqueId
from hashsvc.removal.statistics.compute import Statistics
from hashsvc.removal.statistics.csv_json import (
    refusals_csv,
    refusals_workbook,
    statistics_csv,
    statistics_json,
    statistics_workbook,
)
from hashsvc.removal.statistics.drawing import to_png, to_svg
from hashsvc.removal.statistics.plots import channel_plot, removal_plot
from hashsvc.removal.statistics.yearly_report import write_report
from hashsvc.spreadsheets import XLSX, Dialect
from hashsvc.store.ids import RequestId

router = APIRouter(prefix="/v1", tags=["statistics and evidence"])

_ZIP = "application/zip"


class StatisticsFile(StrEnum):
    """File formats of statistics."""

    JSON = "json"
    CSV = "csv"
    REFUSALS = "refusals.csv"
    XLSX = "xlsx"
    REFUSALS_XLSX = "refusals.xlsx"
    YEARLY_REPORT = "yearly-report.pdf"
    REMOVAL_SVG = "removal.svg"
    REMOVAL_PNG = "removal.png"
    CHANNELS_SVG = "channels.svg"
    CHANNELS_PNG = "channels.png"


_MEDIA = {
    StatisticsFile.JSON: "application/json",
    StatisticsFile.CSV: "text/csv; charset=utf-8",
    StatisticsFile.REFUSALS: "text/csv; charset=utf-8",
    StatisticsFile.XLSX: XLSX,
    StatisticsFile.REFUSALS_XLSX: XLSX,
    StatisticsFile.YEARLY_REPORT: "application/pdf",
    StatisticsFile.REMOVAL_SVG: "image/svg+xml",
    StatisticsFile.REMOVAL_PNG: "image/png",
    StatisticsFile.CHANNELS_SVG: "image/svg+xml",
    StatisticsFile.CHANNELS_PNG: "image/png",
}
_WRITERS: dict[StatisticsFile, Callable[[Statistics], str | bytes]] = {
    StatisticsFile.JSON: statistics_json,
    StatisticsFile.XLSX: statistics_workbook,
    StatisticsFile.REFUSALS_XLSX: refusals_workbook,
    StatisticsFile.REMOVAL_SVG: lambda found: to_svg(removal_plot(found)),
    StatisticsFile.REMOVAL_PNG: lambda found: to_png(removal_plot(found)),
    StatisticsFile.CHANNELS_SVG: lambda found: to_svg(channel_plot(found)),
    StatisticsFile.CHANNELS_PNG: lambda found: to_png(channel_plot(found)),
}
_CONTENT: dict[str, dict[str, str]] = {media: {} for media in sorted(set(_MEDIA.values()))}


@router.get(
    "/statistics",
    response_class=Response,
    responses={200: {"content": _CONTENT}, **problems(422)},
)
def read_statistics(
    caller: AnalystDep,
    services: ServicesDep,
    since: Annotated[
        AwareDatetime, Query(description="Count requests first sent at this moment or later.")
    ],
    until: Annotated[
        AwareDatetime, Query(description="Count requests first sent before this moment.")
    ],
    form: Annotated[
        StatisticsFile, Query(alias="format", description="File format.")
    ] = StatisticsFile.JSON,
    dialect: CsvDialect = Dialect.STANDARD,
) -> Response:
    """
    Show how platforms handled the requests of a period.

    Each figure lists the steps that it was computed from.
    """
    found = services.records.statistics(
        since=since,
        until=until,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    settings, law = services.settings, services.removal.context.letters.law
    content: str | bytes
    if form is StatisticsFile.YEARLY_REPORT:
        title = f"Removal requests, {_day(since)} to {_day(until)}"
        content = write_report(found, title=title, organisation=settings.organisation, law=law)
    else:
        content = _written(found, form, dialect)
    return Response(content, media_type=_MEDIA[form])


@router.get(
    "/removal-requests/{request}/evidence",
    response_class=Response,
    responses={200: {"content": {_ZIP: {}}}, **problems(404, 409, 422, 502)},
)
def read_request_evidence(request: OpaqueId, caller: AnalystDep, services: ServicesDep) -> Response:
    """Create the evidence bundle of a request. Requests linked with it are included."""
    bundle = services.records.of_request(
        RequestId(request), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return Response(bundle, media_type=_ZIP)


@router.get(
    "/cases/{number}/evidence",
    response_class=Response,
    responses={200: {"content": {_ZIP: {}}}, **problems(404, 409, 422, 502)},
)
def read_case_evidence(
    number: Annotated[CaseNumber, Path(max_length=20)],
    caller: AnalystDep,
    services: ServicesDep,
) -> Response:
    """Create the evidence bundle of all requests of a case."""
    bundle = services.records.of_case(
        number, actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return Response(bundle, media_type=_ZIP)


def _written(found: Statistics, form: StatisticsFile, dialect: Dialect) -> str | bytes:
    match form:
        case StatisticsFile.CSV:
            return statistics_csv(found, dialect)
        case StatisticsFile.REFUSALS:
            return refusals_csv(found, dialect)
        case _:
            return _WRITERS[form](found)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
