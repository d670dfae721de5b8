"""The results of a scan as JSON, or as a table for a spreadsheet program."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from hashsvc import spreadsheets
from hashsvc.access.callers import Caller, Role
from hashsvc.api.schemas.scans import ResultOut, SightingOut
from hashsvc.api.services import Services
from hashsvc.matching import MatchState, Tier
from hashsvc.spreadsheets import Dialect, csv_lines
from hashsvc.store import matches
from hashsvc.store.ids import MatchId, ScanId
from hashsvc.store.scans import Seen

_PAGE = 500
_URL_COLUMNS = (
    "url",
    "state",
    "reason",
    "attempts",
    "images_seen",
    "images",
    "images_failed",
    "icons_left_out",
    "images_over_limit",
    "frames_not_followed",
    "parts_not_read",
    "pictures_left_out",
    "finished_at",
)
_MATCH_COLUMNS = (
    "match",
    "new",
    "tier",
    "match_state",
    "why",
    "case",
    "content",
    "image_url",
    "image_sha256",
    "found_at",
)


def results(services: Services, caller: Caller, scan_id: ScanId) -> Iterator[ResultOut]:
    """
    Return the result for each URL of a scan, in order, reading page by page.

    Raises:
        UnknownScanError: If the caller's organisation has no such scan. It is raised here, not
            while the results are read.
    """
    seen: dict[int, list[Seen]] = defaultdict(list)
    sees_matches = caller.role is Role.ANALYST
    for each in services.work_list.seen(scan_id, caller.organisation_id):
        seen[each.item_id].append(each)
    services.record(caller.key_id, "scan.results", scan_id)
    if sees_matches:
        # A match may have been seen at several URLs of the scan.
        ids = sorted({each.match_id for some in seen.values() for each in some})
        if ids:
            services.record_list(caller.key_id, "match.list", "match.read", ids)
    return _results(services, caller, scan_id, seen if sees_matches else None)


def _results(
    services: Services, caller: Caller, scan_id: ScanId, seen: dict[int, list[Seen]] | None
) -> Iterator[ResultOut]:
    after = 0
    while items := services.work_list.items(
        scan_id, after=after, limit=_PAGE, organisation_id=caller.organisation_id
    ):
        after = items[-1].id
        for item in items:
            here = None if seen is None else _sightings(services, caller, seen.get(item.id, []))
            yield ResultOut.with_matches(item, here)


def _sightings(services: Services, caller: Caller, seen: Iterable[Seen]) -> list[SightingOut]:
    found = []
    with services.database.read() as connection:
        for each in seen:
            # A case may be withdrawn while the results are read.
            if not matches.is_there(connection, each.match_id):
                continue
            match = matches.by_id(connection, MatchId(each.match_id), caller.organisation_id)
            found.append(
                SightingOut(
                    match=match.id,
                    new=each.is_new,
                    tier=Tier(match.tier),
                    state=MatchState(match.state),
                    why=str(json.loads(match.evidence)["why"]),
                    case=match.case,
                    content=match.content,
                    image_url=match.image_url,
                    image_sha256=match.image_sha256.hex(),
                    found_at=match.found_at,
                )
            )
    return found


def as_json(rows: Iterable[ResultOut]) -> Iterator[str]:
    """Yield a JSON array, piece by piece."""
    before = "["
    for row in rows:
        yield before + row.model_dump_json()
        before = ",\n"
    yield "]\n" if before != "[" else "[]\n"


def as_csv(
    rows: Iterable[ResultOut], *, with_matches: bool, dialect: Dialect = Dialect.STANDARD
) -> Iterator[str]:
    """Yield CSV lines: one for each match of a URL, or one line for a URL without matches."""
    cells = _cells(rows, with_matches=with_matches, mode="json")
    return csv_lines(_header(with_matches), cells, dialect)


def as_workbook(rows: Iterable[ResultOut], *, with_matches: bool) -> Iterator[bytes]:
    """Yield a workbook with the rows of `as_csv`, in parts; its times are times."""
    cells = _cells(rows, with_matches=with_matches, mode="python")
    return spreadsheets.workbook_parts("results", _header(with_matches), cells)


def _header(with_matches: bool) -> tuple[str, ...]:
    return (*_URL_COLUMNS, *_MATCH_COLUMNS) if with_matches else _URL_COLUMNS


def _cells(
    rows: Iterable[ResultOut], *, with_matches: bool, mode: Literal["json", "python"]
) -> Iterator[list[object]]:
    for row in rows:
        result = row.model_dump(mode=mode)
        url = [result[name] for name in _URL_COLUMNS]
        for match in result["matches"] or [{}]:
            values = {"match_state": match.get("state"), **match}
            yield [*url, *(values.get(name) for name in _MATCH_COLUMNS if with_matches)]
