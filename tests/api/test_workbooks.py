"""Results and statistics also come as Excel workbooks, with the cells of their CSV."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from openpyxl import load_workbook

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.spreadsheets import XLSX
from tests.api.helpers import Call, OpenCase, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site

ANALYST, SCANNER = Role.ANALYST, Role.SCANNER
PERIOD = {"since": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}


def table(content: bytes) -> list[list[Any]]:
    """Return the cells of a workbook with one sheet."""
    (sheet,) = load_workbook(io.BytesIO(content))
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def as_csv(value: Any) -> str:
    """Return a cell of a workbook as the CSV writes it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat()
    return "" if value is None else str(value)


@pytest.fixture
def results(call: Call, services: Services, site: Site, case: OpenCase) -> str:
    """Return the path of the results of a scan that found a copy, and one URL that is gone."""
    site.add_image("/copy.jpg", jpeg(generated_photo(1).resize((320, 240))))
    pages = [site.add_page("/with", ["copy.jpg"]), f"{site.url}/gone"]
    scan = call(SCANNER, "POST", "/v1/scans", json={"urls": pages}).json()["scan"]
    work_off(services)
    return f"/v1/scans/{scan}/results"


@pytest.mark.parametrize("role", [ANALYST, SCANNER])
@pytest.mark.parametrize("how", [{"params": {"format": "xlsx"}}, {"headers": {"Accept": XLSX}}])
def test_the_workbook_of_results_has_the_cells_of_the_csv(
    call: Call, results: str, role: Role, how: dict[str, Any]
) -> None:
    answer = call(role, "GET", results, **how)
    assert answer.headers["content-type"] == XLSX
    shown = table(answer.content)
    plain = call(role, "GET", results, params={"format": "csv"}).text
    expected = list(csv.reader(io.StringIO(plain)))
    times = [number for number, name in enumerate(expected[0]) if name.endswith("_at")]
    assert times
    for row, other in zip(shown, expected, strict=True):
        for number, (value, text) in enumerate(zip(row, other, strict=True)):
            if number in times and text and row is not shown[0]:
                # Excel's times are exact to the millisecond.
                moment = datetime.fromisoformat(text).replace(tzinfo=None)
                assert abs((value - moment).total_seconds()) < 0.001
            else:
                assert as_csv(value) == text
    assert ("tier" in shown[0]) is (role is ANALYST)


@pytest.mark.parametrize("name", ["", "refusals."])
def test_the_workbook_of_statistics_has_the_cells_of_the_csv(call: Call, name: str) -> None:
    answer = call(ANALYST, "GET", "/v1/statistics", params=PERIOD | {"format": f"{name}xlsx"})
    assert answer.headers["content-type"] == XLSX
    plain = call(ANALYST, "GET", "/v1/statistics", params=PERIOD | {"format": f"{name}csv"}).text
    expected = list(csv.reader(io.StringIO(plain)))
    assert [[as_csv(each) for each in row] for row in table(answer.content)] == expected
